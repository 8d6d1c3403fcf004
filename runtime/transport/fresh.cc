#include "runtime/transport/fresh.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "core/base/little_endian.h"

namespace uhaul::runtime {
namespace {

constexpr uint64_t kSecondsTo2020 = 1'577'836'800;

uint64_t WallNanos() {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
}

}  // namespace

Result<HashKey> DrawSecret() {
  std::array<uint8_t, 16> octets{};
  if (::getrandom(octets.data(), octets.size(), 0) != static_cast<ssize_t>(octets.size())) {
    return Error{std::string("no secret can be drawn: ") + std::strerror(errno)};
  }
  return HashKey{LoadLittle<uint64_t>(octets.data()), LoadLittle<uint64_t>(octets.data() + 8)};
}

uint64_t FreshIncarnation() { return WallNanos(); }

uint32_t FreshNumber() { return static_cast<uint32_t>(WallNanos() / 125'000'000 - kSecondsTo2020 * 8); }

}  // namespace uhaul::runtime
