#include "experiments/import_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "experiments/import_csv.h"
#include "experiments/value_text.h"
#include "results/record_fields.h"

namespace uhaul {
namespace {

constexpr int64_t kMostNs = 1'000'000'000'000'000;  // eleven days, as in a trace
constexpr uint64_t kMostBytes = 100'000'000'000;    // of a flow, as in a trace
constexpr uint64_t kMostCount = uint64_t{1} << 62;
constexpr std::string_view kEnded = "ended";

constexpr CsvColumn kStepColumns[] = {{"step", false, true}, {"time", true, true}, {"host"}};
constexpr CsvColumn kCounterColumns[] = {{"name", false, true}, {"value", false, true}};
constexpr CsvColumn kFitColumns[] = {{"at", true, true}, {"before", false, true}, {"after", false, true}, {"host"}};
constexpr CsvColumn kFlowFileColumns[] = {{"five_tuple", false, true},
                                          {"bytes", false, true},
                                          {"active", false, true},
                                          {"selected", false, true},
                                          {"moved"},
                                          {"t0_bytes"},
                                          {"t0_unsent_bytes"},
                                          {"host"},
                                          {"arrival", true},
                                          {"first_sent", true},
                                          {"last_packet", true},
                                          {"finished", true},
                                          {"t0_last_packet", true},
                                          {"pause", true}};

// An instant as it was read, and as it stands on the record's clock.
struct Instant {
  std::string host;
  std::optional<int64_t> read_ns;  // none: it did not happen
  std::optional<int64_t> ns;       // none also where the host's offset is not known
};

class Importer {
 public:
  explicit Importer(const ImportRequest& request) : request_(request) {}

  Result<ImportedRun> Run() {
    for (const auto read : {&Importer::ReadSteps, &Importer::ReadCounters, &Importer::ReadFit, &Importer::ReadFlows}) {
      if (Status status = (this->*read)(); !status.ok()) return status.error();
    }
    Finish();
    return std::move(out_);
  }

 private:
  void Lack(std::string field) { unmeasured_.insert(std::move(field)); }

  bool KnowsClock(const std::string& host) const { return host == reference_ || request_.offsets_ns.contains(host); }

  Result<Instant> ReadInstant(const ImportCsv& csv, std::string_view column) const {
    Instant instant;
    instant.host = csv.HostOf(column);
    if (instant.host.empty() && csv.Has("host")) instant.host = csv.Text("host");
    const Result<std::optional<int64_t>> read = csv.Time(column);
    if (!read.ok()) return read.error();
    instant.read_ns = *read;
    if (!instant.read_ns || !KnowsClock(instant.host)) return instant;
    // The reference's own offset, if one is given, counts for all.
    const int64_t ns = *instant.read_ns - OffsetOf(instant.host) + OffsetOf(reference_) - request_.start_ns;
    if (ns < 0 || ns > kMostNs) {
      return csv.At(column, fmt::format("{} ns after the start of the run; times lie from 0 to {} ns: --start says "
                                        "when the run began",
                                        ns, kMostNs));
    }
    instant.ns = ns;
    return instant;
  }
  int64_t OffsetOf(const std::string& host) const {
    const auto found = request_.offsets_ns.find(host);
    return found == request_.offsets_ns.end() ? 0 : found->second;
  }

  Status ReadSteps() {
    const Result<AcceptedStep> accepted = FindAccepted(request_.steps);
    if (!accepted.ok()) return accepted.error();
    reference_ = accepted->host;  // the record's clock
    Result<ImportCsv> csv = ImportCsv::Open(request_.steps, kStepColumns);
    if (!csv.ok()) return csv.error();
    std::set<std::string, std::less<>> seen;
    for (;;) {
      const Result<bool> more = csv->Next();
      if (!more.ok()) return more.error();
      if (!*more) break;
      const std::string name(csv->Text("step"));
      const auto* step = std::find(kStepNames.begin(), kStepNames.end(), name);
      if (step == kStepNames.end() && name != kEnded) {
        return csv->At("step", fmt::format("there is no step {} (one of {}, {})", Quoted(name),
                                           fmt::join(kStepNames, ", "), kEnded));
      }
      if (!seen.insert(name).second) return csv->At("step", fmt::format("{} is there twice", Quoted(name)));
      const Result<Instant> at = ReadInstant(*csv, "time");
      if (!at.ok()) return at.error();
      if (!at->ns) continue;
      last_ns_ = std::max(last_ns_, *at->ns);
      if (name == kEnded) {
        ended_ns_ = *at->ns;
      } else {
        out_.record.steps_ns[static_cast<size_t>(step - kStepNames.begin())] = *at->ns;
      }
    }
    out_.record.t0_ns = out_.record.step_ns(OperationStep::kAccepted);
    return {};
  }

