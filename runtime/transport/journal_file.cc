#include "runtime/transport/journal_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/little_endian.h"
#include "core/protocol/journal_codec.h"
#include "runtime/transport/fresh.h"

namespace uhaul::runtime {
namespace {

constexpr std::array<uint8_t, 8> kMagic = {'U', 'H', 'A', 'U', 'L', 'J', '0', '2'};
constexpr size_t kSecretOctets = 16;
constexpr size_t kHeaderOctets = kMagic.size() + kSecretOctets + 8;
constexpr size_t kHeadOctets = 4 + 8;
// A journal is compacted long before; what is larger is not one.
constexpr uint64_t kMaxFileOctets = uint64_t{1} << 30;

uint64_t Checksum(uint64_t at, std::span<const uint8_t> octets) { return SipHash24({at, octets.size()}, octets); }

void AppendEntry(const JournalRecord& record, uint64_t at, std::vector<uint8_t>* out) {
  std::vector<uint8_t> octets;
  EncodeRecord(record, &octets);
  AppendLittle(static_cast<uint32_t>(octets.size()), out);
  AppendLittle(Checksum(at, octets), out);
  out->insert(out->end(), octets.begin(), octets.end());
}

bool WriteAll(int fd, std::span<const uint8_t> octets) {
  while (!octets.empty()) {
    const ssize_t n = ::write(fd, octets.data(), octets.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    octets = octets.subspan(static_cast<size_t>(n));
  }
  return true;
}

bool ReadAll(int fd, std::span<uint8_t> octets) {
  while (!octets.empty()) {
    const ssize_t n = ::read(fd, octets.data(), octets.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    octets = octets.subspan(static_cast<size_t>(n));
  }
  return true;
}

// The name of a new file is durable with its directory only.
bool SyncDirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const FileDescriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd.open() && ::fsync(fd.get()) == 0;
}

// Reads records up to the first that is not whole; *good is where it begins.
Status Parse(const std::string& path, std::span<const uint8_t> octets, std::vector<JournalRecord>* records,
             size_t* good) {
  *good = kHeaderOctets;
  while (*good < octets.size()) {
    const std::span<const uint8_t> rest = octets.subspan(*good);
    if (rest.size() < kHeadOctets) return {};
    const size_t length = LoadLittle<uint32_t>(rest.data());
    if (length <= kMaxRecordBytes && rest.size() < kHeadOctets + length) return {};
    // A file may be as long as it was to be without all its octets: then nothing but zeros follows what got there.
    const auto last = std::find_if(rest.rbegin(), rest.rend(), [](uint8_t octet) { return octet != 0; });
    const bool end = static_cast<size_t>(rest.rend() - last) <= kHeadOctets + length;
    const auto corrupt = [&](const std::string& what) {
      return Error{
          fmt::format("{}: {} at octet {}: the file was changed or its disk is failing; restore it from a "
                      "copy, or remove it to begin anew (what was open then is not carried through)",
                      path, what, *good)};
    };
    if (length == 0 || length > kMaxRecordBytes) return end ? Status() : corrupt("no record");
    const std::span<const uint8_t> record = rest.subspan(kHeadOctets, length);
    if (LoadLittle<uint64_t>(rest.data() + 4) != Checksum(*good, record)) {
      if (end) return {};
      return corrupt("a record that is not as it was written");
    }
    Result<JournalRecord> decoded = DecodeRecord(record);
    if (!decoded) return corrupt(decoded.error().message);
    records->push_back(std::move(decoded).value());
    *good += kHeadOctets + length;
  }
  return {};
}

}  // namespace

// Of the secret in a header that is there; none if it is not as it was written.
std::optional<HashKey> SecretIn(std::span<const uint8_t> header) {
  const std::span<const uint8_t> secret = header.subspan(kMagic.size(), kSecretOctets);
  const uint64_t checksum = LoadLittle<uint64_t>(secret.data() + kSecretOctets);
  if (checksum != Checksum(kMagic.size(), secret)) return std::nullopt;
  return HashKey{LoadLittle<uint64_t>(secret.data()), LoadLittle<uint64_t>(secret.data() + 8)};
}

std::vector<uint8_t> JournalFile::Header() const {
  std::vector<uint8_t> header(kMagic.begin(), kMagic.end());
  AppendLittle(secret_.k0, &header);
  AppendLittle(secret_.k1, &header);
  AppendLittle(Checksum(kMagic.size(), std::span(header).subspan(kMagic.size())), &header);
  return header;
}

Error JournalFile::Failed(const std::string& what) {
  failed_ = true;
  return Error{fmt::format("{}: {}: {}", path_, what, std::strerror(errno))};
}

Result<JournalFile::Contents> JournalFile::Open(const std::string& path) {
  JournalFile file(path, FileDescriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600)));
  if (!file.file_.open()) return file.Failed("cannot be opened");
  if (::flock(file.file_.get(), LOCK_EX | LOCK_NB) != 0) return file.Failed("another controller has it");
  struct stat status {};
  if (::fstat(file.file_.get(), &status) != 0) return file.Failed("cannot be looked at");
  const auto size = static_cast<uint64_t>(status.st_size);
  if (!S_ISREG(status.st_mode) || size > kMaxFileOctets) return Error{path + ": not a journal"};
  std::vector<uint8_t> octets(size);
  if (!ReadAll(file.file_.get(), octets)) return file.Failed("cannot be read");

