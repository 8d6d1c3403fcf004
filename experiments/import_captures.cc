#include "experiments/import_captures.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "experiments/import_run.h"
#include "workloads/capture_points.h"

namespace uhaul {
namespace {

// A flow at one point, up to t0 and after.
struct Passed {
  uint64_t bytes = 0;
  uint64_t bytes_before = 0;
  int64_t first_ns = 0;
  int64_t last_before_ns = 0;  // 0: nothing before t0
};

class Tables {
 public:
  explicit Tables(const CaptureImport& import) : import_(import) {}

  Result<CaptureTables> Make() {
    const Result<AcceptedStep> accepted = FindAccepted(import_.steps);
    if (!accepted.ok()) return accepted.error();
    accepted_ = *accepted;
    for (const char* needed : {"generator", "nf1"}) {
      if (!import_.files.contains(needed)) return Error{fmt::format("--capture {}=FILE is needed", needed)};
    }
    for (const auto& [point, file] : import_.files) {
      if (Status known = CheckClock(point); !known.ok()) return known.error();
      if (point == "sink") continue;
      if (Status read = ReadPoint(point, file); !read.ok()) return read.error();
    }
    if (const auto sink = import_.files.find("sink"); sink != import_.files.end()) {
      Result<PointComparison> compared = CompareCaptures(import_.files.at("generator"), sink->second);
      if (!compared.ok()) return compared.error();
      compared_ = *std::move(compared);
    }
    return Write();
  }

 private:
  bool OneClock() const { return accepted_.host.empty(); }
  // What a point's clock shows more than that of `accepted`.
  int64_t AheadOf(const std::string& point) const {
    const auto ahead = [this](const std::string& host) {
      const auto at = import_.offsets_ns.find(host);
      return at == import_.offsets_ns.end() ? 0 : at->second;
    };
    return OneClock() ? 0 : ahead(point) - ahead(accepted_.host);
  }
  Status CheckClock(const std::string& point) const {
    if (OneClock() || point == accepted_.host || import_.offsets_ns.contains(point)) return {};
    return Error{
        fmt::format("the clock of {} is not known: --offset {}=DURATION says how far it is ahead of that of {}, "
                    "where 'accepted' was read",
                    point, point, accepted_.host)};
  }

  Status ReadPoint(const std::string& point, const std::string& file) {
    Result<CaptureReader> reader = CaptureReader::Open(file);
    if (!reader.ok()) return reader.error();
    CaptureFlows capture(*std::move(reader));
    std::map<FiveTuple, Passed>& flows = points_[point];
    const int64_t t0_ns = accepted_.time_ns + AheadOf(point);
    CaptureFlows::Seen seen;
    bool before = false;
    for (;;) {
      const Result<bool> more = capture.Next(&seen);
      if (!more.ok()) return more.error();
      if (!*more) break;
      const auto [at, inserted] = flows.try_emplace(seen.frame.tuple);
      Passed& flow = at->second;
      const int64_t time_ns = seen.packet.time_ns;
      if (inserted) flow.first_ns = time_ns;
      flow.bytes += seen.frame.ip_octets;
      if (time_ns >= t0_ns) continue;
      before = true;
      flow.bytes_before += seen.frame.ip_octets;
      flow.last_before_ns = std::max(flow.last_before_ns, time_ns);
    }
    if (point == "generator") start_ns_ = capture.totals().start_ns;
    if (point != "nf1" || before) return {};
    return Error{
        fmt::format("{}: no packet is older than 'accepted' ({} ns): is that the time since 1970, as in the "
                    "capture?",
                    file, t0_ns)};
  }

  const Passed* Find(const char* point, const FiveTuple& tuple) const {
    const auto flows = points_.find(point);
    if (flows == points_.end()) return nullptr;
    const auto at = flows->second.find(tuple);
    return at == flows->second.end() ? nullptr : &at->second;
  }

  bool Active(const Passed* source) const {
    const int64_t t0_ns = accepted_.time_ns + AheadOf("nf1");
    return source != nullptr && source->last_before_ns > 0 && t0_ns - source->last_before_ns <= import_.window.nanos();
  }

  std::string Column(const char* name, const char* point) const {
    return OneClock() ? fmt::format(",{}_ns", name) : fmt::format(",{}_ns@{}", name, point);
  }

  CaptureTables Write() const {
    CaptureTables tables;
    tables.start_ns = start_ns_ - AheadOf("generator");
    std::map<FiveTuple, const PointFlow*> behind;
    if (compared_) {
      for (const PointFlow& flow : compared_->flows) behind.emplace(flow.tuple, &flow);
    }
    tables.flows = "five_tuple,bytes,active,selected,moved,t0_bytes,t0_unsent_bytes" +
                   Column("first_sent", "generator") + Column("t0_last_packet", "nf1") +
                   (compared_ ? Column("finished", "sink") : "") + "\n";
    for (const auto& [tuple, sent] : points_.at("generator")) {
      const Passed* source = Find("nf1", tuple);
      const Passed* target = Find("nf2", tuple);
      const bool active = Active(source);
      const bool moved = active && target != nullptr && target->bytes_before == 0;
      tables.flows +=
          fmt::format("{},{},{:d},{:d},{:d},{},{},{},", tuple.ToString(), sent.bytes, active, moved, moved,
                      source == nullptr ? 0 : source->bytes_before, sent.bytes - sent.bytes_before, sent.first_ns);
      if (source != nullptr && source->last_before_ns > 0) tables.flows += fmt::to_string(source->last_before_ns);
      if (compared_) tables.flows += "," + Finished(*behind.at(tuple));
      tables.flows += "\n";
    }
    tables.counters = Counters();
    return tables;
  }

  // Empty: some of it never came.
  std::string Finished(const PointFlow& flow) const {
    return flow.lost() > 0 ? "" : fmt::to_string(start_ns_ + flow.finished.nanos());
  }

  std::string Counters() const {
    std::string counters = "name,value\n";
    if (!compared_) return counters;
    uint64_t sent = 0, received = 0, lost = 0, repeated = 0, reordered = 0;
    for (const PointFlow& flow : compared_->flows) {
      sent += flow.sent;
      received += flow.received + flow.repeated;
      lost += flow.lost();
      repeated += flow.repeated;
      reordered += flow.reordered;
    }
    return counters + fmt::format(
                          "packets_sent,{}\npackets_delivered,{}\npackets_lost,{}\npackets_duplicated,{}\n"
                          "packets_reordered,{}\n",
                          sent, received, lost, repeated, reordered);
  }

  const CaptureImport& import_;
  AcceptedStep accepted_;
  int64_t start_ns_ = 0;  // on the generator's clock
  std::map<std::string, std::map<FiveTuple, Passed>> points_;
  std::optional<PointComparison> compared_;
};

}  // namespace

Result<CaptureTables> TablesOf(const CaptureImport& import) { return Tables(import).Make(); }

}  // namespace uhaul
