// Every state of a flow at an NF instance against everything that can come: the whole table.
#include "core/node/flow_custody.h"

#include <array>
#include <catch2/catch.hpp>
#include <map>
#include <sstream>

#include "tests/core/node/world.h"

using namespace uhaul;
using msg::CustodyStatus;
using msg::CustodyVerb;
using uhaul::testing::kTestKey;
using uhaul::testing::OracleNf;

namespace {

constexpr uint64_t kNonce = 77;
const std::array<Custody, 11> kStates = {
    Custody::kNone,      Custody::kOwn,     Custody::kArmed,       Custody::kExporting,  Custody::kSent, Custody::kWait,
    Custody::kImporting, Custody::kRefused, Custody::kReturnArmed, Custody::kReturnSent, Custody::kHold};
const std::array<std::string, 11> kNames = {"NONE",      "OWN",     "ARMED",  "EXPORTING", "SENT", "WAIT",
                                            "IMPORTING", "REFUSED", "RARMED", "RSENT",     "HOLD"};
const std::array<std::string, 21> kAnswers = {
    "prepared",   "not-prepared", "armed",       "not-armed", "no-state",       "active",  "active-lost",
    "refused",    "committed",    "cancelled",   "reverted",  "in-doubt",       "nothing", "holding",
    "armed-back", "stale",        "misdirected", "installed", "install-failed", "arrived", "no-room"};

Custody StateNamed(const std::string& name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return kStates[i];
  }
  FAIL("no state " << name);
  return Custody::kNone;
}

// One NF instance's custody, and the flow in question. Operation 1: epoch 4 forward, 5 back, 6 over.
class Bench {
 public:
  Bench() : function_(violations_), fit_({.capacity = 64}), hasher_(kTestKey) {
    flow_ = hasher_.Key(*FiveTuple::Parse("tcp:10.0.0.1:1>10.0.0.2:80"));
  }

