// What this machine does to a program that polls: measured before a run in real time and stored with its result, so
// that a reader can tell the system's delays from the host's (DECISIONS 25).
#pragma once

#include <map>
#include <string>

namespace uhaul::runtime {

struct MachineNoise {
  double tsc_hz = 0;     // against CLOCK_MONOTONIC_RAW
  double gap_share = 0;  // of the time that went into gaps of more than 10 us
  double gap_max_us = 0;
  double core_to_core_ns = 0;  // one way; 0 if a second processor was not to be had
};

// What the kernel knows of a virtual machine's host: time that processors were ready to run and did not, since boot.
// All zero where it does not know.
struct HostTime {
  double stolen_s = 0;
  double all_s = 0;  // of all processors
};
HostTime ReadHostTime();
// Of the processors' time between two readings, what the host took: 0 to 1.
double StolenShare(const HostTime& before, const HostTime& after);

// Takes about a quarter of a second. The ping-pong uses a second thread for 20 ms.
MachineNoise MeasureNoise();
std::map<std::string, std::string> Describe(const MachineNoise& noise);

}  // namespace uhaul::runtime
