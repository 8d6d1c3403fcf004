// libFuzzer on the controller's journal: what a disk may hold. The first octet says how the rest is meant: as a whole
// file, or as records, each with its length before it, which are written to a file and read back. A controller that
// recovers from what was read stays a controller, whatever it says.
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "core/base/check.h"
#include "core/node/controller.h"
#include "core/protocol/codec.h"
#include "core/protocol/journal_codec.h"
#include "runtime/transport/journal_file.h"

namespace {

using namespace uhaul;
using uhaul::runtime::JournalFile;

std::string Path() {
  static const std::string path = "/dev/shm/uhaul-journal-fuzz-" + std::to_string(::getpid());
  return path;
}

struct Removed {
  ~Removed() { std::remove(Path().c_str()); }
};

std::vector<JournalRecord> Records(std::span<const uint8_t> in) {
  std::vector<JournalRecord> records;
  while (in.size() > 1) {
    const size_t size = std::min<size_t>(in[0], in.size() - 1);
    const auto octets = in.subspan(1, size);
    in = in.subspan(1 + size);
    Result<JournalRecord> record = DecodeRecord(octets);
    if (!record.ok()) continue;
    std::vector<uint8_t> again;
    EncodeRecord(*record, &again);
    UHAUL_CHECK(std::equal(again.begin(), again.end(), octets.begin(), octets.end()));
    records.push_back(std::move(record).value());
  }
  return records;
}

// All nodes answer, and answer again; messages can be put on a wire.
void Recover(std::span<const JournalRecord> records) {
  Controller controller({.profile = *FindProfile("ideal"), .hash_key = {1, 2}, .nf_count = 2, .journal = true});
  Outbox outbox;
  TimePoint now;
  controller.Recover(now, records, outbox);
  for (uint64_t round = 1; round <= 3; ++round) {
    for (const NodeId node : {kSwitchNode, NfNode(0), NfNode(1)}) {
      controller.OnConnected(now, node, outbox);
      controller.OnMessage(now, node, Message{0, controller.generation(), msg::Hello{round}}, outbox);
    }
    controller.DeclareDead(now, NfNode(round % 2), outbox);
    now = now + Duration::Millis(100);
    controller.OnTimer(now, outbox);
  }
  std::vector<uint8_t> octets;
  for (const OutMessage& out : outbox.messages) Encode(out.message, &octets);
  for (const JournalRecord& record : outbox.journal) EncodeRecord(record, &octets);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::span<const uint8_t> rest(data + 1, size - 1);
  const Removed removed;
  std::remove(Path().c_str());
  std::vector<JournalRecord> written;
  if ((data[0] & 1) == 0) {
    std::ofstream(Path(), std::ios::binary)
        .write(reinterpret_cast<const char*>(rest.data()), static_cast<std::streamsize>(rest.size()));
  } else {
    written = Records(rest);
    Result<JournalFile::Contents> file = JournalFile::Open(Path());
    UHAUL_CHECK(file.ok());
    for (const JournalRecord& record : written) UHAUL_CHECK(file->file.Append(record).ok());
    UHAUL_CHECK(file->file.Sync().ok());
  }
  Result<JournalFile::Contents> read = JournalFile::Open(Path());
  if (!read.ok()) {
    UHAUL_CHECK((data[0] & 1) == 0 && !read.error().message.empty());
    return 0;
  }
  if ((data[0] & 1) != 0) UHAUL_CHECK(read->records == written && read->torn_octets == 0);
  UHAUL_CHECK(CompactJournal(CompactJournal(read->records)) == CompactJournal(read->records));
  Recover(read->records);
  return 0;
}