  CustodyContext Context() { return {now_, 0, hasher_, function_, fit_, held_, Bytes(100'000), work_, outbox_}; }
  std::string Command(CustodyVerb verb, Epoch epoch, uint64_t peer_incarnation = 9) {
    outbox_.Clear();
    CustodyContext context = Context();
    custody_.OnCommand(context, 1, {verb, epoch, 1, peer_incarnation, kNonce, {flow_.tuple}});
    for (size_t i = 0; i < work_.size();) {  // a deletion costs nothing here
      if (work_[i].kind != CustodyTask::Kind::kCommitted) {
        ++i;
        continue;
      }
      const CustodyTask task = work_[i];
      work_.erase(work_.begin() + static_cast<std::ptrdiff_t>(i));
      custody_.Run(context, task);
    }
    return Said();
  }
  // What was reported to the controller: the last status, "-" if none.
  std::string Said() {
    custody_.Flush(outbox_);
    std::string said = "-";
    for (const OutMessage& m : outbox_.messages) {
      if (const auto* report = std::get_if<msg::CustodyReport>(&m.message.body)) {
        said = kAnswers[static_cast<size_t>(report->flows.back().status)];
      }
    }
    outbox_.messages.clear();
    return said;
  }
  void Mark(Epoch epoch, uint64_t nonce = kNonce, uint8_t port = 0) {
    CustodyContext context = Context();
    custody_.OnMarker(context, {flow_, epoch, nonce, port});
  }
  void State(Epoch epoch, size_t octets = 8) {
    CustodyContext context = Context();
    msg::State state{epoch, true, {flow_.tuple, function_.schema(), std::vector<uint8_t>(octets), Bytes(500), false}};
    custody_.OnState(context, 1, state);
  }
  void RunWork() {
    CustodyContext context = Context();
    std::vector<CustodyTask> work;
    work.swap(work_);
    for (const CustodyTask& task : work) custody_.Run(context, task);
  }
  // "processed", "buffered" or "refused".
  std::string Packet(uint64_t digest = 0) {
    outbox_.Clear();
    uhaul::Packet packet;
    packet.flow = flow_;
    packet.bytes = 100;
    packet.digest = digest;
    const Bytes before = held_;
    CustodyContext context = Context();
    if (!custody_.OnPacket(context, packet)) return "processed";
    return held_ > before ? "buffered" : "refused";
  }
  void Own() {
    uhaul::Packet packet;
    packet.flow = flow_;
    packet.bytes = 100;
    function_.Process(now_, {&packet, 1});
    fit_.Record(now_, packet);
  }

  void Reach(Custody state) {
    switch (state) {
      case Custody::kNone:
        Reach(Custody::kSent);
        Command(CustodyVerb::kCommit, 4);
        break;
      case Custody::kOwn:
        Reach(Custody::kImporting);
        RunWork();
        break;
      case Custody::kArmed:
        Own();
        Command(CustodyVerb::kArm, 4);
        break;
      case Custody::kExporting:
        Reach(Custody::kArmed);
        Mark(4);
        break;
      case Custody::kSent:
        Reach(Custody::kExporting);
        RunWork();
        break;
      case Custody::kWait:
        Command(CustodyVerb::kPrepare, 4);
        break;
      case Custody::kImporting:
        Reach(Custody::kWait);
        State(4);
        break;
      case Custody::kRefused:
        Reach(Custody::kWait);
        State(4, 3);
        RunWork();
        break;
      case Custody::kReturnArmed:
        Reach(Custody::kRefused);
        Command(CustodyVerb::kArmBack, 5);
        break;
      case Custody::kReturnSent:
        Reach(Custody::kReturnArmed);
        Mark(5);
        break;
      case Custody::kHold:
        Reach(Custody::kSent);
        Command(CustodyVerb::kHold, 5);
        break;
    }
    outbox_.Clear();
    (void)Said();
    REQUIRE(custody_.StateOf(flow_) == state);
  }

  std::shared_ptr<uint64_t> violations_ = std::make_shared<uint64_t>(0);
  OracleNf function_;
  FlowTable fit_;
  FlowHasher hasher_;
  FlowKey flow_;
  TimePoint now_ = TimePoint::FromNanos(1'000'000);
  Bytes held_;
  std::vector<CustodyTask> work_;
  Outbox outbox_;
  FlowCustody custody_;
};

std::string NameOf(Custody state) { return kNames[static_cast<size_t>(state)]; }

// Rows: the state before. Columns: what comes. Cells: the state after ("=": the same) and what is answered.
const char* const kTable = R"(
            PREPARE8       PREPARE4       PREPARE3   ARM8          ARM4        COMMIT4        COMMIT5         CANCEL4
NONE        WAIT/prepared  =/stale        =/stale    =/not-armed   =/armed     =/committed    =/committed     =/cancelled
OWN         =/not-prepared =/active       =/stale    ARMED/armed   =/armed     =/committed    =/committed     =/cancelled
ARMED       =/not-prepared =/stale        =/stale    =/not-armed   =/armed     =/committed    =/committed     OWN/cancelled
EXPORTING   =/not-prepared =/stale        =/stale    =/not-armed   =/armed     =/committed    =/committed     =/cancelled
SENT        WAIT/prepared  =/stale        =/stale    =/not-armed   =/armed     NONE/committed =/committed     =/cancelled
WAIT        =/not-prepared =/prepared     =/stale    =/not-armed   =/armed     =/committed    =/committed     NONE/cancelled
IMPORTING   =/not-prepared =/prepared     =/stale    =/not-armed   =/armed     =/committed    =/committed     =/cancelled
REFUSED     =/not-prepared =/refused      =/stale    =/not-armed   =/armed     =/committed    =/committed     =/cancelled
RARMED      =/not-prepared =/refused      =/refused  =/not-armed   =/stale     =/committed    =/committed     =/cancelled
RSENT       =/not-prepared =/refused      =/refused  =/not-armed   =/stale     =/committed    NONE/committed  =/cancelled
HOLD        =/not-prepared =/stale        =/stale    =/not-armed   =/stale     =/committed    =/committed     =/cancelled

            REVERT5        FRESH4          FRESH6          HOLD5         ARMBACK5            MARK4        MARK5    STATE4
NONE        =/nothing      =/stale         =/stale         =/stale       =/stale             =/-          =/-      =/-
OWN         =/reverted     =/active        =/active        =/stale       =/stale             =/-          =/-      =/-
ARMED       OWN/reverted   =/stale         =/stale         =/stale       =/stale             EXPORTING/-  =/-      =/-
EXPORTING   OWN/reverted   =/stale         =/stale         =/stale       =/stale             =/-          =/-      =/-
SENT        OWN/in-doubt   =/stale         =/stale         HOLD/holding  =/stale             =/-          =/-      =/-
WAIT        =/stale        OWN/active-lost OWN/active-lost =/stale       =/stale             =/-          =/-      IMPORTING/-
IMPORTING   =/stale        =/-             =/-             =/stale       =/stale             =/-          =/-      =/-
REFUSED     =/stale        OWN/active-lost OWN/active-lost =/stale       RARMED/armed-back   =/-          =/-      =/-
RARMED      =/stale        =/stale         OWN/active-lost =/stale       =/armed-back        =/-          RSENT/-  =/-
RSENT       =/stale        =/stale         OWN/active-lost =/stale       =/armed-back        =/-          =/-      =/-
HOLD        OWN/in-doubt   =/stale         =/stale         =/holding     =/armed-back        =/-          =/-      =/-
)";

std::string Apply(Bench& bench, const std::string& what) {
  const Epoch epoch = static_cast<Epoch>(what.back() - '0');
  const std::string name = what.substr(0, what.size() - 1);
  if (name == "MARK") return bench.Mark(epoch), bench.Said();
  if (name == "STATE") return bench.State(epoch), bench.Said();
  static const std::map<std::string, CustodyVerb> kVerbs = {
      {"PREPARE", CustodyVerb::kPrepare}, {"ARM", CustodyVerb::kArm},        {"COMMIT", CustodyVerb::kCommit},
      {"CANCEL", CustodyVerb::kCancel},   {"REVERT", CustodyVerb::kRevert},  {"FRESH", CustodyVerb::kFresh},
      {"HOLD", CustodyVerb::kHold},       {"ARMBACK", CustodyVerb::kArmBack}};
  return bench.Command(kVerbs.at(name), epoch);
}

}  // namespace

TEST_CASE("FlowCustody: every state meets every command, marker and state as the table says, and the same again") {
  std::istringstream lines(kTable);
  std::vector<std::string> columns;
  size_t cells = 0;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::vector<std::string> row;
    for (std::string word; words >> word;) row.push_back(word);
    if (row.empty()) continue;
    if (line[0] == ' ') {
      columns = row;
      continue;
    }
    REQUIRE(row.size() == columns.size() + 1);
    for (size_t c = 0; c < columns.size(); ++c) {
      ++cells;
      const std::string cell = row[c + 1];
      const std::string after = cell.substr(0, cell.find('/'));
      INFO(row[0] << " <- " << columns[c] << ": expected " << cell);
      Bench bench;
      bench.Reach(StateNamed(row[0]));
      CHECK(Apply(bench, columns[c]) == cell.substr(cell.find('/') + 1));
      CHECK(NameOf(bench.custody_.StateOf(bench.flow_)) == (after == "=" ? row[0] : after));
    }
  }
  CHECK(cells == 11 * 16);
}