  Contents contents{std::move(file), {}, 0};
  JournalFile& journal = contents.file;
  const size_t begun = std::min(octets.size(), kMagic.size());
  if (!std::equal(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(begun), kMagic.begin())) {
    return Error{path + ": not a journal"};
  }
  size_t good = 0;
  const std::optional<HashKey> secret =
      octets.size() < kHeaderOctets ? std::nullopt : SecretIn(std::span(octets).first(kHeaderOctets));
  if (!secret && std::any_of(octets.begin() + static_cast<std::ptrdiff_t>(std::min(octets.size(), kHeaderOctets)),
                             octets.end(), [](uint8_t octet) { return octet != 0; })) {
    return Error{path + ": its beginning is not as it was written: restore it from a copy, or remove it to begin anew"};
  }
  if (secret) {
    journal.secret_ = *secret;
    if (Status parsed = Parse(path, octets, &contents.records, &good); !parsed) return parsed.error();
  }
  contents.torn_octets = octets.size() - good;
  if (contents.torn_octets > 0 && ::ftruncate(journal.file_.get(), static_cast<off_t>(good)) != 0) {
    return journal.Failed("its torn end cannot be cut off");
  }
  if (good == 0) {
    const Result<HashKey> drawn = DrawSecret();
    if (!drawn) return drawn.error();
    journal.secret_ = *drawn;
    if (!WriteAll(journal.file_.get(), journal.Header())) return journal.Failed("cannot be written");
  }
  journal.size_ = journal.compact_ = std::max(good, kHeaderOctets);
  if (::fsync(journal.file_.get()) != 0 || !SyncDirectoryOf(path)) return journal.Failed("cannot be synced");
  return contents;
}

Status JournalFile::Append(const JournalRecord& record) {
  if (failed_) return Error{path_ + ": failed before"};
  const size_t before = waiting_.size();
  AppendEntry(record, size_, &waiting_);
  size_ += waiting_.size() - before;
  ++appended_;
  return {};
}

Status JournalFile::Sync() {
  if (failed_) return Error{path_ + ": failed before"};
  if (waiting_.empty()) return {};
  if (!WriteAll(file_.get(), waiting_)) return Failed("cannot be written");
  // A failed sync may have dropped the pages: it is not to be tried again (it would succeed).
  if (::fdatasync(file_.get()) != 0) return Failed("cannot be synced");
  waiting_.clear();
  durable_ = appended_;
  return {};
}

Status JournalFile::Compact(const std::vector<JournalRecord>& records) {
  UHAUL_CHECK(waiting_.empty());
  if (failed_) return Error{path_ + ": failed before"};
  const std::string temporary = path_ + ".new";
  FileDescriptor fresh(::open(temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
  if (!fresh.open() || ::flock(fresh.get(), LOCK_EX | LOCK_NB) != 0) return Failed("cannot be compacted");
  std::vector<uint8_t> octets = Header();
  for (const JournalRecord& record : CompactJournal(records)) AppendEntry(record, octets.size(), &octets);
  if (!WriteAll(fresh.get(), octets) || ::fsync(fresh.get()) != 0 ||
      std::rename(temporary.c_str(), path_.c_str()) != 0 || !SyncDirectoryOf(path_)) {
    return Failed("cannot be compacted");
  }
  file_ = std::move(fresh);
  size_ = compact_ = octets.size();
  return {};
}

Result<std::vector<uint8_t>> JournalFile::ReadBack() const {
  const FileDescriptor fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  std::vector<uint8_t> octets(size_);
  if (!fd.open() || !ReadAll(fd.get(), octets)) return Error{path_ + ": cannot be read back"};
  return octets;
}

Result<bool> JournalFile::CompactIfGrown(Bytes by) {
  UHAUL_CHECK(waiting_.empty());
  if (failed_ || size_ < compact_ + by.count()) return false;
  const Result<std::vector<uint8_t>> octets = ReadBack();
  if (!octets) return octets.error();
  std::vector<JournalRecord> records;
  size_t good = 0;
  if (Status parsed = Parse(path_, *octets, &records, &good); !parsed) return parsed.error();
  if (good != octets->size()) return Error{path_ + ": is not as it was written"};
  if (Status compacted = Compact(records); !compacted) return compacted.error();
  return true;
}

}  // namespace uhaul::runtime
