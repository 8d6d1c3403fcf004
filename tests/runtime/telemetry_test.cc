#include "runtime/telemetry.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/runtime/engines.h"
#include "tests/runtime/peer_process.h"
#include "tests/sim/small_points.h"

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
      CHECK(answer.at("forwarded").get<uint64_t>() == answer.at("at_ns").get<uint64_t>() + 1);
      CHECK(answer.at("at_ns").get<uint64_t>() >= last);
      last = answer.at("at_ns").get<uint64_t>();
    }
    CHECK(last > 0);
  }
  CHECK(peer.Finish() == 0);
  CHECK_FALSE(std::filesystem::exists(path));
  CHECK_FALSE(std::filesystem::exists(std::filesystem::path(path).parent_path()));
}

TEST_CASE("Telemetry: a run in real time answers while it goes on, and leaves nothing") {
  const Place place;
  uhaul::PointSpec spec = uhaul::small::Point("uhaul");
  spec.duration = uhaul::Duration::Seconds(2);
  spec.migration_after = uhaul::Duration::Millis(500);
  spec.migration_within = uhaul::Duration();
  spec.load = 0.05;
  spec.cap = uhaul::Duration::Seconds(20);
  const std::string prefix = "uhaul-test-" + std::to_string(getpid());
  const std::string plan = place.Plan({spec}, "out");
  int code = -1;
  std::thread run([&] {
    // Time passes four times slower: there is enough of it to ask.
    code =
        place.Engine("uhaul-runtime", "--telemetry --rate-scale 0.25 --plan " + plan + " -- --file-prefix " + prefix);
  });
  const char* user = std::getenv("XDG_RUNTIME_DIR");
  const std::string base = getuid() == 0 ? "/var/run" : user != nullptr ? user : "/tmp";
  const std::filesystem::path directory = base + "/dpdk/" + prefix;
  const std::filesystem::path path = directory / "dpdk_telemetry.v2";
  bool moved = false;
  bool forwarded = false;
  bool entries = false;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!std::filesystem::exists(path) && std::chrono::steady_clock::now() < until) usleep(1'000);
  if (std::filesystem::exists(path)) {
    usleep(50'000);  // it listens, too
    Client client(path);
    while (std::filesystem::exists(path) && !(moved && forwarded && entries)) {
      const json migration = client.Ask("/uhaul/migration");
      usleep(20'000);
      if (migration.is_null() || client.Ask("/uhaul/switch").is_null()) continue;  // not registered yet
      for (const auto& [name, value] : migration.items()) {
        moved |= name.starts_with("operation") && !value.at("phase").get<std::string>().empty();
      }
      forwarded |= client.Ask("/uhaul/switch").at("forwarded").get<uint64_t>() > 1'000;
      const json fit = client.Ask("/uhaul/fit");
      entries |= fit.contains("nf1") && fit["nf1"]["entries"] > 0 && fit["nf1"]["capacity"] == 16'384;
    }
  }
  run.join();
  INFO(place.log());
  CHECK(code == 0);
  CHECK(moved);
  CHECK(forwarded);
  CHECK(entries);
  CHECK_FALSE(std::filesystem::exists(path));
  CHECK_FALSE(std::filesystem::exists(directory));
}
