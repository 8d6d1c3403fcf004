// Every state of a flow at an NF instance against everything that can come: the whole table.
#include "core/node/flow_custody.h"

#include <catch2/catch.hpp>
#include <map>
#include <sstream>

#include "tests/core/node/custody_bench.h"

using namespace uhaul;
using namespace uhaul::testing;
using Bench = CustodyBench;

namespace {

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