  // Where a counter's value belongs; nullptr: there is no such counter. Without exceptions for those that are absent:
  // each is unmeasured until it is read.
  uint64_t* CounterOf(const std::string& name) {
    for (const CounterField& field : kCounterFields) {
      if (name == field.name) return &(out_.record.counters.*field.member);
    }
    for (size_t i = 0; i < kBufferNames.size(); ++i) {
      BufferUse& use = out_.record.buffers[i];
      if (name == fmt::format("{}_peak_bytes", kBufferNames[i])) return &use.peak_bytes;
      if (name == fmt::format("{}_volume_bytes", kBufferNames[i])) return &use.volume_bytes;
      if (name == fmt::format("{}_dropped_packets", kBufferNames[i])) return &use.dropped_packets;
    }
    if (name == "capped") return &capped_;
    return nullptr;
  }

  Status ReadCounters() {
    std::set<std::string, std::less<>> seen;
    if (!request_.counters.empty()) {
      Result<ImportCsv> csv = ImportCsv::Open(request_.counters, kCounterColumns);
      if (!csv.ok()) return csv.error();
      for (;;) {
        const Result<bool> more = csv->Next();
        if (!more.ok()) return more.error();
        if (!*more) break;
        const std::string name(csv->Text("name"));
        uint64_t* counter = CounterOf(name);
        if (counter == nullptr) return csv->At("name", fmt::format("there is no counter {}", Quoted(name)));
        if (!seen.insert(name).second) return csv->At("name", fmt::format("{} is there twice", Quoted(name)));
        const Result<uint64_t> value = csv->Whole("value", counter == &capped_ ? 1 : kMostCount);
        if (!value.ok()) return value.error();
        *counter = *value;
      }
    }
    for (const CounterField& field : kCounterFields) {
      if (!seen.contains(field.name)) Lack(fmt::format("counters.{}", field.name));
    }
    for (const char* place : kBufferNames) {
      const bool known =
          seen.contains(fmt::format("{}_peak_bytes", place)) && seen.contains(fmt::format("{}_volume_bytes", place));
      if (!known) Lack(fmt::format("buffers.{}", place));
    }
    return {};
  }

  Status ReadFit() {
    if (request_.fit.empty()) return Lack("evictions"), Status();
    Result<ImportCsv> csv = ImportCsv::Open(request_.fit, kFitColumns);
    if (!csv.ok()) return csv.error();
    for (;;) {
      const Result<bool> more = csv->Next();
      if (!more.ok()) return more.error();
      if (!*more) return {};
      const Result<Instant> at = ReadInstant(*csv, "at");
      const Result<uint64_t> before = csv->Whole("before", UINT32_MAX);
      const Result<uint64_t> after = csv->Whole("after", UINT32_MAX);
      if (!at.ok()) return at.error();
      if (!before.ok()) return before.error();
      if (!after.ok()) return after.error();
      if (!at->ns) {
        if (!at->read_ns) return csv->At("at", "a pass has a time");
        Lack("evictions");
        continue;
      }
      auto& rows = out_.record.evictions;
      if (!rows.empty() && *at->ns < rows.back().at_ns) return csv->At("at", "passes come in the order of their times");
      rows.push_back({*at->ns, static_cast<uint32_t>(*before), static_cast<uint32_t>(*after)});
    }
  }

  // A time that is not known, or whose host is not, makes the whole column unmeasured.
  Result<Instant> FlowTime(const ImportCsv& csv, std::string_view column, const char* field) {
    if (!csv.Has(column)) return Lack(field), Instant();
    Result<Instant> at = ReadInstant(csv, column);
    if (!at.ok()) return at.error();
    if (at->read_ns && !at->ns) Lack(field);
    if (at->ns) last_ns_ = std::max(last_ns_, *at->ns);
    return at;
  }

