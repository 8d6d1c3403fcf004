// `uhaul calibrate`: what this machine's control plane costs, as a profile that the simulator reads. First the
// components by themselves (component_bench.h), then real moves in real time with nothing charged, of several sizes and
// two schemes, and a fit (cost_fit.h). What validation holds out (order-preserving moves, U-HAUL, other sizes) is not
// run.
#pragma once

#include <string>
#include <vector>

#include "experiments/profile_file.h"
#include "runtime/component_bench.h"
#include "runtime/cost_fit.h"

namespace uhaul::runtime {

struct CalibrateOptions {
  std::string out;  // the profile's file; empty: none is written
  std::string name = "this-machine";
  bool quick = false;  // fewer rounds: for tests and a first look
  bool json = false;
  int repeat = 9;  // of each move
  std::vector<std::string> eal;
};

struct Calibration {
  ProfileFile file;
  std::vector<ComponentCost> components;  // as measured alone
  std::vector<MoveTime> plain;            // medians of moves without a guarantee
  MoveFit fit;
  int runs = 0;
  double gap_share = 0;  // the runs' median (machine_noise.h)
  int late = 0;          // runs that did not keep their rate and are left out, unless too few are left
};

Result<Calibration> Calibrate(const CalibrateOptions& options);
std::string CalibrationText(const Calibration& calibration);
std::string CalibrationJson(const Calibration& calibration);

// The program's command; the exit code.
int RunCalibrate(const CalibrateOptions& options);

}  // namespace uhaul::runtime
