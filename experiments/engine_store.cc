#include "experiments/engine_store.h"

#include <unistd.h>

#include <array>
#include <ctime>
#include <utility>

#include "experiments/signals.h"
#include "experiments/workload_file.h"
#include "results/point_store.h"

namespace uhaul {
namespace {

double ProcessCpuSeconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

std::string UtcNow() {
  const time_t now = std::time(nullptr);
  tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text.data();
}

std::string HostName() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

}  // namespace

Stopwatch::Stopwatch() : started_(UtcNow()), cpu_start_(ProcessCpuSeconds()) {}
std::string Stopwatch::Now() const { return UtcNow(); }
double Stopwatch::CpuSeconds() const { return ProcessCpuSeconds() - cpu_start_; }

Status StoreRun(const std::string& out, const PlannedPoint& point, RunRecord record, const Engine& engine,
                const Stopwatch& stopwatch, const std::string& command) {
  const BuildInfo& build = engine.build();
  StoredPoint stored;
  stored.id = point.id;
  stored.engine = build.engine;
  stored.build = build.id;
  stored.spec = CanonicalSpec(point.spec);
  stored.record = std::move(record);
  Provenance provenance;
  provenance.id = point.id;
  provenance.engine = build.engine;
  provenance.build = build.id;
  provenance.command = command;
  provenance.host = HostName();
  provenance.started = stopwatch.started();
  provenance.finished = stopwatch.Now();
  provenance.cpu_seconds = stopwatch.CpuSeconds();
  provenance.versions = {
      {"project", build.version}, {"compiler", build.compiler}, {build.library, build.library_version}};
  provenance.measurements = engine.Measurements();
  if (!build.commit.empty()) {
    provenance.versions["commit"] = build.commit;
    provenance.versions["dirty"] = build.dirty ? "yes" : "no";
  }
  const SignalsHeld held;
  if (IsCapture(point.spec.workload)) {
    const Status written = WriteBeside(out, point.id, "records.csv", AssetText(engine.Records()));
    if (!written) return written;
  }
  return WritePoint(out, stored, provenance);
}

}  // namespace uhaul
