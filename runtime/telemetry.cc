#include "runtime/telemetry.h"

#include <rte_telemetry.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <string>
#include <type_traits>

namespace uhaul::runtime {
namespace {

static_assert(std::is_trivially_copyable_v<TelemetrySnapshot>);
static_assert(sizeof(TelemetrySnapshot) % sizeof(uint64_t) == 0);
using Words = std::array<uint64_t, sizeof(TelemetrySnapshot) / sizeof(uint64_t)>;

// A sequence lock: odd while it is written. The commands have no argument of ours, so there is one in the process.
std::atomic<uint64_t> g_sequence = 0;
std::array<std::atomic<uint64_t>, std::tuple_size_v<Words>> g_words;

TelemetrySnapshot Read() {
  Words words;
  while (true) {
    const uint64_t before = g_sequence.load(std::memory_order_acquire);
    for (size_t i = 0; i < words.size(); ++i) words[i] = g_words[i].load(std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (before % 2 == 0 && g_sequence.load(std::memory_order_relaxed) == before) break;
  }
  return std::bit_cast<TelemetrySnapshot>(words);
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
  const auto words = std::bit_cast<Words>(snapshot);
  const uint64_t sequence = g_sequence.load(std::memory_order_relaxed);
  g_sequence.store(sequence + 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  for (size_t i = 0; i < words.size(); ++i) g_words[i].store(words[i], std::memory_order_relaxed);
  g_sequence.store(sequence + 2, std::memory_order_release);
}

}  // namespace uhaul::runtime
