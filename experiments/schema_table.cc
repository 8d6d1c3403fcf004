// The rows of the schema. A row's default is not repeated here: it is what DefaultSpec() says.
#include <fmt/format.h>

#include "core/nf/function_registry.h"
#include "experiments/profile_file.h"
#include "experiments/schema.h"
#include "experiments/workload_file.h"

namespace uhaul {
namespace {

using Matters = bool (*)(const PointSpec&);

bool Always(const PointSpec&) { return true; }
bool Captured(const PointSpec& s) { return IsCapture(s.workload); }
bool Generated(const PointSpec& s) { return !Captured(s); }
bool Window(const PointSpec& s) { return Generated(s) && s.senders == SenderKind::kWindow; }
bool OnOff(const PointSpec& s) { return Generated(s) && (s.on_time > Duration() || s.off_time > Duration()); }
bool AtATime(const PointSpec& s) { return s.migration_states == 0; }
bool AtStates(const PointSpec& s) { return s.migration_states > 0; }
bool BeforePass(const PointSpec& s) { return AtATime(s) && s.phase == MigrationPhase::kPreEviction; }
bool Moves(const PointSpec& s) { return s.scheme.flows != MoveFlows::kNone; }
bool Elephants(const PointSpec& s) { return s.scheme.flows == MoveFlows::kElephants; }
bool ByProportion(const PointSpec& s) { return Elephants(s) && s.detector == DetectorSpec::Kind::kProportion; }
bool Ordered(const PointSpec& s) { return Moves(s) && s.scheme.guarantee == Guarantee::kOrderPreserving; }
bool Relays(const PointSpec& s) { return Moves(s) && s.scheme.relay_unknown; }
bool Limited(const PointSpec& s) { return Moves(s) && s.move_limit > 0; }

constexpr int64_t kMicrosecond = 1'000;
constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kSecond = 1'000'000'000;

// Builds rows; `at` finds the field, in a constant spec or in one that is written.
class Table {
 public:
  std::vector<Parameter> Take() { return std::move(rows_); }
  void WarmUp(bool warm_up) { warm_up_ = warm_up; }

  template <class At>
  void DurationRow(std::string key, At at, int64_t min, int64_t max, std::string help, Matters matters = Always) {
    Parameter& row = Add(std::move(key), ValueType::kDuration, std::move(help), matters);
    row.min = min;
    row.max = max;
    row.assign = [at](PointSpec& s, const Value& v) { at(s) = Duration::Nanos(v.integer); };
    row.canonical = [at](const PointSpec& s) { return fmt::to_string(at(s).nanos()); };
  }

  template <class At>
  void BytesRow(std::string key, At at, int64_t min, int64_t max, std::string help, Matters matters = Always) {
    Parameter& row = Add(std::move(key), ValueType::kBytes, std::move(help), matters);
    row.min = min;
    row.max = max;
    row.assign = [at](PointSpec& s, const Value& v) { at(s) = Bytes(static_cast<uint64_t>(v.integer)); };
    row.canonical = [at](const PointSpec& s) { return fmt::to_string(at(s).count()); };
  }

  template <class At>
  void RateRow(std::string key, At at, int64_t min, int64_t max, std::string help, Matters matters = Always) {
    Parameter& row = Add(std::move(key), ValueType::kRate, std::move(help), matters);
    row.min = min;
    row.max = max;
    row.assign = [at](PointSpec& s, const Value& v) { at(s) = BitRate(static_cast<uint64_t>(v.integer)); };
    row.canonical = [at](const PointSpec& s) { return fmt::to_string(at(s).bits_per_second()); };
  }

  template <class At>
  void IntegerRow(std::string key, At at, int64_t min, int64_t max, std::string help, Matters matters = Always,
                  ValueType type = ValueType::kInteger) {
    Parameter& row = Add(std::move(key), type, std::move(help), matters);
    row.min = min;
    row.max = max;
    row.assign = [at](PointSpec& s, const Value& v) {
      at(s) = static_cast<std::remove_reference_t<decltype(at(s))>>(v.integer);
    };
    row.canonical = [at](const PointSpec& s) { return fmt::to_string(at(s)); };
  }

