#include "sim/point_run.h"

#include <unistd.h>

#include <array>
#include <ctime>
#include <utility>

#include "results/point_store.h"
#include "sim/build_info.h"
#include "sim/signals.h"

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

Result<RunRecord> FinishRun(World& world, const PointSpec& spec) {
  if (const Status started = world.StartOperation(spec); !started) return started.error();
  return world.RunToEnd();
}

Result<RunRecord> WholeRun(const PointSpec& spec) {
  const Result<Scenario> scenario = LoadScenario(spec);
  if (!scenario) return scenario.error();
  Result<std::unique_ptr<World>> world = World::Create(spec, *scenario);
  if (!world) return world.error();
  if (const Status warm = (*world)->RunToStart(); !warm) return warm.error();
  return FinishRun(**world, spec);
}

Stopwatch::Stopwatch() : started_(UtcNow()), cpu_start_(ProcessCpuSeconds()) {}
std::string Stopwatch::Now() const { return UtcNow(); }
double Stopwatch::CpuSeconds() const { return ProcessCpuSeconds() - cpu_start_; }

Status StoreRun(const std::string& out, const PlannedPoint& point, RunRecord record, const Stopwatch& stopwatch,
                const std::string& command) {
  const BuildInfo& build = GetBuildInfo();
  StoredPoint stored;
  stored.id = point.id;
  stored.engine = "sim";
  stored.build = build.id;
  stored.spec = CanonicalSpec(point.spec);
  stored.record = std::move(record);
  Provenance provenance;
  provenance.id = point.id;
  provenance.engine = "sim";
  provenance.build = build.id;
  provenance.command = command;
  provenance.host = HostName();
  provenance.started = stopwatch.started();
  provenance.finished = stopwatch.Now();
  provenance.cpu_seconds = stopwatch.CpuSeconds();
  provenance.versions = {{"project", build.version}, {"compiler", build.compiler}, {"ns3", build.ns3}};
  if (!build.commit.empty()) {
    provenance.versions["commit"] = build.commit;
    provenance.versions["dirty"] = build.dirty ? "yes" : "no";
  }
  const SignalsHeld held;
  return WritePoint(out, stored, provenance);
}

}  // namespace uhaul