TEST_CASE("FlowCustody: each state processes, buffers or refuses packets; refusals are reported once") {
  const std::map<std::string, std::string> expected = {
      {"NONE", "refused"},    {"OWN", "processed"}, {"ARMED", "processed"},    {"EXPORTING", "refused"},
      {"SENT", "refused"},    {"WAIT", "buffered"}, {"IMPORTING", "buffered"}, {"REFUSED", "buffered"},
      {"RARMED", "buffered"}, {"RSENT", "refused"}, {"HOLD", "buffered"}};
  for (const Custody state : kStates) {
    INFO(NameOf(state));
    Bench bench;
    bench.Reach(state);
    CHECK(bench.Packet() == expected.at(NameOf(state)));
    CHECK(bench.Said() == (expected.at(NameOf(state)) == "refused" ? "misdirected" : "-"));
    CHECK(bench.Packet() == expected.at(NameOf(state)));
    CHECK(bench.Said() == "-");
  }
}

TEST_CASE("FlowCustody: a marker is believed with its nonce and its epoch only") {
  Bench bench;
  bench.Reach(Custody::kArmed);
  bench.Mark(4, kNonce + 1);
  bench.Mark(8);
  bench.Mark(3);
  CHECK(bench.custody_.StateOf(bench.flow_) == Custody::kArmed);
  CHECK(bench.custody_.strays() == 3);
  bench.Mark(4);
  CHECK(bench.custody_.StateOf(bench.flow_) == Custody::kExporting);
}

