// Where the roles of a testbed meet: a unix socket or TCP, written
//
//   unix:PATH          a socket file; at most 107 octets
//   tcp:HOST:PORT      a name or an IPv4 address; HOST:PORT alone means the same
//   tcp:[V6]:PORT      an IPv6 address
//
// Listening on port 0 takes a free one: Listener::address() says which. Sockets are non-blocking and close on exec.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/units.h"
#include "runtime/transport/file_descriptor.h"

namespace uhaul::runtime {

struct Address {
  enum class Kind : uint8_t { kUnix, kTcp };
  Kind kind = Kind::kUnix;
  std::string host;  // kUnix: the path
  uint16_t port = 0;

  static Result<Address> Parse(std::string_view text);
  std::string ToString() const;  // parses to the same address
  bool operator==(const Address&) const = default;
};

class Listener {
 public:
  // A socket file that nobody listens on is replaced; one in use, or any other file, is refused.
  static Result<Listener> Listen(const Address& address);
  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&& other) noexcept;
  ~Listener();  // removes its socket file, if it still is its own

  int fd() const { return socket_.get(); }
  const Address& address() const { return address_; }
  // The next connection, or nothing if none waits (or it went away again).
  std::optional<FileDescriptor> Accept();

 private:
  Listener(Address address, FileDescriptor socket) : address_(std::move(address)), socket_(std::move(socket)) {}
  Address address_;
  FileDescriptor socket_;
  uint64_t device_ = 0;  // of the socket file
  uint64_t inode_ = 0;
};

// Tries once; errors say what to do. `timeout` bounds the wait for an answer, not the look-up of a name.
Result<FileDescriptor> Connect(const Address& address, Duration timeout);

}  // namespace uhaul::runtime
