// The journal on disk: whatever a crash leaves of it, what was durable comes back, and nothing else; what somebody else
// did to it is told.
#include "runtime/transport/journal_file.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "core/base/random.h"
#include "core/node/controller.h"
#include "core/protocol/journal_codec.h"

namespace uhaul::runtime {
namespace {

class Place {
 public:
  Place() {
    std::string name = (std::filesystem::temp_directory_path() / "uhaul-journal-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Place() { std::filesystem::remove_all(path_); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  std::string file() const { return path_ + "/journal"; }
  std::string Read() const {
    std::ifstream in(file(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void Write(const std::string& octets) const { std::ofstream(file(), std::ios::binary) << octets; }

 private:
  std::string path_;
};

FiveTuple Tuple(uint64_t n) {
  FiveTuple t;
  t.version = n % 3 == 0 ? 6 : 4;
  t.source[0] = 10;
  t.source_port = static_cast<uint16_t>(n);
  return t;
}

std::vector<JournalRecord> SomeRecords() {
  return {journal::Generation{3, 7}, journal::Begin{7, 0, 1, 11, 12, {Tuple(1), Tuple(2), Tuple(3)}},
          journal::End{7, {{Tuple(1), 28, 1}, {Tuple(3), 0, 0}}}, journal::Begin{8, 1, 0, 12, 11, {Tuple(4)}}};
}

void WriteRecords(const std::string& path, const std::vector<JournalRecord>& records) {
  Result<JournalFile::Contents> opened = JournalFile::Open(path);
  REQUIRE(opened.ok());
  for (const JournalRecord& record : records) REQUIRE(opened->file.Append(record).ok());
  CHECK(opened->file.durable() == 0);
  REQUIRE(opened->file.Sync().ok());
  CHECK(opened->file.durable() == records.size());
}

}  // namespace

TEST_CASE("JournalFile: what was synced comes back, and goes on") {
  const Place place;
  const std::vector<JournalRecord> records = SomeRecords();
  WriteRecords(place.file(), records);
  WriteRecords(place.file(), records);
  const Result<JournalFile::Contents> opened = JournalFile::Open(place.file());
  REQUIRE(opened.ok());
  std::vector<JournalRecord> twice = records;
  twice.insert(twice.end(), records.begin(), records.end());
  CHECK((opened->records == twice));
  CHECK(opened->torn_octets == 0);
  CHECK(opened->file.size().count() == place.Read().size());
  const auto second = JournalFile::Open(place.file());
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().message.find("another controller") != std::string::npos);
}

TEST_CASE("JournalFile: cut at any octet, exactly the whole records before the cut come back, and writing goes on") {
  const Place place;
  const std::vector<JournalRecord> records = SomeRecords();
  std::vector<size_t> ends = {32};  // of the header and of each record
  for (size_t i = 0; i < records.size(); ++i) {
    std::filesystem::remove(place.file());
    WriteRecords(place.file(), {records.begin(), records.begin() + static_cast<std::ptrdiff_t>(i) + 1});
    ends.push_back(place.Read().size());
  }
  const std::string whole = place.Read();
  for (size_t cut = 0; cut <= whole.size(); ++cut) {
    for (const bool zeros : {false, true}) {  // the file's length may have got there without its octets
      CAPTURE(cut, zeros);
      place.Write(whole.substr(0, cut) + std::string(zeros ? whole.size() - cut : 0, '\0'));
      size_t expected = 0;
      while (expected < records.size() && ends[expected + 1] <= cut) ++expected;
      if (zeros && cut < 8) continue;  // another file
      Result<JournalFile::Contents> opened = JournalFile::Open(place.file());
      if (!opened.ok()) INFO(opened.error().message);
      REQUIRE(opened.ok());
      REQUIRE(opened->records.size() >= expected);
      // Zeros that belong there may complete a record.
      const auto n = static_cast<std::ptrdiff_t>(opened->records.size());
      CHECK((opened->records == std::vector<JournalRecord>(records.begin(), records.begin() + n)));
      if (!zeros) CHECK(opened->records.size() == expected);
      REQUIRE(opened->file.Append(records[0]).ok());
      REQUIRE(opened->file.Sync().ok());
      opened->file = std::move(JournalFile::Open(place.file() + ".other")->file);  // lets go
      const Result<JournalFile::Contents> again = JournalFile::Open(place.file());
      REQUIRE(again.ok());
      CHECK(again->records.size() == static_cast<size_t>(n) + 1);
      CHECK(again->torn_octets == 0);
    }
  }
}

TEST_CASE("JournalFile: its secret is drawn once, stays through compaction, and is another one's in another file") {
  const Place place;
  Result<JournalFile::Contents> opened = JournalFile::Open(place.file());
  REQUIRE(opened.ok());
  const HashKey secret = opened->file.secret();
  CHECK((secret.k0 | secret.k1) != 0);
  REQUIRE(opened->file.Compact({}).ok());
  const Result<JournalFile::Contents> other = JournalFile::Open(place.file() + ".other");
  REQUIRE(other.ok());
  CHECK(other->file.secret().k0 != secret.k0);
  opened->file = std::move(JournalFile::Open(place.file() + ".third")->file);  // lets go
  const Result<JournalFile::Contents> again = JournalFile::Open(place.file());
  REQUIRE(again.ok());
  CHECK(again->file.secret().k0 == secret.k0);
  CHECK(again->file.secret().k1 == secret.k1);
}

TEST_CASE("JournalFile: one that has grown is compacted while it is written, and goes on") {
  const Place place;
  Result<JournalFile::Contents> opened = JournalFile::Open(place.file());
  REQUIRE(opened.ok());
  JournalFile& file = opened->file;
  uint64_t compacted = 0;
  std::vector<JournalRecord> all;
  for (OperationId id = 1; id <= 200; ++id) {
    all.push_back(journal::Begin{id, 0, 1, 11, 12, {Tuple(1), Tuple(2)}});
    all.push_back(journal::End{id, {{Tuple(1), id * 4, 1}, {Tuple(2), 0, 0}}});
    for (size_t i = all.size() - 2; i < all.size(); ++i) REQUIRE(file.Append(all[i]).ok());
    REQUIRE(file.Sync().ok());
    CHECK(file.durable() == all.size());  // of what was appended, whatever became of it
    const Result<bool> done = file.CompactIfGrown(Bytes(4000));
    REQUIRE(done.ok());
    compacted += *done ? 1 : 0;
    CHECK(file.size().count() < 8000);
    CHECK(file.size().count() == place.Read().size());
  }
  CHECK(compacted > 3);
  opened->file = std::move(JournalFile::Open(place.file() + ".other")->file);  // lets go
  const Result<JournalFile::Contents> again = JournalFile::Open(place.file());
  REQUIRE(again.ok());
  CHECK((CompactJournal(again->records) == CompactJournal(all)));
}

TEST_CASE("JournalFile: an octet changed is told, or everything from its record on is cut off, and counted") {
  const Place place;
  const std::vector<JournalRecord> records = SomeRecords();
  WriteRecords(place.file(), records);
  const std::string whole = place.Read();
  size_t told = 0;
  for (size_t at = 0; at < whole.size(); ++at) {
    CAPTURE(at);
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x5a);
    place.Write(changed);
    const Result<JournalFile::Contents> opened = JournalFile::Open(place.file());
    if (!opened.ok()) {
      ++told;
      CHECK(opened.error().message.find(place.file()) != std::string::npos);
      continue;
    }
    // The last record, or a length that points beyond the end: as if torn.
    CHECK(opened->torn_octets > 0);
    const auto n = static_cast<std::ptrdiff_t>(opened->records.size());
    CHECK(opened->records.size() < records.size());
    CHECK((opened->records == std::vector<JournalRecord>(records.begin(), records.begin() + n)));
  }
  CHECK(told > whole.size() / 2);
}

TEST_CASE(
    "JournalFile: compaction keeps what is open and the last rule of each flow, and a controller that recovers "
    "from it does the same") {
  const Place place;
  std::vector<JournalRecord> records = {journal::Generation{1, 1}};
  Random r(1, 1);
  for (OperationId operation = 1; operation <= 40; ++operation) {
    journal::Begin begin{operation, 0, 1, 5, 6, {}};
    journal::End end{operation, {}};
    for (int i = 0; i < 30; ++i) {
      const FiveTuple tuple = Tuple(r.Below(200));
      begin.flows.push_back(tuple);
      if (operation < 39 || i % 2 == 0) {
        end.flows.push_back({tuple, r.Below(4) == 0 ? 0 : Epoch{operation} * 4, static_cast<uint8_t>(r.Below(2))});
      }
    }
    records.push_back(begin);
    records.push_back(end);
  }
  {
    Result<JournalFile::Contents> opened = JournalFile::Open(place.file());
    REQUIRE(opened.ok());
    for (const JournalRecord& record : records) REQUIRE(opened->file.Append(record).ok());
    REQUIRE(opened->file.Sync().ok());
    const Bytes before = opened->file.size();
    REQUIRE(opened->file.Compact(records).ok());
    CHECK(opened->file.size().count() * 2 < before.count());
    REQUIRE(opened->file.Append(journal::Generation{2, 41}).ok());
    REQUIRE(opened->file.Sync().ok());
  }
  const Result<JournalFile::Contents> opened = JournalFile::Open(place.file());
  REQUIRE(opened.ok());
  records.push_back(journal::Generation{2, 41});
  StateHash hashes[2];
  for (int i = 0; i < 2; ++i) {
    Controller controller(ControllerOptions{*FindProfile("ideal"), {}, 2, true});
    Outbox outbox;
    controller.Recover(TimePoint(), i == 0 ? records : opened->records, outbox);
    CHECK(controller.generation() == 3);
    for (const NodeId node : {kSwitchNode, NfNode(0), NfNode(1)}) {
      controller.OnConnected(TimePoint(), node, outbox);
      const uint64_t incarnation = node == NfNode(0) ? 5 : node == NfNode(1) ? 6 : 1;
      controller.OnMessage(TimePoint(), node, {0, 3, msg::Hello{incarnation}}, outbox);
    }
    // What it says, whatever the order of flows in it.
    std::map<std::string, std::set<FiveTuple>> said;
    for (const OutMessage& m : outbox.messages) {
      if (const auto* c = std::get_if<msg::CustodyCommand>(&m.message.body)) {
        said[std::to_string(static_cast<int>(c->verb)) + "/" + std::to_string(c->epoch)].insert(c->flows.begin(),
                                                                                                c->flows.end());
      } else if (const auto* rule = std::get_if<msg::Install>(&m.message.body)) {
        said["rule " + std::to_string(rule->nf) + "/" + std::to_string(rule->epoch)].insert(rule->flows.begin(),
                                                                                            rule->flows.end());
      }
    }
    CHECK(said.size() > 10);
    for (const auto& [what, flows] : said) {
      hashes[i].Add(std::hash<std::string>()(what));
      for (const FiveTuple& tuple : flows) hashes[i].Add(tuple.source_port);
    }
  }
  CHECK(hashes[0].value() == hashes[1].value());
}

}  // namespace uhaul::runtime
