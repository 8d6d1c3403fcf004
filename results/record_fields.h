// The names of a record's fields in ID.json: one table for writer, reader, comparison and import. Elsewhere only
// kStepNames serves, to name steps to people in the same words.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "core/record/record.h"

namespace uhaul {

// Raised when a field is added or changes its meaning: files of another format are refused, and made again.
inline constexpr int kPointFormat = 1;

inline constexpr std::array<const char*, 13> kFlowColumns = {
    "five_tuple",     "arrival_ns",        "first_sent_ns", "last_processed_ns", "finished_ns", "final_bytes",
    "t0_bytes",       "t0_last_packet_ns", "active",        "selected",          "outcome",     "pause_ns",
    "t0_unsent_bytes"};

// By OperationStep.
inline constexpr std::array<const char*, kOperationSteps> kStepNames = {
    "accepted", "selected",    "locked", "first_chunk", "last_chunk", "last_put",
    "rerouted", "last_delete", "done",   "closed",      "aborted"};

// By BufferPlace.
inline constexpr std::array<const char*, kBufferPlaces> kBufferNames = {"controller", "destination"};

inline constexpr int kFlowOutcomes = 11;

struct CounterField {
  const char* name;
  uint64_t RunCounters::*member;
  bool of_engine = false;  // says how the engine worked, not what happened: no part of an exact comparison
};
inline constexpr std::array<CounterField, 17> kCounterFields = {{
    {"packets_sent", &RunCounters::packets_sent},
    {"packets_delivered", &RunCounters::packets_delivered},
    {"packets_lost", &RunCounters::packets_lost},
    {"packets_reordered", &RunCounters::packets_reordered},
    {"packets_duplicated", &RunCounters::packets_duplicated},
    {"link_drops", &RunCounters::link_drops},
    {"fit_full", &RunCounters::fit_full},
    {"events", &RunCounters::events},
    {"packet_ins", &RunCounters::packet_ins},
    {"packet_outs", &RunCounters::packet_outs},
    {"relayed", &RunCounters::relayed},
    {"control_messages", &RunCounters::control_messages},
    {"control_bytes", &RunCounters::control_bytes},
    {"flows_moved", &RunCounters::flows_moved},
    {"rules_installed", &RunCounters::rules_installed},
    {"rules_peak", &RunCounters::rules_peak},
    {"generator_late_ns", &RunCounters::generator_late_ns, true},
}};

// What RunRecord::unmeasured may name beside counters and buffers. "flows.fct" is finished less first sent: it can be
// known where neither is, on two clocks that agree with each other but not with t0's.
inline constexpr std::array<const char*, 10> kMeasurable = {
    "evictions",     "flows.arrival_ns", "flows.fct",      "flows.first_sent_ns",     "flows.last_processed_ns",
    "flows.outcome", "flows.pause_ns",   "flows.t0_bytes", "flows.t0_last_packet_ns", "flows.t0_unsent_bytes"};
// Those, "counters.NAME" and "buffers.NAME".
bool IsMeasurable(std::string_view field);

// 16 hex digits. Against accidents, not against forgery: the key is public.
std::string Checksum(std::string_view text);

}  // namespace uhaul