TEST_CASE("FlowCustody: with two ports the last marker counts, each in its own place; the same again is none more") {
  for (const uint8_t first : {0, 1}) {
    const auto second = static_cast<uint8_t>(1 - first);
    Bench src;
    src.custody_ = FlowCustody({.ports = 2});
    src.Own();
    src.Command(CustodyVerb::kArm, 4);
    src.Mark(4, kNonce, first);
    src.Mark(4, kNonce, first);
    src.Mark(4, kNonce, 2);  // no such port
    CHECK(src.custody_.strays() == 1);
    CHECK(src.custody_.StateOf(src.flow_) == Custody::kArmed);
    CHECK(src.Packet(1) == "processed");
    src.Mark(4, kNonce, second);
    CHECK(src.custody_.StateOf(src.flow_) == Custody::kExporting);

    Bench dst;
    dst.custody_ = FlowCustody({.ports = 2});
    dst.Reach(Custody::kReturnArmed);
    dst.Mark(5, kNonce, first);
    CHECK(dst.Packet(1) == "buffered");
    CHECK(dst.custody_.StateOf(dst.flow_) == Custody::kReturnArmed);
    dst.Mark(5, kNonce, second);
    CHECK(dst.custody_.StateOf(dst.flow_) == Custody::kReturnSent);
  }
}

TEST_CASE("FlowCustody: markers of another epoch are none of this one's") {
  Bench bench;
  bench.custody_ = FlowCustody({.ports = 2});
  bench.Own();
  bench.Command(CustodyVerb::kArm, 4);
  bench.Mark(4, kNonce, 0);
  bench.Command(CustodyVerb::kCancel, 4);
  bench.Command(CustodyVerb::kArm, 8);
  bench.Mark(8, kNonce, 1);
  CHECK(bench.custody_.StateOf(bench.flow_) == Custody::kArmed);
  bench.Mark(8, kNonce, 0);
  CHECK(bench.custody_.StateOf(bench.flow_) == Custody::kExporting);
}

TEST_CASE("FlowCustody: who is watched and waits says once that a packet has come, or at once that one is there") {
  for (const Custody state : kStates) {
    INFO(NameOf(state));
    const bool waits = state == Custody::kWait || state == Custody::kHold;
    const Epoch epoch = state == Custody::kHold ? 5 : 4;
    Bench before;
    before.Reach(state);
    CHECK(before.Command(CustodyVerb::kWatch, epoch) == "-");
    before.Packet();
    CHECK((before.Said() == "arrived") == waits);
    before.Packet();
    CHECK(before.Said() == "-");
    CHECK(before.Command(CustodyVerb::kWatch, epoch) == (waits ? "arrived" : "-"));

    Bench other;
    other.Reach(state);
    CHECK(other.Command(CustodyVerb::kWatch, 8) == "-");
    other.Packet();
    CHECK(other.Said() != "arrived");
    CHECK(other.custody_.StateOf(other.flow_) == state);
  }
}

TEST_CASE("FlowCustody: the frozen state goes again when the peer's stream opens again, until it is committed") {
  Bench bench;
  bench.Reach(Custody::kSent);
  for (const bool committed : {false, true}) {
    if (committed) bench.Command(CustodyVerb::kCommit, 4);
    CustodyContext context = bench.Context();
    bench.outbox_.Clear();
    bench.custody_.OnPeerOpened(context, 1, 9);
    REQUIRE(bench.outbox_.messages.size() == (committed ? 0 : 1));
    if (committed) continue;
    const auto& state = std::get<msg::State>(bench.outbox_.messages[0].message.body);
    CHECK(state.present);
    CHECK(state.chunk.fit_bytes == Bytes(100));
    CHECK(bench.outbox_.messages[0].to == NfNode(1));
  }
  CHECK(bench.function_.flow_count() == 0);
  CHECK_FALSE(bench.fit_.Find(bench.now_, bench.flow_).has_value());
}

