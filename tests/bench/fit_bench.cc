// The FIT beside other tables: ns of CPU time per packet update, at several numbers of flows, uniform and Zipf.
//
//   bench_fit [--benchmark_filter=REGEX ...]      Google Benchmark's options; prints a table of medians and ratios at
//   the end
//
// All update a count of bytes and a time per flow, in bursts of 32 with whatever prefetching the table offers. "id":
// the flow ID is given, as in the runtime, where it travels with the frame; "tuple": from the five-tuple, hash
// included. The floor is what memory itself asks: an array in the place of the table, prefetched and added to. Time
// stands still in these (the update is what is measured); "sweep" is what the eviction of a million flows costs.
#include <absl/container/flat_hash_map.h>
#include <benchmark/benchmark.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/random.h"
#include "core/flow/elephant_detector.h"
#include "core/flow/flow_table.h"
#include "tests/core/flow/plain_flow_table.h"

namespace {

using namespace uhaul;  // NOLINT

constexpr size_t kBurst = 32;
constexpr size_t kStream = 1 << 20;  // packets that are gone through again and again
constexpr uint32_t kBytes = 1500;

// A flow as other tables know it: a key of 16 octets, as DPDK's own examples have it.
struct PackedTuple {
  uint64_t addresses = 0;
  uint64_t ends = 0;
  bool operator==(const PackedTuple&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const PackedTuple& t) {
    return H::combine(std::move(h), t.addresses, t.ends);
  }
};
struct PackedHash {
  size_t operator()(const PackedTuple& t) const { return Mix64(t.addresses ^ Mix64(t.ends)); }
};
struct Value {
  uint64_t bytes = 0;
  uint64_t time = 0;
};

FiveTuple TupleOf(uint64_t n) {
  FiveTuple tuple;
  tuple.source =
      FiveTuple::Ipv4(10, static_cast<uint8_t>(n >> 16), static_cast<uint8_t>(n >> 8), static_cast<uint8_t>(n));
  tuple.destination = FiveTuple::Ipv4(10, 128, 0, 1);
  tuple.source_port = static_cast<uint16_t>(1024 + (n >> 24));
  tuple.destination_port = 80;
  return tuple;
}
PackedTuple Pack(const FiveTuple& tuple) {
  PackedTuple packed;
  std::memcpy(&packed.addresses, tuple.source.data(), 4);
  std::memcpy(reinterpret_cast<char*>(&packed.addresses) + 4, tuple.destination.data(), 4);
  packed.ends = uint64_t{tuple.source_port} << 16 | tuple.destination_port | uint64_t{tuple.protocol} << 32;
  return packed;
}

// The traffic of one (flows, distribution): the flow of each packet, in every form that a table asks for.
struct Traffic {
  uint64_t flows;
  std::vector<FlowId> ids;
  std::vector<FiveTuple> tuples;
  std::vector<PackedTuple> packed;
};
const FlowHasher& Hasher() {
  static const FlowHasher hasher(HashKey{11, 12});
  return hasher;
}

// Zipf with exponent 1, by inversion of its continuous likeness.
const Traffic& TrafficOf(uint64_t flows, bool zipf) {
  static std::unique_ptr<Traffic> last;
  static bool last_zipf = false;
  if (last != nullptr && last->flows == flows && last_zipf == zipf) return *last;
  last = std::make_unique<Traffic>();
  last_zipf = zipf;
  last->flows = flows;
  Random random(5, zipf ? 1 : 0);
  for (size_t i = 0; i < kStream; ++i) {
    uint64_t n = random.Below(flows);
    if (zipf) {
      const double rank = std::pow(static_cast<double>(flows), random.Uniform());
      n = Mix64(std::min(flows - 1, static_cast<uint64_t>(rank) - 1)) % flows;  // popular flows lie anywhere
    }
    const FiveTuple tuple = TupleOf(n);
    last->ids.push_back(Hasher().Id(tuple));
    last->tuples.push_back(tuple);
    last->packed.push_back(Pack(tuple));
  }
  return *last;
}

// One table at a time, kept for the next measurement of the same kind: the large ones take a while to fill.
template <class Table>
Table& Kept(uint64_t flows, const std::function<std::unique_ptr<Table>()>& make) {
  static std::unique_ptr<Table> table;
  static uint64_t made_for = 0;
  if (table == nullptr || made_for != flows) {
    table.reset();
    table = make();
    made_for = flows;
  }
  return *table;
}

// Calls burst(first) for the stream's bursts in turn.
template <class Burst>
void Run(benchmark::State& state, Burst burst) {
  size_t at = 0;
  for (auto _ : state) {
    burst(at);
    at = (at + kBurst) % kStream;
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kBurst));
}

