// Sockets for tests: a folder of their own for socket files, connected pairs, and a handler that keeps what it is
// given.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/transport/channel.h"

namespace uhaul::runtime::testing {

class SocketFolder {
 public:
  SocketFolder() {
    char path[] = "/tmp/uhaul-test-XXXXXX";
    REQUIRE(::mkdtemp(path) != nullptr);
    path_ = path;
  }
  ~SocketFolder() { std::filesystem::remove_all(path_); }
  SocketFolder(const SocketFolder&) = delete;
  SocketFolder& operator=(const SocketFolder&) = delete;
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::array<FileDescriptor, 2> SocketPair() {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

struct Frames final : FrameHandler {
  struct Arrived {
    TimePoint sent;
    Message message;
    std::vector<uint8_t> octets;
  };
  void OnMessage(TimePoint sent, Message&& message, std::span<const uint8_t> octets) override {
    messages.push_back({sent, std::move(message), {octets.begin(), octets.end()}});
  }
  void OnAdmin(std::string_view text) override { admin.emplace_back(text); }
  void OnBlob(uint8_t stream, std::span<const uint8_t> octets) override {
    blobs.push_back({stream, {octets.begin(), octets.end()}});
  }
  std::vector<Arrived> messages;
  std::vector<std::string> admin;
  std::vector<std::pair<uint8_t, std::vector<uint8_t>>> blobs;
};

}  // namespace uhaul::runtime::testing