TEST_CASE("FlowCustody: returned packets come before the own ones; a stream that broke begins again") {
  Bench dst;
  dst.Reach(Custody::kRefused);
  CHECK(dst.Packet(1) == "buffered");
  CHECK(dst.Packet(2) == "buffered");
  dst.Command(CustodyVerb::kArmBack, 5);
  dst.outbox_.Clear();
  dst.Mark(5);
  const std::vector<OutMessage> sent = dst.outbox_.messages;
  REQUIRE(sent.size() == 3);
  CHECK(dst.held_ == Bytes(200));  // they may have to go again

  Bench src;
  src.Reach(Custody::kHold);  // has processed packet 0
  CHECK(src.Packet(3) == "buffered");
  CustodyContext context = src.Context();
  const auto packet = [&](size_t i) { return std::get<msg::ReturnedPacket>(sent[i].message.body); };
  src.custody_.OnReturnedPacket(context, packet(0));
  src.custody_.OnReturned(context, 1, std::get<msg::Returned>(sent[2].message.body));  // one is missing
  CHECK(src.custody_.StateOf(src.flow_) == Custody::kHold);
  src.custody_.OnReturnedPacket(context, packet(0));  // again, from the beginning
  src.custody_.OnReturnedPacket(context, packet(1));
  src.custody_.OnReturned(context, 1, std::get<msg::Returned>(sent[2].message.body));
  CHECK(src.custody_.StateOf(src.flow_) == Custody::kOwn);
  CHECK(src.Said() == "active");
  CHECK(*src.violations_ == 0);
  CHECK(src.function_.Count(src.flow_) == 4);
  CHECK(src.held_ == Bytes());
  CHECK(src.custody_.idle());
}

TEST_CASE("FlowCustody: what is returned is kept until COMMIT, and let go once; what comes twice is let go at once") {
  const auto forgotten = [](const Outbox& out) {
    std::vector<uint64_t> digests;
    for (const OutPacket& packet : out.packets) {
      CHECK(packet.fate == OutPacket::Fate::kForgotten);
      digests.push_back(packet.packet.digest);
    }
    return digests;
  };
  Bench dst;
  dst.Reach(Custody::kRefused);
  dst.Packet(1);
  dst.Packet(2);
  dst.Command(CustodyVerb::kArmBack, 5);
  dst.outbox_.Clear();
  dst.Mark(5);
  const std::vector<OutMessage> sent = dst.outbox_.messages;
  for (int times = 0; times < 2; ++times) {
    dst.outbox_.Clear();
    CustodyContext context = dst.Context();
    dst.custody_.OnPeerOpened(context, 1, 9);
    REQUIRE(dst.outbox_.messages.size() == 3);
    CHECK(dst.outbox_.packets.empty());
    for (size_t i = 0; i < 3; ++i) CHECK(dst.outbox_.messages[i].message == sent[i].message);
  }
  dst.Command(CustodyVerb::kCommit, 5);
  CHECK(forgotten(dst.outbox_) == std::vector<uint64_t>{1, 2});
  CHECK(dst.held_ == Bytes());
  dst.Command(CustodyVerb::kCommit, 5);
  CHECK(dst.outbox_.packets.empty());

  Bench src;
  src.Reach(Custody::kHold);
  const auto& packet = std::get<msg::ReturnedPacket>(sent[0].message.body);
  for (const bool again : {false, true}) {
    src.outbox_.Clear();
    CustodyContext context = src.Context();
    src.custody_.OnReturnedPacket(context, packet);
    CHECK(forgotten(src.outbox_).size() == (again ? 1 : 0));
    CHECK(src.held_ == Bytes(100));
  }
}

TEST_CASE("FlowCustody: what was returned to an instance that died is dropped, once, and makes room") {
  Bench dst;
  dst.Reach(Custody::kRefused);
  dst.Packet(1);
  dst.Command(CustodyVerb::kArmBack, 5);
  dst.Mark(5);
  CHECK(dst.held_ == Bytes(100));
  dst.Command(CustodyVerb::kFresh, 6);
  REQUIRE(dst.outbox_.packets.size() == 1);
  CHECK(dst.outbox_.packets[0].fate == OutPacket::Fate::kDropped);
  CHECK(dst.held_ == Bytes());
  CHECK(dst.custody_.idle());
}

