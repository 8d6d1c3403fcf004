// JournalFile: the controller's journal on disk (core/protocol/journal_record.h). Records are appended, and are durable
// when Sync() says so. What a crash left half written at the end is cut off when the file is opened; anything else that
// is not as it was written is an error that names the place.
//
//   "UHAULJ02" | 16 octets of secret | u64 checksum of it, then per record: u32 length | u64 checksum | octets
//   (journal_codec.h)
//
// The secret is drawn when the file is made: nonces come from it, and who redoes a hand-over needs the same ones.
// Nobody but the owner may read the file.
//
// The checksum covers the record's place in the file and its length, so that neither zeros nor an older file's octets
// pass for a record. One process has the file at a time. Compact() rewrites it without what is over: a new file beside
// it, synced, then renamed over it. CompactIfGrown() does so while a controller runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/hash.h"
#include "core/base/result.h"
#include "core/base/units.h"
#include "core/protocol/journal_record.h"
#include "runtime/transport/file_descriptor.h"

namespace uhaul::runtime {

class JournalFile {
 public:
  struct Contents;
  // Makes the file if there is none.
  static Result<Contents> Open(const std::string& path);

  // To be written with the next Sync. After an error of Sync nothing more is accepted: what is on disk is then unknown.
  Status Append(const JournalRecord& record);
  // Everything appended is durable.
  Status Sync();
  Bytes waiting() const { return Bytes(waiting_.size()); }
  uint64_t durable() const { return durable_; }  // records appended and synced since Open
  // `records`: what the file says, all of it. Nothing may wait for a Sync.
  Status Compact(const std::vector<JournalRecord>& records);
  // Compacts a file that has grown by so much since it was opened or compacted last. True if it did.
  Result<bool> CompactIfGrown(Bytes by);
  HashKey secret() const { return secret_; }
  Bytes size() const { return Bytes(size_); }

 private:
  JournalFile(std::string path, FileDescriptor file) : path_(std::move(path)), file_(std::move(file)) {}
  Error Failed(const std::string& what);
  std::vector<uint8_t> Header() const;
  Result<std::vector<uint8_t>> ReadBack() const;

  std::string path_;
  FileDescriptor file_;
  HashKey secret_;
  uint64_t size_ = 0;     // with what waits
  uint64_t compact_ = 0;  // when it was opened or compacted
  std::vector<uint8_t> waiting_;
  uint64_t appended_ = 0;
  uint64_t durable_ = 0;
  bool failed_ = false;
};

struct JournalFile::Contents {
  JournalFile file;
  std::vector<JournalRecord> records;
  uint64_t torn_octets = 0;  // cut off
};

}  // namespace uhaul::runtime
