// CPU time per packet and memory of the simulator: a stock ns-3 script, packets, trains. Every measurement is a process
// of its own; ways take turns, so that a machine that changes its speed changes it for all.
//
//   bench_sim [RUNS]     RUNS of each (5); prints best and median, and ratios of the medians
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "experiments/schema.h"
#include "sim/point_run.h"
#include "tests/bench/stock_ns3.h"

namespace {

using namespace uhaul;  // NOLINT

struct Measured {
  double cpu_s = 0;
  uint64_t packets = 0;
  long peak_kib = 0;  // of resident memory
};

double CpuSeconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

Measured InChild(const std::function<uint64_t()>& work) {
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  std::fflush(nullptr);
  const pid_t pid = fork();
  if (pid == 0) {
    Measured m;
    const double before = CpuSeconds();
    m.packets = work();
    m.cpu_s = CpuSeconds() - before;
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    m.peak_kib = usage.ru_maxrss;
    _exit(write(ends[1], &m, sizeof m) == static_cast<ssize_t>(sizeof m) ? 0 : 1);
  }
  close(ends[1]);
  Measured m;
  if (read(ends[0], &m, sizeof m) != static_cast<ssize_t>(sizeof m)) std::abort();
  close(ends[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  return m;
}

uint64_t RunPoint(const PointSpec& spec, Granularity granularity) {
  SetDefaultGranularity(granularity);
  const Result<RunRecord> record = WholeRun(spec);
  if (!record) {
    std::fprintf(stderr, "%s\n", record.error().message.c_str());
    std::exit(1);
  }
  return record->counters.packets_delivered;
}

// Half a second before the migration, whatever follows after.
PointSpec Point(const std::string& workload, const std::string& scheme) {
  PointSpec spec = DefaultSpec();
  spec.workload = workload;
  spec.duration = Duration::Seconds(1);
  spec.migration_after = Duration::Millis(500);
  spec.migration_within = {};
  spec.scheme = FindScheme(scheme).value();
  return spec;
}

// So many flows that send in turns: before the migration all of them have sent, and few have ended.
PointSpec AtOnce(uint32_t flows) {
  PointSpec spec = Point("even:" + std::to_string(flows), "none");
  spec.senders = SenderKind::kUnlimited;
  spec.fit.capacity = std::bit_ceil(flows);
  spec.fit.window = Duration::Seconds(2);
  spec.packet_bytes = 640;  // two packets each
  spec.migration_after = Duration::Millis(600);
  spec.phase = MigrationPhase::kRandom;
  return spec;
}

// To t0: the record of a migration has a row per flow, which is not what is measured here.
uint64_t RunAtOnce(uint32_t flows) {
  const PointSpec spec = AtOnce(flows);
  const Result<Scenario> scenario = LoadScenario(spec);
  if (!scenario) std::abort();
  const Result<std::unique_ptr<World>> world = World::Create(spec, *scenario);
  if (!world || !(*world)->RunToStart()) std::abort();
  if ((*world)->nf(0).fit().size((*world)->now()) != flows) std::abort();
  const auto device = (*world)->shell().node(NodeName::kGenerator)->GetDevice(0);
  return ns3::DynamicCast<LinkDevice>(device)->GetTxPackets();
}

struct Row {
  std::string name;
  std::function<uint64_t()> work;
  std::vector<Measured> runs;

  double Nanos(size_t run) const { return runs[run].cpu_s * 1e9 / static_cast<double>(runs[run].packets); }
  double Median() {
    std::sort(runs.begin(), runs.end(), [](const Measured& a, const Measured& b) {
      return a.cpu_s / static_cast<double>(a.packets) < b.cpu_s / static_cast<double>(b.packets);
    });
    return Nanos(runs.size() / 2);
  }
};

}  // namespace

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::max(1, std::atoi(argv[1])) : 5;
  std::vector<Row> rows;
  rows.push_back({"stock ns-3: UDP, IP, queue discs", [] { return RunStockNs3(Duration::Millis(100)); }, {}});
  for (const char* scheme : {"none", "opennf", "uhaul"}) {
    const PointSpec spec = Point("web_search", scheme);
    rows.push_back({std::string("packets, ") + scheme, [=] { return RunPoint(spec, Granularity::kPacket); }, {}});
    rows.push_back({std::string("trains, ") + scheme, [=] { return RunPoint(spec, Granularity::kTrain); }, {}});
  }
  for (const uint32_t flows : {1'000U, 10'000U, 100'000U, 1'000'000U}) {
    rows.push_back({"trains, " + std::to_string(flows) + " flows at once", [=] { return RunAtOnce(flows); }, {}});
  }
  // How the cost grows with what a sweep changes.
  for (const double load : {0.5, 0.7, 0.9, 1.0}) {
    PointSpec spec = Point("web_search", "uhaul");
    spec.load = load;
    rows.push_back(
        {fmt::format("trains, uhaul, load {}", load), [=] { return RunPoint(spec, Granularity::kTrain); }, {}});
  }
  for (const uint64_t megabytes : {1, 3, 10}) {
    PointSpec spec = Point("web_search", "uhaul");
    spec.threshold = Bytes(megabytes * 1'000'000);
    rows.push_back({fmt::format("trains, uhaul, elephants from {} MB", megabytes),
                    [=] { return RunPoint(spec, Granularity::kTrain); },
                    {}});
  }
  for (int run = 0; run < runs; ++run) {
    for (Row& row : rows) row.runs.push_back(InChild(row.work));
  }
  const double stock = rows.front().Median();
  std::printf("%-36s %10s %10s %10s %10s %8s\n", "CPU time per packet", "best ns", "median ns", "stock / it", "packets",
              "MiB");
  for (Row& row : rows) {
    const double median = row.Median();
    std::printf("%-36s %10.1f %10.1f %10.1f %10llu %8ld\n", row.name.c_str(), row.Nanos(0), median, stock / median,
                static_cast<unsigned long long>(row.runs[0].packets), row.runs[0].peak_kib / 1024);
  }
  return 0;
}
