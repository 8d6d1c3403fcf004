// Writes a record as the CSV files that `uhaul import` reads: what a testbed's own scripts would do.
#pragma once

#include <fmt/format.h>

#include <fstream>
#include <string>

#include "core/record/record.h"
#include "results/record_fields.h"

namespace uhaul {

inline std::string TimeField(int64_t ns) { return ns == kNever ? "" : fmt::to_string(ns); }

inline void WriteRecordCsv(const RunRecord& record, const std::string& folder) {
  std::ofstream flows(folder + "/flows.csv");
  flows << "five_tuple,arrival_ns,first_sent_ns,last_packet_ns,finished_ns,bytes,t0_bytes,t0_last_packet_ns,active,"
           "selected,moved,pause_us,t0_unsent_bytes\n";
  for (const FlowRow& row : record.flows) {
    flows << fmt::format("{},{},{},{},{},{},{},{},{},{},{},{}.{:03},{}\n", row.tuple.ToString(), row.arrival_ns,
                         TimeField(row.first_sent_ns), TimeField(row.last_processed_ns), TimeField(row.finished_ns),
                         row.final_bytes, row.t0_bytes, TimeField(row.t0_last_packet_ns), row.active ? 1 : 0,
                         row.selected ? 1 : 0, row.outcome == FlowOutcome::kMoved ? 1 : 0, row.pause_ns / 1000,
                         row.pause_ns % 1000, row.t0_unsent_bytes);
  }
  std::ofstream steps(folder + "/steps.csv");
  steps << "step,time_ns\n";
  for (size_t i = 0; i < kStepNames.size(); ++i) {
    if (record.steps_ns[i] != kNever) steps << fmt::format("{},{}\n", kStepNames[i], record.steps_ns[i]);
  }
  steps << fmt::format("ended,{}\n", record.ended_ns);
  std::ofstream counters(folder + "/counters.csv");
  counters << "name,value\n" << fmt::format("capped,{}\n", record.capped ? 1 : 0);
  for (const CounterField& field : kCounterFields) {
    counters << fmt::format("{},{}\n", field.name, record.counters.*field.member);
  }
  for (size_t i = 0; i < kBufferNames.size(); ++i) {
    counters << fmt::format("{0}_peak_bytes,{1}\n{0}_volume_bytes,{2}\n{0}_dropped_packets,{3}\n", kBufferNames[i],
                            record.buffers[i].peak_bytes, record.buffers[i].volume_bytes,
                            record.buffers[i].dropped_packets);
  }
  std::ofstream fit(folder + "/fit.csv");
  fit << "at_ns,before,after\n";
  for (const EvictionRow& row : record.evictions) fit << fmt::format("{},{},{}\n", row.at_ns, row.before, row.after);
}

}  // namespace uhaul
