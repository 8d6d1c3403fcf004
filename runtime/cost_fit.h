// What real moves say that the components by themselves do not (component_bench.h). In the testbed in one process one
// lcore does the work of both NFs and carries the packets, so a state takes longer to move than its export; messages
// wait for rounds of packets and for the controller to wake; and packets that become events take from what is left.
//
//   without a guarantee, PL:  T(n) = 6 d + b n                 d: one way of a message; b: get + del
//   loss-free, PL + ER:       T(n) = 8 d + b n / (1 - r e)     r: packets per second; e: nf_event
//
// where T is the downtime of a move of n flows. The first is fitted to the medians of each size by least squares,
// neither term below zero; then e to the second. del keeps what was measured alone, get takes the rest of b.
#pragma once

#include <vector>

#include "core/base/result.h"
#include "core/node/profile.h"

namespace uhaul::runtime {

struct MoveTime {
  double flows = 0;
  double ns = 0;  // the median downtime
};

struct Line {
  double intercept = 0;
  double slope = 0;
};

// Least squares with both terms at least zero, weighted by 1/ns: sizes count by their relative error. Needs two sizes.
Result<Line> FitLine(const std::vector<MoveTime>& moves);

struct MoveFit {
  Line plain;                       // without a guarantee, PL
  std::vector<MoveTime> loss_free;  // PL + ER
  double packets_per_second = 0;
};

// The share of the source's time that events take, r e above: from 0 to 0.9, beyond which a move would not end.
double EventShare(const MoveFit& fit);

// `parts`: the components as measured alone; get, nf_event and control_delay are replaced. None becomes less than it
// took alone.
Profile FittedProfile(const Profile& parts, const MoveFit& fit);

}  // namespace uhaul::runtime
