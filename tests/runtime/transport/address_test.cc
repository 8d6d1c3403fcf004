#include "runtime/transport/address.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/runtime/transport/sockets.h"

namespace uhaul::runtime {
namespace {

using testing::SocketFolder;

Address Parsed(const std::string& text) {
  const Result<Address> address = Address::Parse(text);
  INFO(text);
  REQUIRE(address.ok());
  return *address;
}

std::string Fault(const Result<Address>& address) { return address.ok() ? "" : address.error().message; }

TEST_CASE("Address: what it prints is what it parses") {
  for (const char* text :
       {"unix:/tmp/a", "unix:relative", "tcp:127.0.0.1:80", "tcp:name.example:65535", "tcp:[::1]:0"}) {
    CHECK(Parsed(text).ToString() == text);
  }
  CHECK(Parsed("localhost:7000") == Parsed("tcp:localhost:7000"));
  CHECK(Parsed("[::1]:7000") == Parsed("tcp:[::1]:7000"));
}

TEST_CASE("Address: what is none says what one looks like") {
  for (const char* text : {"", "unix", "tcp:", "tcp:host", "tcp::80", "tcp:host:", "tcp:host:x", "tcp:[::1]",
                           "tcp:[::1:80", "tcp:::1:80", "host", ":1", "tcp:host:080"}) {
    INFO(text);
    CHECK_THAT(Fault(Address::Parse(text)), Catch::Contains("unix:PATH, tcp:HOST:PORT"));
  }
  CHECK_THAT(Fault(Address::Parse("tcp:host:65536")), Catch::Contains("at most 65535"));
  CHECK_THAT(Fault(Address::Parse("tcp:host:-1")), Catch::Contains("at most 65535"));
  CHECK_THAT(Fault(Address::Parse("unix:")), Catch::Contains("needs a path"));
  CHECK_THAT(Fault(Address::Parse("unix:" + std::string(108, 'x'))), Catch::Contains("107"));
  CHECK(Address::Parse("unix:" + std::string(107, 'x')).ok());
}

TEST_CASE("Listener: connections over unix sockets and TCP in both versions of IP") {
  const SocketFolder folder;
  for (const std::string& text :
       {"unix:" + folder.File("s"), std::string("tcp:127.0.0.1:0"), std::string("tcp:[::1]:0")}) {
    INFO(text);
    auto listener = Listener::Listen(Parsed(text));
    if (!listener.ok() && text == "tcp:[::1]:0") {
      WARN("no IPv6 here: " << listener.error().message);
      continue;
    }
    REQUIRE(listener.ok());
    CHECK_FALSE(listener->Accept().has_value());
    const auto client = Connect(listener->address(), Duration::Seconds(5));
    REQUIRE(client.ok());
    const auto server = listener->Accept();
    REQUIRE(server.has_value());
    CHECK(::send(client->get(), "x", 1, 0) == 1);
    char octet = 0;
    CHECK(::recv(server->get(), &octet, 1, MSG_WAITALL) <= 1);
  }
}

TEST_CASE("Listener: a socket file goes with it, a stale one is replaced, a live one and other files are not") {
  const SocketFolder folder;
  const std::string path = folder.File("s");
  const Address address = Parsed("unix:" + path);
  {
    const auto first = Listener::Listen(address);
    REQUIRE(first.ok());
    const auto second = Listener::Listen(address);
    REQUIRE_FALSE(second.ok());
    CHECK_THAT(second.error().message, Catch::Contains("in use"));
    CHECK(std::filesystem::exists(path));
  }
  CHECK_FALSE(std::filesystem::exists(path));

  {  // as a process leaves it that was killed
    sockaddr_un name = {};
    name.sun_family = AF_UNIX;
    path.copy(name.sun_path, sizeof name.sun_path - 1);
    const FileDescriptor dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    REQUIRE(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
  }
  REQUIRE(std::filesystem::exists(path));
  CHECK(Listener::Listen(address).ok());

  std::ofstream(path) << "precious";
  const auto refused = Listener::Listen(address);
  REQUIRE_FALSE(refused.ok());
  CHECK_THAT(refused.error().message, Catch::Contains("no socket"));
  CHECK(std::filesystem::file_size(path) == 8);
}

TEST_CASE("Listener: what another has put in its place is not removed") {
  const SocketFolder folder;
  const std::string path = folder.File("s");
  {
    const auto listener = Listener::Listen(Parsed("unix:" + path));
    REQUIRE(listener.ok());
    std::filesystem::remove(path);
    std::ofstream(path) << "another's";
  }
  CHECK(std::filesystem::exists(path));
}

TEST_CASE("Listener: a TCP port in use is refused") {
  const auto first = Listener::Listen(Parsed("tcp:127.0.0.1:0"));
  REQUIRE(first.ok());
  CHECK(first->address().port != 0);
  const auto second = Listener::Listen(first->address());
  REQUIRE_FALSE(second.ok());
  CHECK_THAT(second.error().message, Catch::Contains("in use"));
}

TEST_CASE("Connect: says what to do when nobody listens") {
  const SocketFolder folder;
  const auto fault = [](const Address& address) {
    const auto socket = Connect(address, Duration::Seconds(5));
    return socket.ok() ? std::string() : socket.error().message;
  };
  CHECK_THAT(fault(Parsed("unix:" + folder.File("absent"))), Catch::Contains("start the controller"));
  Address closed;
  {
    const auto listener = Listener::Listen(Parsed("tcp:127.0.0.1:0"));
    REQUIRE(listener.ok());
    closed = listener->address();
  }
  CHECK_THAT(fault(closed), Catch::Contains("nobody listens there"));
  CHECK_THAT(fault(Parsed("tcp:127.0.0.1:0")), Catch::Contains("name the port"));
  CHECK_THAT(fault(Parsed("tcp:no host:1")), Catch::Contains("no host"));
}

}  // namespace
}  // namespace uhaul::runtime
