#include "results/point_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "results/record_json.h"

namespace uhaul {
namespace {

constexpr off_t kLargestFile = 1 << 30;
constexpr size_t kLongestFirstLine = 4096;
constexpr size_t kLongestHead = 64 * 1024;

Error SystemError(const std::string& path, const char* action) {
  return {fmt::format("{}: cannot {}: {}", path, action, std::strerror(errno))};
}

// An identity becomes a file name, so nothing in it may lead elsewhere.
bool IsFileName(const std::string& id) {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  });
}
Status CheckId(const std::string& id) {
  if (IsFileName(id)) return {};
  return Error{fmt::format("'{}' is not the identity of a point", id)};
}

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }
  // Closes now; a late write error shows here.
  bool Close() {
    const int fd = fd_;
    fd_ = -1;
    return ::close(fd) == 0;
  }

 private:
  int fd_;
};

bool WriteAll(int fd, const std::string& bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

// A reader sees the old file, no file or the whole new one, whenever the machine stops.
Status WriteAtomically(const std::string& directory, const std::string& name, const std::string& bytes) {
  const std::string path = directory + "/" + name;
  const std::string temporary = fmt::format("{}/.{}.{}.tmp", directory, name, ::getpid());
  File file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.fd() < 0) return SystemError(temporary, "create");
  if (!WriteAll(file.fd(), bytes) || ::fsync(file.fd()) != 0 || !file.Close() ||
      ::rename(temporary.c_str(), path.c_str()) != 0) {
    const Error error = SystemError(path, "write");
    ::unlink(temporary.c_str());
    return error;
  }
  File parent(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.fd() < 0 || ::fsync(parent.fd()) != 0) return SystemError(directory, "sync");
  return {};
}

// At most `limit` octets from the start; all of the file where limit is 0.
Result<std::string> ReadFile(const std::string& path, size_t limit) {
  File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd() < 0) return SystemError(path, "open");
  struct stat status {};
  if (::fstat(file.fd(), &status) != 0) return SystemError(path, "read");
  if (!S_ISREG(status.st_mode)) return Error{path + ": not a file"};
  if (status.st_size > kLargestFile) return Error{path + ": too large for a point"};
  auto size = static_cast<size_t>(status.st_size);
  if (limit != 0) size = std::min(size, limit);
  std::string bytes(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t n = ::read(file.fd(), bytes.data() + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError(path, "read");
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  bytes.resize(done);
  return bytes;
}

}  // namespace

Status WriteBeside(const std::string& directory, const std::string& id, const std::string& suffix,
                   const std::string& text) {
  if (auto status = CheckId(id); !status) return status;
  return WriteAtomically(directory, id + "." + suffix, text);
}

Status WritePoint(const std::string& directory, const StoredPoint& point, const Provenance& provenance) {
  if (auto status = CheckId(point.id); !status) return status;
  // The result comes last: where it is, its provenance is too.
  if (auto status = WriteAtomically(directory, point.id + ".prov.json", EncodeProvenance(provenance)); !status) {
    return status;
  }
  if (auto status = WriteAtomically(directory, point.id + ".json", EncodePoint(point)); !status) return status;
  const std::string failed = directory + "/" + point.id + ".failed";
  if (::unlink(failed.c_str()) != 0 && errno != ENOENT) return SystemError(failed, "remove");
  return {};
}

Status WriteFailure(const std::string& directory, const std::string& id, const std::string& error) {
  if (auto status = CheckId(id); !status) return status;
  return WriteAtomically(directory, id + ".failed", error);
}

namespace {

// `limit` as of ReadFile.
Result<StoredPoint> ReadPart(const std::string& directory, const std::string& id, size_t limit,
                             Result<StoredPoint> (*decode)(std::string_view)) {
  if (auto status = CheckId(id); !status) return status.error();
  const std::string path = directory + "/" + id + ".json";
  auto bytes = ReadFile(path, limit);
  if (!bytes) return bytes.error();
  auto point = decode(*bytes);
  if (!point) return Error{path + ": " + point.error().message};
  if (point->id != id) return Error{fmt::format("{}: holds the point '{}'", path, point->id)};
  return point;
}

}  // namespace

Result<StoredPoint> ReadPoint(const std::string& directory, const std::string& id) {
  return ReadPart(directory, id, 0, DecodePoint);
}

Result<StoredPoint> ReadPointHead(const std::string& directory, const std::string& id) {
  return ReadPart(directory, id, kLongestHead, DecodeHead);
}

Result<Provenance> ReadProvenance(const std::string& directory, const std::string& id) {
  if (auto status = CheckId(id); !status) return status.error();
  const std::string path = directory + "/" + id + ".prov.json";
  auto bytes = ReadFile(path, 0);
  if (!bytes) return bytes.error();
  auto provenance = DecodeProvenance(*bytes);
  if (!provenance) return Error{path + ": " + provenance.error().message};
  return provenance;
}

Result<std::string> PointBuild(const std::string& directory, const std::string& id) {
  if (auto status = CheckId(id); !status) return status.error();
  const std::string path = directory + "/" + id + ".json";
  auto head = ReadFile(path, kLongestFirstLine);
  if (!head) return head.error();
  const size_t end = head->find('\n');
  if (end == std::string::npos) return Error{path + ": the first line of a point is cut short"};
  auto build = DecodeBuild(std::string_view(*head).substr(0, end));
  if (!build) return Error{path + ": " + build.error().message};
  return build;
}

}  // namespace uhaul
