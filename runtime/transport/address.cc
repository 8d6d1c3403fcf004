#include "runtime/transport/address.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "experiments/value_text.h"

namespace uhaul::runtime {
namespace {

constexpr size_t kLongestPath = sizeof(sockaddr_un::sun_path) - 1;
constexpr int kBacklog = 64;
constexpr int kSocketFlags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

Error About(const Address& address, const std::string& what) {
  return Error{fmt::format("{}: {}", address.ToString(), what)};
}

Result<Address> ParseUnix(std::string_view path) {
  if (path.empty()) return Error{"unix: needs a path, as in unix:/tmp/uhaul.sock"};
  if (path.find('\0') != std::string_view::npos) return Error{"unix: the path holds a zero octet"};
  if (path.size() > kLongestPath) {
    return Error{fmt::format("unix: the path {} has {} octets, a socket's may have {}: choose a shorter one",
                             Quoted(path), path.size(), kLongestPath)};
  }
  return Address{Address::Kind::kUnix, std::string(path), 0};
}

Result<Address> ParseTcp(std::string_view text, std::string_view whole) {
  const Error unclear{
      fmt::format("{} is no address: it needs unix:PATH, tcp:HOST:PORT or tcp:[V6]:PORT", Quoted(whole))};
  std::string_view host;
  std::string_view port;
  if (text.starts_with('[')) {
    const size_t end = text.find("]:");
    if (end == std::string_view::npos) return unclear;
    host = text.substr(1, end - 1);
    port = text.substr(end + 2);
  } else {
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos) return unclear;
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  const Result<int64_t> number = ParseInteger(port);
  if (host.empty() || host.size() > 255 || host.find('\0') != std::string_view::npos || !number) return unclear;
  if (*number < 0 || *number > UINT16_MAX) return Error{fmt::format("{}: a port is at most 65535", Quoted(whole))};
  return Address{Address::Kind::kTcp, std::string(host), static_cast<uint16_t>(*number)};
}

sockaddr_un UnixName(const Address& address) {
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, address.host.data(), std::min(address.host.size(), kLongestPath));
  return name;
}

using Names = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Result<Names> LookUp(const Address& address, int flags) {
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
  if (error != 0) {
    return About(address, fmt::format("no host {}: {}", Quoted(address.host), ::gai_strerror(error)));
  }
  return Names(found, &::freeaddrinfo);
}

// Waits for a connection under way; its errno, 0 when it stands.
int AwaitConnection(int fd, Duration timeout) {
  pollfd waiting{fd, POLLOUT, 0};
  const auto millis = static_cast<int>(std::min<int64_t>((timeout.nanos() + 999'999) / 1'000'000, INT32_MAX));
  int ready = 0;
  while ((ready = ::poll(&waiting, 1, millis)) < 0 && errno == EINTR) {
  }
  if (ready < 0) return errno;
  if (ready == 0) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 ? errno : error;
}

int ConnectTo(int fd, const sockaddr* name, socklen_t size, Duration timeout) {
  if (::connect(fd, name, size) == 0) return 0;
  return errno == EINPROGRESS || errno == EINTR ? AwaitConnection(fd, timeout) : errno;
}

Error CannotConnect(const Address& address, int error) {
  switch (error) {
    case ECONNREFUSED:
      return About(address, "nobody listens there: start the controller first, or check the address");
    case ENOENT:
      return About(address, "no such socket: start the controller first, or check the path");
    case EAGAIN:
      return About(address, "its queue of connections is full: try again");
    case ETIMEDOUT:
      return About(address, "no answer in time: is the host up, does a firewall drop the port?");
    case EACCES:
    case EPERM:
      return About(address, "not permitted: check the permissions of the socket file");
    default:
      return About(address, fmt::format("cannot connect: {}", std::strerror(error)));
  }
}

// Removes a socket file that nobody listens on.
Status RemoveStale(const Address& address) {
  struct stat file = {};
  if (::lstat(address.host.c_str(), &file) != 0) return {};
  if (!S_ISSOCK(file.st_mode)) return About(address, "a file that is no socket is in the way: choose another path");
  const FileDescriptor probe(::socket(AF_UNIX, kSocketFlags, 0));
  const sockaddr_un name = UnixName(address);
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0 || errno != ECONNREFUSED) {
    return About(address, "in use: another process listens there; stop it or choose another path");
  }
  if (::unlink(address.host.c_str()) != 0) {
    return About(address, fmt::format("cannot remove the socket that nobody listens on: {}", std::strerror(errno)));
  }
  return {};
}

Result<FileDescriptor> BindUnix(const Address& address) {
  if (const Status removed = RemoveStale(address); !removed) return removed.error();
  FileDescriptor socket(::socket(AF_UNIX, kSocketFlags, 0));
  const sockaddr_un name = UnixName(address);
  if (!socket.open() || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
    return About(address, fmt::format("cannot listen: {}", std::strerror(errno)));
  }
  return socket;
}

Result<FileDescriptor> BindTcp(const Address& address) {
  const Result<Names> names = LookUp(address, AI_PASSIVE);
  if (!names) return names.error();
  int error = 0;
  for (const addrinfo* name = names->get(); name != nullptr; name = name->ai_next) {
    FileDescriptor socket(::socket(name->ai_family, kSocketFlags, 0));
    const int on = 1;
    if (socket.open()) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (socket.open() && ::bind(socket.get(), name->ai_addr, name->ai_addrlen) == 0) return socket;
    error = errno;
  }
  if (error == EADDRINUSE) return About(address, "in use: another process listens there; stop it or take another port");
  return About(address, fmt::format("cannot listen: {}", std::strerror(error)));
}

uint16_t BoundPort(int fd) {
  sockaddr_storage name = {};
  socklen_t size = sizeof name;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) return 0;
  return name.ss_family == AF_INET6 ? ntohs(reinterpret_cast<const sockaddr_in6*>(&name)->sin6_port)
                                    : ntohs(reinterpret_cast<const sockaddr_in*>(&name)->sin_port);
}

}  // namespace

Result<Address> Address::Parse(std::string_view text) {
  if (text.starts_with("unix:")) return ParseUnix(text.substr(5));
  return ParseTcp(text.starts_with("tcp:") ? text.substr(4) : text, text);
}

std::string Address::ToString() const {
  switch (kind) {
    case Kind::kUnix:
      return "unix:" + host;
    case Kind::kTcp:
      return host.find(':') == std::string::npos ? fmt::format("tcp:{}:{}", host, port)
                                                 : fmt::format("tcp:[{}]:{}", host, port);
  }
  UHAUL_CHECK(false);
}

Result<Listener> Listener::Listen(const Address& address) {
  Result<FileDescriptor> socket = address.kind == Address::Kind::kUnix ? BindUnix(address) : BindTcp(address);
  if (!socket) return socket.error();
  Listener listener(address, *std::move(socket));
  if (address.kind == Address::Kind::kTcp) {
    listener.address_.port = BoundPort(listener.fd());
  } else if (struct stat file = {}; ::lstat(address.host.c_str(), &file) == 0) {
    listener.device_ = file.st_dev;
    listener.inode_ = file.st_ino;
  }
  if (::listen(listener.fd(), kBacklog) != 0) {
    return About(address, fmt::format("cannot listen: {}", std::strerror(errno)));
  }
  return listener;
}

Listener::Listener(Listener&& other) noexcept = default;

Listener& Listener::operator=(Listener&& other) noexcept {
  std::swap(address_, other.address_);
  std::swap(socket_, other.socket_);
  std::swap(device_, other.device_);
  std::swap(inode_, other.inode_);
  return *this;
}

Listener::~Listener() {
  if (!socket_.open() || address_.kind != Address::Kind::kUnix) return;
  struct stat file = {};
  const bool found = ::lstat(address_.host.c_str(), &file) == 0;
  if (found && file.st_dev == device_ && file.st_ino == inode_) ::unlink(address_.host.c_str());
}

std::optional<FileDescriptor> Listener::Accept() {
  const int fd = ::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return std::nullopt;
  return FileDescriptor(fd);
}

Result<FileDescriptor> Connect(const Address& address, Duration timeout) {
  if (address.kind == Address::Kind::kUnix) {
    FileDescriptor socket(::socket(AF_UNIX, kSocketFlags, 0));
    if (!socket.open()) return CannotConnect(address, errno);
    const sockaddr_un name = UnixName(address);
    const int error = ConnectTo(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name, timeout);
    if (error != 0) return CannotConnect(address, error);
    return socket;
  }
  if (address.port == 0) return About(address, "port 0 can only be listened on: name the port");
  const Result<Names> names = LookUp(address, 0);
  if (!names) return names.error();
  int error = ECONNREFUSED;
  for (const addrinfo* name = names->get(); name != nullptr; name = name->ai_next) {
    FileDescriptor socket(::socket(name->ai_family, kSocketFlags, 0));
    error = socket.open() ? ConnectTo(socket.get(), name->ai_addr, name->ai_addrlen, timeout) : errno;
    if (error == 0) return socket;
  }
  return CannotConnect(address, error);
}

}  // namespace uhaul::runtime
