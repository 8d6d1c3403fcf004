#include "runtime/cost_fit.h"

#include <algorithm>
#include <cmath>

namespace uhaul::runtime {
namespace {

// Messages one way, one after another: get, chunk, put, acknowledgement, delete, acknowledgement; before them, where
// flows are locked, a request and its acknowledgement.
constexpr double kWays = 6;
constexpr double kWaysLocked = 8;
constexpr int kShares = 900;  // steps of 0.001

Duration Nanos(double ns) { return Duration::Nanos(static_cast<int64_t>(std::llround(ns))); }
double NanosOf(Duration d) { return static_cast<double>(d.nanos()); }

}  // namespace

Result<Line> FitLine(const std::vector<MoveTime>& moves) {
  double w = 0, wx = 0, wy = 0, wxx = 0, wxy = 0;
  for (const MoveTime& move : moves) {
    if (!(move.ns > 0) || !(move.flows > 0)) return Error{"a move that took no time, or moved nothing"};
    const double weight = 1 / (move.ns * move.ns);
    w += weight;
    wx += weight * move.flows;
    wy += weight * move.ns;
    wxx += weight * move.flows * move.flows;
    wxy += weight * move.flows * move.ns;
  }
  const double determinant = w * wxx - wx * wx;
  if (!(determinant > 1e-12 * w * wxx)) return Error{"moves of two sizes at least are needed"};
  const Line free{(wxx * wy - wx * wxy) / determinant, (w * wxy - wx * wy) / determinant};
  if (free.slope < 0) return Line{wy / w, 0};
  if (free.intercept < 0) return Line{0, wxy / wxx};
  return free;
}

double EventShare(const MoveFit& fit) {
  const double start = fit.plain.intercept * kWaysLocked / kWays;
  double best = 0;
  double least = INFINITY;
  for (int step = 0; step <= kShares; ++step) {
    const double share = step * 0.001;
    double error = 0;
    for (const MoveTime& move : fit.loss_free) {
      const double predicted = start + move.flows * fit.plain.slope / (1 - share);
      error += std::pow(predicted / move.ns - 1, 2);
    }
    if (error >= least) continue;
    least = error;
    best = share;
  }
  return best;
}

Profile FittedProfile(const Profile& parts, const MoveFit& fit) {
  Profile profile = parts;
  profile.get.per_item = std::max(parts.get.per_item, Nanos(fit.plain.slope - NanosOf(parts.del.per_item)));
  profile.control_delay = std::max(parts.control_delay, Nanos(fit.plain.intercept / kWays));
  if (fit.packets_per_second > 0) {
    const Duration event = Nanos(EventShare(fit) * 1e9 / fit.packets_per_second);
    profile.nf_event.per_item = std::max(parts.nf_event.per_item, event);
  }
  return profile;
}

}  // namespace uhaul::runtime