  Status ReadTimes(const ImportCsv& csv, FlowRow& row, bool* has_arrival) {
    const Result<Instant> arrival = FlowTime(csv, "arrival", "flows.arrival_ns");
    if (!arrival.ok()) return arrival.error();
    const Result<Instant> first = FlowTime(csv, "first_sent", "flows.first_sent_ns");
    if (!first.ok()) return first.error();
    const Result<Instant> finished = FlowTime(csv, "finished", "flows.fct");
    if (!finished.ok()) return finished.error();
    const bool has_last = csv.Has("last_packet");
    const Result<Instant> last = has_last ? FlowTime(csv, "last_packet", "flows.last_processed_ns") : finished;
    if (!last.ok()) return last.error();
    const Result<Instant> before = FlowTime(csv, "t0_last_packet", "flows.t0_last_packet_ns");
    if (!before.ok()) return before.error();
    if (!has_last && (!csv.Has("finished") || (finished->read_ns && !finished->ns))) Lack("flows.last_processed_ns");
    if (!csv.Has("first_sent")) Lack("flows.fct");

    row.first_sent_ns = first->ns.value_or(kNever);
    row.finished_ns = finished->ns.value_or(kNever);
    row.last_processed_ns = last->ns.value_or(kNever);
    row.t0_last_packet_ns = before->ns.value_or(kNever);
    if (first->read_ns && finished->read_ns && !(first->ns && finished->ns)) {
      // The duration holds on one host's clock, whatever that clock shows.
      if (first->host == finished->host) {
        row.first_sent_ns = *first->read_ns;
        row.finished_ns = *finished->read_ns;
      } else {
        fct_is_lost_ = true;
      }
    }
    fct_on_one_clock_ = fct_on_one_clock_ || (first->read_ns && finished->read_ns);
    const std::optional<int64_t> start = arrival->ns ? arrival->ns : first->ns;
    *has_arrival = start.has_value();
    row.arrival_ns = start.value_or(0);
    return {};
  }

  Status ReadCounts(const ImportCsv& csv, FlowRow& row) {
    const auto whole = [&](const char* column, const char* field, uint64_t most, auto set) -> Status {
      if (!csv.Has(column)) return Lack(field), Status();
      const Result<uint64_t> value = csv.Whole(column, most);
      if (!value.ok()) return value.error();
      set(*value);
      return {};
    };
    Status status = whole("bytes", "", kMostBytes, [&](uint64_t v) { row.final_bytes = v; });
    if (status.ok()) status = whole("active", "", 1, [&](uint64_t v) { row.active = v != 0; });
    if (status.ok()) status = whole("selected", "", 1, [&](uint64_t v) { row.selected = v != 0; });
    if (status.ok()) {
      status = whole("t0_bytes", "flows.t0_bytes", kMostBytes, [&](uint64_t v) { row.t0_bytes = v; });
    }
    if (status.ok()) {
      status = whole("t0_unsent_bytes", "flows.t0_unsent_bytes", kMostBytes,
                     [&](uint64_t v) { row.t0_unsent_bytes = static_cast<int64_t>(v); });
    }
    if (status.ok()) {
      status = whole("moved", "flows.outcome", 1,
                     [&](uint64_t v) { row.outcome = v != 0 ? FlowOutcome::kMoved : FlowOutcome::kPending; });
    }
    if (!status.ok()) return status;
    if (row.final_bytes == 0) return csv.At("bytes", "a flow has at least one byte");
    if (!csv.Has("pause")) return Lack("flows.pause_ns"), Status();
    const Result<std::optional<int64_t>> pause = csv.Time("pause");
    if (!pause.ok()) return pause.error();
    row.pause_ns = pause->value_or(0);
    return {};
  }

