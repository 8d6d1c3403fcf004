// A fuzzer's input as a file that parsers can open; it lives in memory.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/base/check.h"

namespace uhaul::fuzz {

class InputFile {
 public:
  InputFile(const uint8_t* data, size_t size) : fd_(::memfd_create("input", 0)) {
    UHAUL_CHECK(fd_ >= 0);
    UHAUL_CHECK(::write(fd_, data, size) == static_cast<ssize_t>(size));
    UHAUL_CHECK(::lseek(fd_, 0, SEEK_SET) == 0);
  }
  ~InputFile() { ::close(fd_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

}  // namespace uhaul::fuzz