void Floor(benchmark::State& state, uint64_t flows, bool zipf) {
  const Traffic& traffic = TrafficOf(flows, zipf);
  std::vector<Value> values(std::bit_ceil(2 * flows));
  const uint64_t mask = values.size() - 1;
  Run(state, [&](size_t at) {
    const size_t next = (at + kBurst) % kStream;
    for (size_t i = 0; i < kBurst; ++i) __builtin_prefetch(&values[traffic.ids[next + i] & mask], 1);
    for (size_t i = 0; i < kBurst; ++i) values[traffic.ids[at + i] & mask].bytes += kBytes;
  });
}

constexpr TimePoint kNow = TimePoint::FromNanos(1'000'000);

template <class Table>
std::unique_ptr<Table> Filled(uint64_t flows) {
  auto table = std::make_unique<Table>(FlowTableOptions{.capacity = static_cast<uint32_t>(flows)});
  Packet packet;
  packet.bytes = kBytes;
  for (uint64_t n = 0; n < flows; ++n) {
    packet.flow = Hasher().Key(TupleOf(n));
    table->Record(kNow, packet);
  }
  return table;
}

void FitById(benchmark::State& state, uint64_t flows, bool zipf) {
  const Traffic& traffic = TrafficOf(flows, zipf);
  FlowTable& table = Kept<FlowTable>(flows, [&] { return Filled<FlowTable>(flows); });
  Packet packet;
  packet.bytes = kBytes;
  Run(state, [&](size_t at) {
    const size_t next = (at + kBurst) % kStream;
    for (size_t i = 0; i < kBurst; ++i) table.Prefetch(traffic.ids[next + i]);
    for (size_t i = 0; i < kBurst; ++i) {
      packet.flow.id = traffic.ids[at + i];
      benchmark::DoNotOptimize(table.Record(kNow, packet));
    }
  });
  if (table.full() > flows / 1000) state.SkipWithError("the table was full");
}

void FitByTuple(benchmark::State& state, uint64_t flows, bool zipf) {
  const Traffic& traffic = TrafficOf(flows, zipf);
  FlowTable& table = Kept<FlowTable>(flows, [&] { return Filled<FlowTable>(flows); });
  const FlowHasher hasher = Hasher();
  std::array<std::array<FlowId, kBurst>, 2> ids{};
  Packet packet;
  packet.bytes = kBytes;
  for (size_t i = 0; i < kBurst; ++i) ids[0][i] = traffic.ids[i];
  size_t turn = 0;
  Run(state, [&](size_t at) {
    const size_t next = (at + kBurst) % kStream;
    for (size_t i = 0; i < kBurst; ++i) {
      const FlowId id = hasher.Id(traffic.tuples[next + i]);
      ids[turn ^ 1][i] = id;
      table.Prefetch(id);
    }
    for (size_t i = 0; i < kBurst; ++i) {
      packet.flow.id = ids[turn][i];
      benchmark::DoNotOptimize(table.Record(kNow, packet));
    }
    turn ^= 1;
  });
}

void PlainById(benchmark::State& state, uint64_t flows, bool zipf) {
  const Traffic& traffic = TrafficOf(flows, zipf);
  auto& table =
      Kept<uhaul::testing::PlainFlowTable>(flows, [&] { return Filled<uhaul::testing::PlainFlowTable>(flows); });
  Packet packet;
  packet.bytes = kBytes;
  Run(state, [&](size_t at) {
    for (size_t i = 0; i < kBurst; ++i) {
      packet.flow.id = traffic.ids[at + i];
      benchmark::DoNotOptimize(table.Record(kNow, packet));
    }
  });
}

template <class Map, class KeyOf, class Stream>
void MapUpdate(benchmark::State& state, uint64_t flows, const Stream& stream, KeyOf key_of) {
  Map& map = Kept<Map>(flows, [&] {
    auto made = std::make_unique<Map>();
    made->reserve(flows);
    for (uint64_t n = 0; n < flows; ++n) (*made)[key_of(n)];
    return made;
  });
  Run(state, [&](size_t at) {
    for (size_t i = 0; i < kBurst; ++i) {
      Value& value = map.find(stream[at + i])->second;
      value.bytes += kBytes;
      value.time = at;
    }
  });
}

FlowId IdOf(uint64_t n) { return Hasher().Id(TupleOf(n)); }
PackedTuple PackedOf(uint64_t n) { return Pack(TupleOf(n)); }

