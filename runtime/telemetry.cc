#include "runtime/telemetry.h"

#include <rte_telemetry.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <string>

namespace uhaul::runtime {
namespace {

// The commands have no argument of ours, so there is one copy in the process. A lock that the lcore only tries: what
// fences would do without one, ThreadSanitizer cannot see.
std::mutex g_mutex;
TelemetrySnapshot g_snapshot;

TelemetrySnapshot Read() {
  const std::lock_guard lock(g_mutex);
  return g_snapshot;
}

void Add(rte_tel_data* dict, const char* name, uint64_t value) { rte_tel_data_add_dict_u64(dict, name, value); }

int OnFit(const char*, const char*, rte_tel_data* data) {
  const TelemetrySnapshot snapshot = Read();
  rte_tel_data_start_dict(data);
  Add(data, "at_ns", snapshot.at_ns);
  for (size_t i = 0; i < std::min<size_t>(snapshot.fit_count, TelemetrySnapshot::kMostFits); ++i) {
    const FitFigures& fit = snapshot.fits[i];
    rte_tel_data* one = rte_tel_data_alloc();
    if (one == nullptr) return -1;
    rte_tel_data_start_dict(one);
    Add(one, "entries", fit.entries);
    Add(one, "capacity", fit.capacity);
    Add(one, "full", fit.full);
    Add(one, "evictions", fit.evictions);
    rte_tel_data_add_dict_container(data, ("nf" + std::to_string(fit.nf)).c_str(), one, 0);
  }
  return 0;
}

int OnMigration(const char*, const char*, rte_tel_data* data) {
  const TelemetrySnapshot snapshot = Read();
  rte_tel_data_start_dict(data);
  Add(data, "at_ns", snapshot.at_ns);
  for (size_t i = 0; i < std::min<size_t>(snapshot.operation_count, TelemetrySnapshot::kMostOperations); ++i) {
    const OperationFigures& operation = snapshot.operations[i];
    rte_tel_data* one = rte_tel_data_alloc();
    if (one == nullptr) return -1;
    const std::string phase(operation.phase.data(), strnlen(operation.phase.data(), operation.phase.size()));
    rte_tel_data_start_dict(one);
    rte_tel_data_add_dict_string(one, "phase", phase.c_str());
    Add(one, "flows", operation.flows);
    Add(one, "held_bytes", operation.held_bytes);
    rte_tel_data_add_dict_container(data, ("operation" + std::to_string(operation.id)).c_str(), one, 0);
  }
  return 0;
}

int OnSwitch(const char*, const char*, rte_tel_data* data) {
  const TelemetrySnapshot snapshot = Read();
  rte_tel_data_start_dict(data);
  Add(data, "at_ns", snapshot.at_ns);
  Add(data, "rules", snapshot.switch_figures.rules);
  Add(data, "forwarded", snapshot.switch_figures.forwarded);
  Add(data, "packet_ins", snapshot.switch_figures.packet_ins);
  Add(data, "packet_outs", snapshot.switch_figures.packet_outs);
  return 0;
}

}  // namespace

Status RegisterTelemetry() {
  static bool registered = false;
  if (registered) return {};
  if (rte_telemetry_register_cmd("/uhaul/fit", OnFit, "Entries of each NF's flow table. No parameters.") != 0 ||
      rte_telemetry_register_cmd("/uhaul/migration", OnMigration, "Operations under way. No parameters.") != 0 ||
      rte_telemetry_register_cmd("/uhaul/switch", OnSwitch, "Rules and packets of the switch. No parameters.") != 0) {
    return Error{"DPDK's telemetry takes no more commands"};
  }
  registered = true;
  return {};
}

void PublishTelemetry(const TelemetrySnapshot& snapshot) {
  const std::unique_lock lock(g_mutex, std::try_to_lock);
  if (lock.owns_lock()) g_snapshot = snapshot;
}

}  // namespace uhaul::runtime
