#include "runtime/calibrate.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "core/base/check.h"
#include "experiments/engine_runner.h"
#include "experiments/schema.h"
#include "results/metrics.h"
#include "results/point_store.h"
#include "runtime/runtime_engine.h"

namespace uhaul::runtime {
namespace {

using Json = nlohmann::json;

constexpr const char* kPlain = "opennf-ng-pl";
constexpr const char* kLossFree = "opennf-lf-pl-er";
constexpr int kFewest = 3;  // runs that kept their rate; with fewer, all count

// A folder of results that goes away.
class Workshop {
 public:
  Workshop() {
    std::string name = (std::filesystem::temp_directory_path() / "uhaul-calibrate-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~Workshop() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::vector<PointSpec> Moves() {
  std::vector<PointSpec> points;
  for (const char* scheme : {kPlain, kLossFree}) {
    for (const char* workload : {"even:100", "even:1000"}) {
      PointSpec spec = DefaultSpec();
      spec.workload = workload;
      spec.senders = SenderKind::kUnlimited;
      spec.trace = 1;
      spec.scheme = *FindScheme(scheme);
      spec.profile = *FindProfile("native");
      spec.migration_lead = Duration::Millis(5);
      spec.cap = Duration::Seconds(10);
      // As soon as the FIT is full: a run takes a second, and the machine is less likely to interfere.
      spec.migration_after = Duration::Millis(300);
      spec.migration_within = Duration::Millis(150);
      spec.duration = Duration::Millis(600);
      points.push_back(std::move(spec));
    }
  }
  return points;
}

struct Samples {
  std::string scheme;
  std::vector<MoveTime> kept;
  std::vector<MoveTime> late;
  std::vector<double> gap_share;
};

// Adds the runs of one repetition, by point.
Status Collect(const std::vector<PointSpec>& points, const std::string& folder, std::vector<Samples>* samples) {
  for (size_t i = 0; i < points.size(); ++i) {
    const std::string id = PointId(points[i]);
    const Result<StoredPoint> point = ReadPoint(folder, id);
    if (!point) return point.error();
    const Result<Provenance> provenance = ReadProvenance(folder, id);
    if (!provenance) return provenance.error();
    const std::optional<double> downtime = DowntimeMs(point->record);
    const auto moved = static_cast<double>(point->record.counters.flows_moved);
    if (!downtime || moved == 0) return Error{"a move of " + points[i].workload + " did not end, or moved nothing"};
    Samples& sample = (*samples)[i];
    sample.scheme = points[i].scheme.name;
    const auto kept = provenance->measurements.find("kept_rate");
    const bool late = kept == provenance->measurements.end() || kept->second != "yes";
    (late ? sample.late : sample.kept).push_back({moved, *downtime * 1e6});
    const auto gaps = provenance->measurements.find("gap_share");
    if (gaps != provenance->measurements.end()) sample.gap_share.push_back(std::atof(gaps->second.c_str()));
  }
  return {};
}

MoveTime MedianOf(const Samples& samples) {
  std::vector<MoveTime> runs = samples.kept;
  if (runs.size() < kFewest) runs.insert(runs.end(), samples.late.begin(), samples.late.end());
  UHAUL_CHECK(!runs.empty());
  std::sort(runs.begin(), runs.end(), [](const MoveTime& a, const MoveTime& b) { return a.ns < b.ns; });
  return runs[runs.size() / 2];
}

std::vector<MoveTime> MediansOf(const std::vector<Samples>& samples, const std::string& scheme) {
  std::vector<MoveTime> moves;
  for (const Samples& sample : samples) {
    if (sample.scheme == scheme) moves.push_back(MedianOf(sample));
  }
  return moves;
}

Status MeasureMoves(const CalibrateOptions& options, Calibration* calibration) {
  const Workshop workshop;
  if (workshop.path().empty()) return Error{"no folder for temporary files can be made"};
  const std::vector<PointSpec> points = Moves();
  std::vector<Samples> samples(points.size());
  for (int i = 0; i < options.repeat; ++i) {
    if (!options.json) std::fprintf(stderr, "calibrate: moves, %d of %d\n", i + 1, options.repeat);
    const std::string folder = fmt::format("{}/{}", workshop.path(), i);
    const int code = RunPlan(PlanInMemory(MakePlan(points, folder)), {.jobs = 1, .command = "calibrate"}, [&] {
      return std::make_unique<RuntimeEngine>(RuntimeOptions{.clock = ClockKind::kTsc, .eal = options.eal});
    });
    if (code != 0) return Error{fmt::format("the moves could not be made (exit code {})", code)};
    if (const Status read = Collect(points, folder, &samples); !read) return read;
  }
  std::vector<double> gaps;
  for (const Samples& sample : samples) {
    gaps.insert(gaps.end(), sample.gap_share.begin(), sample.gap_share.end());
    calibration->runs += static_cast<int>(sample.kept.size() + sample.late.size());
    calibration->late += static_cast<int>(sample.late.size());
  }
  if (!gaps.empty()) calibration->gap_share = Summed("", gaps, "").ns;
  calibration->plain = MediansOf(samples, kPlain);
  const Result<Line> plain = FitLine(calibration->plain);
  if (!plain) return plain.error();
  const PointSpec& spec = points.front();
  const double packet_ns = static_cast<double>(spec.link_rate.TransmissionTime(Bytes(spec.packet_bytes)).nanos());
  calibration->fit = {*plain, MediansOf(samples, kLossFree), spec.load * 1e9 / packet_ns};
  return {};
}

Profile PartsOf(const std::vector<ComponentCost>& components, const std::string& name) {
  Profile profile = *FindProfile("native");
  profile.name = name;
  const std::map<std::string, Cost*> costs = {{"get", &profile.get},       {"put", &profile.put},
                                              {"del", &profile.del},       {"nf_event", &profile.nf_event},
                                              {"detect", &profile.detect}, {"message", &profile.message},
                                              {"event", &profile.event},   {"packet_out", &profile.packet_out},
                                              {"rule", &profile.rule}};
  for (const ComponentCost& component : components) {
    const Duration cost = Duration::Nanos(std::max<int64_t>(1, std::llround(component.ns)));
    if (component.name == "control_delay") profile.control_delay = cost;
    if (const auto found = costs.find(component.name); found != costs.end()) found->second->per_item = cost;
  }
  return profile;
}

std::string Today() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  return fmt::format("{:04}-{:02}-{:02}", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday);
}

std::string Load() {
  std::ifstream in("/proc/loadavg");
  std::string load;
  in >> load;
  return load.empty() ? "unknown" : load;
}

// What of the profile the fit changed, by component.
std::vector<ComponentCost> Fitted(const Calibration& c) {
  const Profile& p = c.file.profile;
  return {{"get", static_cast<double>(p.get.per_item.nanos()), 0, "fitted: what a state takes of the lcore, less del"},
          {"nf_event", static_cast<double>(p.nf_event.per_item.nanos()), 0,
           "fitted: what a packet by the controller takes from the lcore"},
          {"control_delay", static_cast<double>(p.control_delay.nanos()), 0,
           "fitted: a message's way under load, rounds of packets and wake-ups included"}};
}

}  // namespace

Result<Calibration> Calibrate(const CalibrateOptions& options) {
  Calibration calibration;
  const std::string load = Load();
  Result<std::vector<ComponentCost>> components = MeasureComponents({.rounds = options.quick ? 7 : 15});
  if (!components) return components.error();
  calibration.components = *std::move(components);
  if (const Status moved = MeasureMoves(options, &calibration); !moved) return moved.error();
  ProfileFile& file = calibration.file;
  file.profile = FittedProfile(PartsOf(calibration.components, options.name), calibration.fit);
  file.about = "What the DPDK engine's control plane costs on one machine, all roles on one lcore (uhaul calibrate)";
  const BuildInfo& build = RuntimeEngine({}).build();
  file.measured = {{"date", Today()},
                   {"commit", build.commit.empty() ? "unknown" : build.commit + (build.dirty ? " (changed)" : "")},
                   {"load", load},
                   {"gap_share", fmt::format("{:.4f}", calibration.gap_share)},
                   {"moves", fmt::format("{}, {} late", calibration.runs, calibration.late)}};
  return calibration;
}

std::string CalibrationText(const Calibration& c) {
  std::string out = fmt::format("{:<14} {:>12} {:>12}  {}\n", "component", "cost", "spread", "how");
  const auto row = [&](const ComponentCost& cost, bool spread) {
    out += fmt::format("{:<14} {:>9.0f} ns {:>12}  {}\n", cost.name, cost.ns,
                       spread ? fmt::format("{:.0f} ns", cost.spread_ns) : "", cost.how);
  };
  for (const ComponentCost& cost : c.components) row(cost, true);
  out += fmt::format("\nmoves in real time, {} runs, {} of them late:\n", c.runs, c.late);
  for (const auto& [scheme, moves] : {std::pair(kPlain, c.plain), std::pair(kLossFree, c.fit.loss_free)}) {
    for (const MoveTime& move : moves)
      out += fmt::format("{:<18} {:>6.0f} flows {:>9.3f} ms\n", scheme, move.flows, move.ns * 1e-6);
  }
  out += "\n";
  for (const ComponentCost& cost : Fitted(c)) row(cost, false);
  for (const auto& [key, text] : c.file.measured) out += fmt::format("{}: {}\n", key, text);
  return out;
}

std::string CalibrationJson(const Calibration& c) {
  Json components = Json::array();
  for (const ComponentCost& cost : c.components) {
    components.push_back({{"name", cost.name}, {"ns", cost.ns}, {"spread_ns", cost.spread_ns}, {"how", cost.how}});
  }
  Json fitted = Json::object();
  for (const ComponentCost& cost : Fitted(c)) fitted[cost.name] = cost.ns;
  Json measured = Json::object();
  for (const auto& [key, text] : c.file.measured) measured[key] = text;
  const auto moves = [](const std::vector<MoveTime>& times) {
    Json list = Json::array();
    for (const MoveTime& move : times) list.push_back({{"flows", move.flows}, {"ns", move.ns}});
    return list;
  };
  return Json{{"name", c.file.profile.name},
              {"components", std::move(components)},
              {"moves", {{kPlain, moves(c.plain)}, {kLossFree, moves(c.fit.loss_free)}}},
              {"fitted_ns", std::move(fitted)},
              {"measured", std::move(measured)}}
             .dump(2) +
         "\n";
}

int RunCalibrate(const CalibrateOptions& options) {
  const Result<Calibration> calibration = Calibrate(options);
  if (!calibration) {
    std::fprintf(stderr, "uhaul-runtime: %s\n", calibration.error().message.c_str());
    return 1;
  }
  const std::string text = options.json ? CalibrationJson(*calibration) : CalibrationText(*calibration);
  std::fputs(text.c_str(), stdout);
  if (options.out.empty()) return 0;
  const Status written = WriteProfile(options.out, calibration->file);
  if (written) return 0;
  std::fprintf(stderr, "%s\n", written.error().message.c_str());
  return 65;
}

}  // namespace uhaul::runtime