struct RteTable {
  explicit RteTable(uint64_t flows) {
    rte_hash_parameters parameters{};
    parameters.name = "bench";
    parameters.entries = static_cast<uint32_t>(flows * 2);
    parameters.key_len = sizeof(PackedTuple);
    parameters.hash_func = rte_hash_crc;
    hash = rte_hash_create(&parameters);
    if (hash == nullptr) return;
    values.resize(flows * 2 + 64);
    for (uint64_t n = 0; n < flows; ++n) {
      const PackedTuple key = PackedOf(n);
      if (rte_hash_add_key(hash, &key) < 0) std::abort();
    }
  }
  RteTable(const RteTable&) = delete;
  RteTable& operator=(const RteTable&) = delete;
  ~RteTable() { rte_hash_free(hash); }
  rte_hash* hash = nullptr;
  std::vector<Value> values;
};

void RteHash(benchmark::State& state, uint64_t flows, bool zipf) {
  const Traffic& traffic = TrafficOf(flows, zipf);
  RteTable& table = Kept<RteTable>(flows, [&] { return std::make_unique<RteTable>(flows); });
  if (table.hash == nullptr) {
    state.SkipWithError(rte_strerror(rte_errno));
    return;
  }
  Run(state, [&](size_t at) {
    std::array<const void*, kBurst> keys{};
    std::array<int32_t, kBurst> places{};
    for (size_t i = 0; i < kBurst; ++i) keys[i] = &traffic.packed[at + i];
    rte_hash_lookup_bulk(table.hash, keys.data(), kBurst, places.data());
    for (size_t i = 0; i < kBurst; ++i) __builtin_prefetch(&table.values[static_cast<size_t>(places[i])], 1);
    for (size_t i = 0; i < kBurst; ++i) {
      Value& value = table.values[static_cast<size_t>(places[i])];
      value.bytes += kBytes;
      value.time = at;
    }
  });
}

double CpuSeconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// ns per window that eviction takes, of a table of `flows` that send once in each window; in each, a tenth of them ends
// and as many others begin. A window's time passes in steps of 50 us, and is what is measured; then its packets come.
void Sweep(benchmark::State& state, uint64_t flows) {
  constexpr int64_t kWindow = 100'000'000;
  constexpr int64_t kWindows = 16;
  FlowTable table({.capacity = static_cast<uint32_t>(flows * 3 / 2), .window = Duration::Nanos(kWindow)});
  Packet packet;
  packet.bytes = kBytes;
  int64_t window = 0;
  const auto packets = [&] {
    for (uint64_t n = 0; n < flows; ++n) {
      const uint64_t age = (static_cast<uint64_t>(window) + 10 - n % 10) / 10;  // the flows of a place take turns
      packet.flow = Hasher().Key(TupleOf(n + age % 16 * flows));
      table.Record(TimePoint::FromNanos((window + 1) * kWindow - 1), packet);
    }
  };
  for (; window < kWindows; ++window) packets();
  for (auto _ : state) {
    double seconds = 0;
    for (int64_t end = window + kWindows; window < end; ++window) {
      const double began = CpuSeconds();
      for (int64_t at = 0; at < kWindow; at += 50'000) {
        table.Advance(TimePoint::FromNanos(window * kWindow + at), nullptr);
      }
      seconds += CpuSeconds() - began;
      packets();
    }
    state.SetIterationTime(seconds / kWindows);
  }
  if (table.full() > 0) state.SkipWithError("the table was full");
}

// Sizes as in a network: half of the bytes in a few flows.
std::vector<ActiveFlow> ActiveFlows(uint64_t flows) {
  std::vector<ActiveFlow> active(flows);
  Random random(9, 9);
  for (uint64_t n = 0; n < flows; ++n) {
    active[n].flow = Hasher().Key(TupleOf(n));
    active[n].bytes = Bytes(static_cast<uint64_t>(1000 / std::pow(random.Uniform(), 0.9)));
  }
  return active;
}

void Detect(benchmark::State& state, uint64_t flows) {
  const std::vector<ActiveFlow> active = ActiveFlows(flows);
  const ProportionDetector detector(0.5);
  for (auto _ : state) benchmark::DoNotOptimize(detector.Select(active));
}
void DetectBySort(benchmark::State& state, uint64_t flows) {
  const std::vector<ActiveFlow> active = ActiveFlows(flows);
  for (auto _ : state) {
    std::vector<ActiveFlow> sorted = active;
    std::sort(sorted.begin(), sorted.end(), [](const ActiveFlow& a, const ActiveFlow& b) {
      return a.bytes != b.bytes ? a.bytes > b.bytes : a.flow.tuple < b.flow.tuple;
    });
    benchmark::DoNotOptimize(sorted);
  }
}
void Scan(benchmark::State& state, uint64_t flows) {
  const FlowTable& table = Kept<FlowTable>(flows, [&] { return Filled<FlowTable>(flows); });
  for (auto _ : state) benchmark::DoNotOptimize(table.Unsorted(kNow));
}