  Status ReadFlows() {
    Result<ImportCsv> csv = ImportCsv::Open(request_.flows, kFlowFileColumns);
    if (!csv.ok()) return csv.error();
    std::set<FiveTuple> seen;
    for (;;) {
      const Result<bool> more = csv->Next();
      if (!more.ok()) return more.error();
      if (!*more) return {};
      FlowRow row;
      const Result<FiveTuple> tuple = FiveTuple::Parse(csv->Text("five_tuple"));
      if (!tuple.ok()) return csv->At("five_tuple", tuple.error().message);
      row.tuple = *tuple;
      if (!seen.insert(row.tuple).second) return csv->At("five_tuple", "this flow is there twice");
      bool has_arrival = false;
      if (Status read = ReadTimes(*csv, row, &has_arrival); !read.ok()) return read;
      if (Status read = ReadCounts(*csv, row); !read.ok()) return read;
      all_arrive_ = all_arrive_ && has_arrival;
      out_.trace.flows.push_back({TimePoint::FromNanos(row.arrival_ns), row.final_bytes, row.tuple});
      // Flows that were over before t0 are of the trace alone.
      const bool came_later = row.first_sent_ns != kNever && row.first_sent_ns >= out_.record.t0_ns;
      if (row.active || came_later) out_.record.flows.push_back(row);
    }
  }

  void Finish() {
    RunRecord& record = out_.record;
    record.capped = capped_ != 0;
    record.ended_ns = ended_ns_.value_or(last_ns_);
    // Finished on an unknown clock was noted as lost; on one clock with its start it is not.
    if (fct_is_lost_) Lack("flows.fct");
    if (!fct_is_lost_ && fct_on_one_clock_) unmeasured_.erase("flows.fct");
    if (!unmeasured_.contains("flows.outcome") && unmeasured_.erase("counters.flows_moved") > 0) {
      record.counters.flows_moved =
          static_cast<uint64_t>(std::count_if(record.flows.begin(), record.flows.end(),
                                              [](const FlowRow& row) { return row.outcome == FlowOutcome::kMoved; }));
    }
    if (unmeasured_.contains("flows.first_sent_ns")) {
      std::erase_if(record.flows, [](const FlowRow& row) { return !row.active; });
    }
    if (unmeasured_.contains("evictions")) record.evictions.clear();
    std::sort(record.flows.begin(), record.flows.end(), [](const FlowRow& a, const FlowRow& b) {
      return std::forward_as_tuple(!a.active, a.tuple) < std::forward_as_tuple(!b.active, b.tuple);
    });
    record.unmeasured.assign(unmeasured_.begin(), unmeasured_.end());
    if (!all_arrive_) out_.trace.flows.clear();
    std::sort(out_.trace.flows.begin(), out_.trace.flows.end(), [](const TraceFlow& a, const TraceFlow& b) {
      return std::tie(a.arrival, a.tuple) < std::tie(b.arrival, b.tuple);
    });
    out_.trace.about = {{"workload", "import"}};
  }

  const ImportRequest& request_;
  ImportedRun out_;
  std::string reference_;             // host of the record's clock
  std::set<std::string> unmeasured_;  // in order, as the record needs it
  std::optional<int64_t> ended_ns_;
  int64_t last_ns_ = 0;
  uint64_t capped_ = 0;
  bool fct_is_lost_ = false;
  bool fct_on_one_clock_ = false;
  bool all_arrive_ = true;
};

}  // namespace

// Wherever its line stands.
Result<AcceptedStep> FindAccepted(const std::string& steps) {
  Result<ImportCsv> csv = ImportCsv::Open(steps, kStepColumns);
  if (!csv.ok()) return csv.error();
  for (;;) {
    const Result<bool> more = csv->Next();
    if (!more.ok()) return more.error();
    if (!*more) return Error{fmt::format("{}:1:1: error: the step 'accepted' is missing; it is t0", steps)};
    if (csv->Text("step") != kStepNames[static_cast<size_t>(OperationStep::kAccepted)]) continue;
    AcceptedStep accepted{csv->HostOf("time"), 0};
    if (accepted.host.empty() && csv->Has("host")) accepted.host = csv->Text("host");
    const Result<std::optional<int64_t>> time = csv->Time("time");
    if (!time.ok()) return time.error();
    if (!*time) return csv->At("time", "'accepted' has no time");
    accepted.time_ns = **time;
    return accepted;
  }
}

Result<ImportedRun> ImportRun(const ImportRequest& request) { return Importer(request).Run(); }

}  // namespace uhaul
