#include "core/protocol/journal_codec.h"

#include <algorithm>
#include <catch2/catch.hpp>

namespace uhaul {
namespace {

FiveTuple Tuple(uint32_t n) {
  FiveTuple t;
  t.version = n % 3 == 0 ? 6 : 4;
  t.source = FiveTuple::Ipv4(10, static_cast<uint8_t>(n >> 16), static_cast<uint8_t>(n >> 8), static_cast<uint8_t>(n));
  return t;
}

std::vector<JournalRecord> SomeRecords() {
  return {journal::Generation{3, 7}, journal::Begin{7, 0, 1, 11, 12, {Tuple(1), Tuple(2), Tuple(3)}},
          journal::End{7, {{Tuple(1), 28, 1}, {Tuple(3), 0, 0}}}, journal::Begin{8, 1, 0, 12, 11, {Tuple(4)}}};
}

template <class Record>
std::vector<Record> Of(const std::vector<JournalRecord>& records) {
  std::vector<Record> found;
  for (const JournalRecord& record : records) {
    if (const auto* r = std::get_if<Record>(&record)) found.push_back(*r);
  }
  return found;
}

TEST_CASE("JournalCodec: malformed records are refused, whole ones are what they were") {
  for (const JournalRecord& record : SomeRecords()) {
    std::vector<uint8_t> octets;
    EncodeRecord(record, &octets);
    CHECK((DecodeRecord(octets).value() == record));
    for (size_t size = 0; size < octets.size(); ++size) {
      CHECK_FALSE(DecodeRecord(std::span(octets).first(size)).ok());
    }
    octets.push_back(0);
    CHECK_FALSE(DecodeRecord(octets).ok());
  }
  CHECK_FALSE(DecodeRecord(std::vector<uint8_t>{3, 0, 0, 0, 0}).ok());
}

TEST_CASE("JournalCodec: a compact journal has the last generation, what is open, and each flow's last rule") {
  std::vector<JournalRecord> records = SomeRecords();
  records.push_back(journal::Generation{4, 9});
  records.push_back(journal::Begin{8, 1, 0, 12, 11, {Tuple(5)}});  // the same operation, more flows
  records.push_back(journal::End{8, {{Tuple(1), 35, 0}}});         // later than operation 7's rule
  const std::vector<JournalRecord> compact = CompactJournal(records);
  CHECK((Of<journal::Generation>(compact) == std::vector{journal::Generation{4, 9}}));
  CHECK((Of<journal::End>(compact) == std::vector{journal::End{8, {{Tuple(1), 35, 0}}}}));
  const std::vector<journal::Begin> open = Of<journal::Begin>(compact);
  REQUIRE(open.size() == 2);
  CHECK((open[0] == journal::Begin{7, 0, 1, 11, 12, {Tuple(2)}}));
  CHECK((open[1] == journal::Begin{8, 1, 0, 12, 11, {Tuple(4), Tuple(5)}}));
  CHECK((CompactJournal(compact) == compact));
}

TEST_CASE("JournalCodec: operations of which a compact journal says nothing do not lend their numbers to others") {
  CHECK(Of<journal::Generation>(CompactJournal(std::vector<JournalRecord>{journal::End{41, {}}}))[0].next_operation ==
        42);
  CHECK(Of<journal::Generation>(CompactJournal(std::vector<JournalRecord>{journal::Begin{50, 0, 1, 1, 1, {}}}))[0]
            .next_operation == 51);
}

TEST_CASE("JournalCodec: records of a compact journal are no longer than others") {
  const auto flows = static_cast<uint32_t>(2 * kMaxFlowsPerMessage + 3);
  std::vector<JournalRecord> records;
  for (uint32_t from = 0; from < flows; from += 500) {
    journal::Begin begin{1, 0, 1, 1, 1, {}};
    journal::End end{2, {}};
    for (uint32_t n = from; n < std::min(flows, from + 500); ++n) {
      begin.flows.push_back(Tuple(n));
      end.flows.push_back({Tuple(1'000'000 + n), 9, 1});
    }
    records.push_back(begin);
    records.push_back(end);
  }
  const std::vector<JournalRecord> compact = CompactJournal(records);
  size_t begun = 0, ended = 0;
  for (const journal::Begin& begin : Of<journal::Begin>(compact)) {
    CHECK(begin.flows.size() <= kMaxFlowsPerMessage);
    begun += begin.flows.size();
  }
  for (const journal::End& end : Of<journal::End>(compact)) {
    CHECK(end.flows.size() <= kMaxFlowsPerMessage);
    ended += end.flows.size();
  }
  CHECK(begun == flows);
  CHECK(ended == flows);
  CHECK(compact.size() == 1 + 3 + 3);
}

}  // namespace
}  // namespace uhaul