void Register() {
  for (const uint64_t flows : {1'000, 100'000, 1'000'000, 10'000'000}) {
    for (const bool zipf : {false, true}) {
      const std::string suffix = "/" + std::to_string(flows) + (zipf ? "/zipf" : "/uniform");
      const auto add = [&](const char* name, auto run) {
        benchmark::RegisterBenchmark((name + suffix).c_str(),
                                     [=](benchmark::State& state) { run(state, flows, zipf); });
      };
      add("floor", Floor);
      add("FIT id", FitById);
      add("FIT tuple", FitByTuple);
      add("plain FIT id", PlainById);
      add("rte_hash tuple", RteHash);
      add("absl id", [](benchmark::State& s, uint64_t f, bool z) {
        MapUpdate<absl::flat_hash_map<FlowId, Value>>(s, f, TrafficOf(f, z).ids, IdOf);
      });
      add("absl tuple", [](benchmark::State& s, uint64_t f, bool z) {
        MapUpdate<absl::flat_hash_map<PackedTuple, Value>>(s, f, TrafficOf(f, z).packed, PackedOf);
      });
      add("std id", [](benchmark::State& s, uint64_t f, bool z) {
        MapUpdate<std::unordered_map<FlowId, Value>>(s, f, TrafficOf(f, z).ids, IdOf);
      });
      add("std tuple", [](benchmark::State& s, uint64_t f, bool z) {
        MapUpdate<std::unordered_map<PackedTuple, Value, PackedHash>>(s, f, TrafficOf(f, z).packed, PackedOf);
      });
    }
  }
  for (const uint64_t flows : {1'000, 10'000, 100'000, 1'000'000}) {
    const auto add = [&](const char* name, void (*run)(benchmark::State&, uint64_t)) {
      benchmark::RegisterBenchmark((name + ("/" + std::to_string(flows))).c_str(),
                                   [=](benchmark::State& state) { run(state, flows); });
    };
    add("EDM", Detect);
    add("EDM by sort", DetectBySort);
    add("FIT scan", Scan);
    if (flows < 100'000) continue;
    benchmark::RegisterBenchmark(("FIT sweep/" + std::to_string(flows)).c_str(),
                                 [=](benchmark::State& state) { Sweep(state, flows); })
        ->UseManualTime()
        ->Iterations(1);
  }
}

// Google Benchmark's lines, and at the end the medians as one table: a row for each setting, a ratio to the floor (or
// to the FIT's own way) beside each figure.
class Table final : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    for (const Run& run : runs) {
      if (run.error_occurred || run.run_type != Run::RT_Iteration) continue;
      const std::string name = run.run_name.function_name;
      const size_t slash = name.find('/');
      const auto per_item = run.counters.find("items_per_second");
      const double ns = per_item != run.counters.end()   ? 1e9 / per_item->second.value
                        : run.run_name.time_type.empty() ? run.GetAdjustedCPUTime()
                                                         : run.GetAdjustedRealTime();
      samples_[name.substr(slash + 1)][name.substr(0, slash)].push_back(ns);
    }
  }
  void Finalize() override {
    for (auto& [setting, row] : samples_) {
      std::printf("\n%s\n", setting.c_str());
      const char* base = row.count("floor") != 0 ? "floor" : "EDM";
      for (auto& [name, ns] : row) {
        std::printf("  %-16s %14.1f ns", name.c_str(), Median(ns));
        if (row.count(base) != 0) std::printf("   %6.2f x %s", Median(ns) / Median(row[base]), base);
        std::printf("\n");
      }
    }
  }

 private:
  static double Median(std::vector<double> ns) {
    std::sort(ns.begin(), ns.end());
    return ns[ns.size() / 2];
  }
  std::map<std::string, std::map<std::string, std::vector<double>>> samples_;
};

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 64;
  std::vector<std::string> words = {"bench_fit", "--no-huge",      "-m",          "3072",
                                    "--no-pci",  "--no-telemetry", "--no-shconf", "--log-level",
                                    "*:error",   "--file-prefix",  "bench_fit"};
  std::vector<char*> eal;
  for (std::string& word : words) eal.push_back(word.data());
  if (rte_eal_init(static_cast<int>(eal.size()), eal.data()) < 0) {
    std::fprintf(stderr, "DPDK does not start: %s\n", rte_strerror(rte_errno));
    return 1;
  }
  Register();
  Table table;
  benchmark::RunSpecifiedBenchmarks(&table);
  return 0;
}
