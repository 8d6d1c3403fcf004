#include "experiments/workload_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "core/base/hash.h"

namespace uhaul {
namespace {

constexpr std::string_view kCapture = "pcap:";
constexpr size_t kHashDigits = 16;
constexpr HashKey kContentsKey{0x776f726b, 0x6c6f6164};

// "#0123456789abcdef", or nothing.
std::string_view HashIn(std::string_view workload) {
  if (workload.size() <= kHashDigits + 1) return {};
  const std::string_view tail = workload.substr(workload.size() - kHashDigits - 1);
  const auto digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return tail.front() == '#' && std::all_of(tail.begin() + 1, tail.end(), digit) ? tail : std::string_view();
}

Result<std::string> HashOf(const std::string& path) {
  const auto failed = [&path] { return Error{fmt::format("{}: cannot be read: {}", path, std::strerror(errno))}; };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed();
  struct stat status {};
  void* map = nullptr;
  size_t size = 0;
  bool good = ::fstat(fd, &status) == 0;
  if (good && !S_ISREG(status.st_mode)) {
    ::close(fd);
    return Error{path + ": is not a file"};
  }
  size = static_cast<size_t>(status.st_size);
  if (good && size > 0) map = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  good &= map != MAP_FAILED;
  const Error error = failed();
  ::close(fd);
  if (!good) return error;
  const uint64_t hash = SipHash24(kContentsKey, std::span(static_cast<const uint8_t*>(map), size));
  if (map != nullptr) ::munmap(map, size);
  return fmt::format("#{:016x}", hash);
}

}  // namespace

bool IsCapture(std::string_view workload) { return workload.starts_with(kCapture); }

bool IsWorkloadFile(std::string_view workload) {
  const std::string_view name = workload.substr(0, workload.size() - HashIn(workload).size());
  return IsCapture(name) || name.find('/') != std::string_view::npos || name.ends_with(".csv");
}

std::string PathOf(std::string_view workload) {
  workload.remove_suffix(HashIn(workload).size());
  if (IsCapture(workload)) workload.remove_prefix(kCapture.size());
  return std::string(workload);
}

std::string WithHash(std::string_view workload) {
  if (!HashIn(workload).empty()) return std::string(workload);
  const Result<std::string> hash = HashOf(PathOf(workload));
  return std::string(workload) + (hash ? *hash : "");
}

Status CheckHash(std::string_view workload) {
  if (HashIn(workload).empty()) return {};
  const Result<std::string> hash = HashOf(PathOf(workload));
  if (!hash) return hash.error();
  if (*hash == HashIn(workload)) return {};
  return Error{fmt::format("{}: is not the file that this point was planned with (its hash is {}, not {})",
                           PathOf(workload), hash->substr(1), HashIn(workload).substr(1))};
}

}  // namespace uhaul