TEST_CASE("FlowCustody: REVERT and FRESH wait for the end of the dead one's stream, and for no other") {
  for (const auto& [state, verb, epoch, said] :
       {std::tuple{Custody::kSent, CustodyVerb::kRevert, Epoch{5}, "in-doubt"},
        std::tuple{Custody::kWait, CustodyVerb::kFresh, Epoch{4}, "active-lost"}}) {
    Bench bench;
    bench.Reach(state);
    CustodyContext context = bench.Context();
    bench.custody_.OnPeerOpened(context, 1, 9);
    CHECK(bench.Command(verb, epoch) == "-");
    CHECK(bench.Command(verb, epoch) == "-");
    CHECK(bench.custody_.StateOf(bench.flow_) == state);
    bench.custody_.OnPeerClosed(context, 1);
    CHECK(bench.Said() == said);
    CHECK(bench.custody_.StateOf(bench.flow_) == Custody::kOwn);
    CHECK(bench.custody_.idle());

    Bench other;
    other.Reach(state);
    CustodyContext again = other.Context();
    other.custody_.OnPeerOpened(again, 1, 10);  // the dead one's successor
    CHECK(other.Command(verb, epoch) == said);
  }
}

TEST_CASE("FlowCustody: a state that arrived before its sender's end was known is not lost") {
  Bench bench;
  bench.Reach(Custody::kWait);
  CustodyContext context = bench.Context();
  bench.custody_.OnPeerOpened(context, 1, 9);
  CHECK(bench.Command(CustodyVerb::kFresh, 4) == "-");
  bench.State(4);
  bench.custody_.OnPeerClosed(context, 1);
  CHECK(bench.custody_.StateOf(bench.flow_) == Custody::kImporting);
  bench.RunWork();
  CHECK(bench.Said() == "active");
  CHECK(bench.custody_.StateOf(bench.flow_) == Custody::kOwn);
  CHECK(bench.custody_.idle());
}

TEST_CASE("FlowCustody: what the function has forgotten is handed over as ended; a state too large is refused there") {
  Bench bench;
  bench.Reach(Custody::kExporting);
  bench.function_.Delete(bench.flow_);
  bench.RunWork();
  REQUIRE(bench.outbox_.messages.size() == 1);
  const auto state = std::get<msg::State>(bench.outbox_.messages[0].message.body);
  CHECK_FALSE(state.present);
  Bench dst;
  dst.Reach(Custody::kWait);
  CHECK(dst.Packet(0) == "buffered");
  CustodyContext context = dst.Context();
  dst.custody_.OnState(context, 1, state);
  dst.RunWork();
  CHECK(dst.Said() == "active");
  CHECK(dst.function_.Count(dst.flow_) == 1);
}

TEST_CASE("FlowCustody: settled flows are forgotten in time, and there are never more than so many") {
  Bench bench;
  bench.custody_ = FlowCustody({.remembered = 4, .memory = Duration::Seconds(1)});
  bench.Reach(Custody::kNone);
  CHECK(bench.Packet() == "refused");
  bench.custody_.Expire(bench.now_ + Duration::Seconds(1));
  CHECK(bench.custody_.size() == 1);
  bench.custody_.Expire(bench.now_ + Duration::Nanos(1'000'000'001));
  CHECK(bench.custody_.size() == 0);
  CHECK_FALSE(bench.custody_.intercepting());
  CHECK(bench.Packet() == "processed");

  for (uint16_t port = 1; port <= 20; ++port) {
    bench.flow_ = bench.hasher_.Key(*FiveTuple::Parse("tcp:10.0.0.1:" + std::to_string(port) + ">10.0.0.3:80"));
    bench.Own();
    bench.Command(CustodyVerb::kArm, 4);
    bench.Command(CustodyVerb::kCancel, 4);
  }
  bench.custody_.Expire(bench.now_);
  CHECK(bench.custody_.size() == 4);
}
