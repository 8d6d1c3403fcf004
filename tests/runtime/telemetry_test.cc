#include "runtime/telemetry.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/runtime/peer_process.h"

using nlohmann::json;
using namespace uhaul::runtime;  // NOLINT

namespace {

// As dpdk-telemetry.py asks.
class Client {
 public:
  explicit Client(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    fd_ = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    REQUIRE(connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    CHECK(Read().contains("version"));
  }
  ~Client() { close(fd_); }
  json Ask(const std::string& command) {
    REQUIRE(write(fd_, command.data(), command.size()) == static_cast<ssize_t>(command.size()));
    return Read().at(command);
  }

 private:
  json Read() {
    std::string text(16'384, '\0');
    const ssize_t n = read(fd_, text.data(), text.size());
    REQUIRE(n > 0);
    text.resize(static_cast<size_t>(n));
    return json::parse(text);
  }
  int fd_ = -1;
};

}  // namespace

TEST_CASE("Telemetry: the commands answer with the figures that were published last, and the socket goes") {
  PeerProcess peer({"telemetry"});
  REQUIRE(peer.Await("socket "));
  const std::string path = peer.log().substr(7, peer.log().find('\n') - 7);
  {
    Client client(path);
    CHECK(client.Ask("/uhaul/fit").at("nf1") ==
          json({{"entries", 20}, {"capacity", 4096}, {"full", 2}, {"evictions", 6}}));
    CHECK(client.Ask("/uhaul/migration").at("operation7") ==
          json({{"phase", "transferring"}, {"flows", 5}, {"held_bytes", 1'500}}));
    uint64_t last = 0;
    for (int i = 0; i < 1'000; ++i) {  // while others are published
      const json answer = client.Ask("/uhaul/switch");
      CHECK(answer.at("rules") == 3);
      CHECK(answer.at("matched").get<uint64_t>() == answer.at("at_ns").get<uint64_t>() + 1);
      CHECK(answer.at("at_ns").get<uint64_t>() >= last);
      last = answer.at("at_ns").get<uint64_t>();
    }
    CHECK(last > 0);
  }
  CHECK(peer.Finish() == 0);
  CHECK_FALSE(std::filesystem::exists(path));
  CHECK_FALSE(std::filesystem::exists(std::filesystem::path(path).parent_path()));
}