  template <class At>
  void BooleanRow(std::string key, At at, std::string help, Matters matters) {
    Parameter& row = Add(std::move(key), ValueType::kBoolean, std::move(help), matters);
    row.assign = [at](PointSpec& s, const Value& v) { at(s) = v.integer != 0; };
    row.canonical = [at](const PointSpec& s) { return std::string(at(s) ? "true" : "false"); };
  }

  // `words` in the order of the enumeration's values.
  template <class At>
  void WordRow(std::string key, At at, std::vector<std::string> words, std::string help, Matters matters = Always) {
    Parameter& row = Add(std::move(key), ValueType::kWord, std::move(help), matters);
    row.words = words;
    row.assign = [at](PointSpec& s, const Value& v) {
      at(s) = static_cast<std::remove_reference_t<decltype(at(s))>>(v.integer);
    };
    row.canonical = [at, words](const PointSpec& s) { return words.at(static_cast<size_t>(at(s))); };
  }

  Parameter& Add(std::string key, ValueType type, std::string help, Matters matters = Always) {
    Parameter row;
    row.key = std::move(key);
    row.type = type;
    row.help = std::move(help);
    row.warm_up = warm_up_;
    row.matters = matters;
    rows_.push_back(std::move(row));
    return rows_.back();
  }

 private:
  std::vector<Parameter> rows_;
  bool warm_up_ = false;
};

#define UHAUL_AT(field) \
  [](auto& s) -> auto& { return s.field; }

void AddSenders(Table& table) {
  Parameter& row = table.Add("workload.senders", ValueType::kSenders,
                             "How flows share the generator's link: this many send at a time, the rest wait unseen "
                             "(the paper's setting is taken to be 3); all at once; or each with a window of its own",
                             Generated);
  row.min = 1;
  row.max = 1'000'000;
  row.words = {"unlimited", "window"};
  row.assign = [](PointSpec& s, const Value& v) {
    s.sender_limit = 3;
    if (v.canonical == "unlimited") {
      s.senders = SenderKind::kUnlimited;
    } else if (v.canonical == "window") {
      s.senders = SenderKind::kWindow;
    } else {
      s.senders = SenderKind::kLimited;
      s.sender_limit = static_cast<uint32_t>(v.integer);
    }
  };
  row.canonical = [](const PointSpec& s) -> std::string {
    switch (s.senders) {
      case SenderKind::kLimited:
        return fmt::to_string(s.sender_limit);
      case SenderKind::kUnlimited:
        return "unlimited";
      case SenderKind::kWindow:
        return "window";
    }
    UHAUL_CHECK(false);
  };
}

void AddWorkload(Table& table) {
  Parameter& name =
      table.Add("workload.name", ValueType::kText,
                "Flow sizes: web_search, facebook_cache, azure_wan, facebook_cache_tab8, azure_wan_tab8, or "
                "a .csv file with a distribution or a trace; even:N, N flows of one size that fill the link; or "
                "pcap:FILE, the packets of a capture. A file's canonical name ends in #, a hash of its contents");
  name.assign = [](PointSpec& s, const Value& v) { s.workload = v.canonical; };
  name.canonical = [](const PointSpec& s) { return s.workload; };
  Parameter& load =
      table.Add("workload.load", ValueType::kReal, "Payload bytes over the link's rate; Poisson arrivals", Generated);
  load.real_max = 1.5;
  load.assign = [](PointSpec& s, const Value& v) { s.load = v.real; };
  load.canonical = [](const PointSpec& s) { return fmt::format("{}", s.load); };
  table.IntegerRow("workload.trace", UHAUL_AT(trace), 1, 1'000'000'000, "The trace's number, which is its seed");
  table.DurationRow("workload.duration", UHAUL_AT(duration), kMillisecond, 3600 * kSecond,
                    "How long flows keep arriving", Generated);
  AddSenders(table);
  table.IntegerRow("workload.packet", UHAUL_AT(packet_bytes), 64, 9000, "Largest packet", Generated, ValueType::kBytes);
  table.DurationRow("workload.on", UHAUL_AT(on_time), 0, 60 * kSecond,
                    "Mean time that an on-off sender sends; 0s: always", OnOff);
  table.DurationRow("workload.off", UHAUL_AT(off_time), 0, 60 * kSecond, "Mean time that an on-off sender pauses",
                    OnOff);
  table.IntegerRow("workload.window", UHAUL_AT(window_packets), 1, 1'000'000,
                   "Packets under way per flow, where senders are window senders", Window);
  table.DurationRow("workload.rto", UHAUL_AT(retransmission_timeout), kMicrosecond, 60 * kSecond,
                    "Retransmission time-out of window senders", Window);
  table.WordRow("workload.pace", UHAUL_AT(pace), {"recorded", "fast"},
                "Of a capture: at the recorded times, or one packet after the other as fast as link.rate allows",
                Captured);
}

void AddNetwork(Table& table) {
  table.RateRow("link.rate", UHAUL_AT(link_rate), 1'000'000, 1'000'000'000'000, "Every data link");
  table.DurationRow("link.delay", UHAUL_AT(link_delay), 0, kSecond, "One way, every data link");
  table.BytesRow("link.buffer", UHAUL_AT(link_buffer), 9000, 1'000'000'000'000,
                 "Queue of a data link; what exceeds it is lost");
  table.DurationRow("fit.window", UHAUL_AT(fit.window), 10 * kMicrosecond, 5 * kSecond,
                    "A flow without a packet for this long is no longer active (section 3.1: 20, 50 and 100 ms)");
  table.IntegerRow("fit.capacity", UHAUL_AT(fit.capacity), 16, 1 << 26, "Entries of the flow information table");
  Parameter& function = table.Add("nf.function", ValueType::kWord, "What the NF instances do");
  function.words = NetworkFunctionNames();
  function.open_words = true;
  function.assign = [](PointSpec& s, const Value& v) { s.nf_function = v.canonical; };
  function.canonical = [](const PointSpec& s) { return s.nf_function; };
  table.DurationRow("nf.timeout", UHAUL_AT(nf_timeout), kMillisecond, 86400 * kSecond,
                    "An NF drops state unused for this long");
  table.IntegerRow("switch.table", UHAUL_AT(switch_table), 1, 1 << 26, "Rules that fit in the switch");
}

void AddMigration(Table& table) {
  table.DurationRow("migration.after", UHAUL_AT(migration_after), 0, 3600 * kSecond,
                    "The migration begins after this time", AtATime);
  table.DurationRow("migration.within", UHAUL_AT(migration_within), 0, 3600 * kSecond,
                    "at a uniformly random instant of this span", AtATime);
  table.WordRow("migration.phase", UHAUL_AT(phase), {"random", "pre-eviction"},
                "Where in the FIT's window: anywhere, or migration.lead before an eviction pass", AtATime);
  table.DurationRow("migration.lead", UHAUL_AT(migration_lead), 0, 8 * kSecond, "See migration.phase", BeforePass);
  table.IntegerRow("migration.states", UHAUL_AT(migration_states), 0, 1 << 26,
                   "Begin instead when the source holds state of this many flows; 0: by time", AtStates);
}

void AddRho(Table& table) {
  Parameter& row =
      table.Add("edm.rho", ValueType::kRho,
                "Share of traffic to select: by final size from the distribution (offline), from the trace's "
                "own flows (trace), from the flows active at t0 (snapshot, an oracle), or a number",
                ByProportion);
  row.real_max = 1;
  row.words = {"offline", "trace", "snapshot"};
  row.assign = [](PointSpec& s, const Value& v) {
    s.rho = 0;
    if (v.canonical == "offline") {
      s.rho_source = RhoSource::kOffline;
    } else if (v.canonical == "trace") {
      s.rho_source = RhoSource::kTrace;
    } else if (v.canonical == "snapshot") {
      s.rho_source = RhoSource::kSnapshot;
    } else {
      s.rho_source = RhoSource::kGiven;
      s.rho = v.real;
    }
  };
  row.canonical = [](const PointSpec& s) -> std::string {
    switch (s.rho_source) {
      case RhoSource::kOffline:
        return "offline";
      case RhoSource::kTrace:
        return "trace";
      case RhoSource::kSnapshot:
        return "snapshot";
      case RhoSource::kGiven:
        return fmt::format("{}", s.rho);
    }
    UHAUL_CHECK(false);
  };
}

void AddScheme(Table& table) {
  Parameter& name = table.Add("scheme.name", ValueType::kWord, "A row of choices; each can be overridden below");
  name.words = SchemeNames();
  name.open_words = true;
  name.assign = [](PointSpec& s, const Value& v) {
    if (const Result<SchemeOptions> found = FindScheme(v.canonical); found.ok()) s.scheme = *found;
    s.scheme.name = v.canonical;
  };
  name.canonical = [](const PointSpec& s) { return s.scheme.name; };
  table.WordRow("scheme.flows", UHAUL_AT(scheme.flows), {"none", "active", "table", "elephants"},
                "What moves: nothing, the FIT's flows, the NF's whole table, or what the EDM selects");
  table.WordRow("scheme.guarantee", UHAUL_AT(scheme.guarantee), {"none", "loss-free", "order-preserving"},
                "What is promised to packets of moved flows (when it holds: 'uhaul schemes NAME')", Moves);
  table.BooleanRow("scheme.parallelize", UHAUL_AT(scheme.parallelize), "PL: put each chunk as soon as it arrives",
                   Moves);
  table.BooleanRow("scheme.early_release", UHAUL_AT(scheme.early_release),
                   "ER: a flow's held packets go out at its own put's acknowledgement", Moves);
  table.BooleanRow("scheme.late_lock", UHAUL_AT(scheme.late_lock), "LL: events start flow by flow", Moves);
  table.BooleanRow("scheme.relay_unknown", UHAUL_AT(scheme.relay_unknown),
                   "The source takes in no new flows during the move (section 3)", Moves);
  table.WordRow(
      "scheme.relay_end", UHAUL_AT(scheme.relay_end), {"plain", "marked"},
      "Where rules send relayed flows straight to the destination: packets overtake what is relayed (plain, as "
      "published), or wait there for a marker behind it",
      Relays);
  table.WordRow("scheme.transfer", UHAUL_AT(scheme.transfer), {"controller", "peer"},
                "How a flow's state travels; peer is the hand-over, with hold: destination", Moves);
  table.WordRow("scheme.hold", UHAUL_AT(scheme.hold), {"controller", "destination"},
                "Where packets wait for their flow's state, if they do", Moves);
  table.WordRow("scheme.after", UHAUL_AT(scheme.after), {"keep", "flip", "share"},
                "Where the filter's other and later traffic goes after the move", Moves);
  Parameter& idle =
      table.Add("scheme.idle_timeout", ValueType::kDuration,
                "Order-preserving only: wait this long for a first packet-in; 0s: for ever, as published", Ordered);
  idle.max = 3600 * kSecond;
  idle.assign = [](PointSpec& s, const Value& v) { s.scheme.idle_timeout_us = v.integer / kMicrosecond; };
  idle.canonical = [](const PointSpec& s) { return fmt::to_string(s.scheme.idle_timeout_us * kMicrosecond); };
}

void AddMove(Table& table) {
  Parameter& filter = table.Add("move.filter", ValueType::kFilter,
                                "Source addresses whose flows may move: any, or a prefix such as 10.0.0.0/9", Moves);
  filter.assign = [](PointSpec& s, const Value& v) {
    if (const Result<FlowFilter> parsed = FlowFilter::Parse(v.canonical); parsed.ok()) s.move_filter = *parsed;
  };
  filter.canonical = [](const PointSpec& s) { return s.move_filter.ToString(); };
  table.IntegerRow("move.limit", UHAUL_AT(move_limit), 0, 1 << 26, "Move at most this many flows; 0: no limit",
                   Limited);
}

template <class At>
void AddCost(Table& table, const std::string& key, const std::string& what, At at) {
  constexpr int64_t kMax = 10 * kSecond;
  table.DurationRow(
      key, [at](auto& s) -> auto& { return at(s).per_item; }, 0, kMax, what, Moves);
  table.DurationRow(
      key + "_batch", [at](auto& s) -> auto& { return at(s).per_batch; }, 0, kMax, "the same, per batch", Moves);
  table.DurationRow(
      key + "_kib", [at](auto& s) -> auto& { return at(s).per_kib; }, 0, kMax, "the same, per 1,024 octets", Moves);
}

void AddProfile(Table& table) {
  Parameter& name =
      table.Add("profile.name", ValueType::kWord,
                "Costs of the control plane, by name or from a file; each can be overridden below", Moves);
  name.words = ProfileNames();
  name.open_words = true;
  name.assign = [](PointSpec& s, const Value& v) {
    if (v.profile != nullptr) {
      s.profile = *v.profile;
    } else if (const Result<Profile> found = FindProfile(v.canonical); found.ok()) {
      s.profile = *found;
    }
    s.profile.name = v.canonical;
  };
  name.read_file = [](const std::string& path) -> Result<Value> {
    const Result<ProfileFile> file = LoadProfile(path);
    if (!file) return file.error();
    return Value{file->profile.name, 0, 0, std::make_shared<const Profile>(file->profile)};
  };
  name.canonical = [](const PointSpec& s) { return s.profile.name; };
  AddCost(table, "profile.get", "Source: export of a flow's state, per flow", UHAUL_AT(profile.get));
  AddCost(table, "profile.put", "Destination: import, per flow", UHAUL_AT(profile.put));
  AddCost(table, "profile.del", "Source: deletion, per flow", UHAUL_AT(profile.del));
  AddCost(table, "profile.nf_event", "Source: handing a packet to the controller", UHAUL_AT(profile.nf_event));
  AddCost(table, "profile.detect", "Source: detection, per active flow", UHAUL_AT(profile.detect));
  AddCost(table, "profile.message", "Controller: a message without a packet", UHAUL_AT(profile.message));
  AddCost(table, "profile.event", "Controller: a message with a packet", UHAUL_AT(profile.event));
  AddCost(table, "profile.packet_out", "Controller: release of a held packet", UHAUL_AT(profile.packet_out));
  AddCost(table, "profile.rule", "Switch: installation, per rule", UHAUL_AT(profile.rule));
  table.DurationRow("profile.control_delay", UHAUL_AT(profile.control_delay), 0, 10 * kSecond,
                    "One way, controller to NF or switch", Moves);
  table.RateRow("profile.control_rate", UHAUL_AT(profile.control_rate), 1'000, 1'000'000'000'000'000, "A control link",
                Moves);
  table.BytesRow("profile.controller_buffer", UHAUL_AT(profile.controller_buffer), 0, int64_t{1} << 50,
                 "Packets that the controller can hold", Moves);
  table.BytesRow("profile.nf_buffer", UHAUL_AT(profile.nf_buffer), 0, int64_t{1} << 50, "Packets that an NF can hold",
                 Moves);
}

std::vector<Parameter> BuildSchema() {
  Table table;
  table.WarmUp(true);
  AddWorkload(table);
  AddNetwork(table);
  AddMigration(table);
  table.WarmUp(false);
  table.WordRow("edm.detector", UHAUL_AT(detector), {"proportion", "size"},
                "By share of traffic (U-HAUL 3.1), or every flow whose current size reaches the threshold", Elephants);
  table.BytesRow("edm.threshold", UHAUL_AT(threshold), 1, 1'000'000'000'000,
                 "A flow of at least this final size is an elephant", Elephants);
  AddRho(table);
  AddScheme(table);
  AddMove(table);
  AddProfile(table);
  table.DurationRow("run.cap", UHAUL_AT(cap), kMillisecond, 3600 * kSecond,
                    "A run ends this long after t0 even if active flows have not");
  return table.Take();
}

}  // namespace

const std::vector<Parameter>& Schema() {
  static const std::vector<Parameter> kSchema = BuildSchema();
  return kSchema;
}

PointSpec DefaultSpec() {
  PointSpec spec;
  const Result<SchemeOptions> scheme = FindScheme("uhaul");
  const Result<Profile> profile = FindProfile("emulab-2016");
  UHAUL_CHECK(scheme.ok());
  UHAUL_CHECK(profile.ok());
  spec.scheme = *scheme;
  spec.profile = *profile;
  return spec;
}

}  // namespace uhaul
