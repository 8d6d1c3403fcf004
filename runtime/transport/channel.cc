#include "runtime/transport/channel.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/little_endian.h"
#include "core/protocol/codec.h"

namespace uhaul::runtime {
namespace {

constexpr size_t kLengthOctets = 4;
constexpr size_t kReadOctets = 64 * 1024;
constexpr size_t kSpareOctets = 4 * 1024 * 1024;  // of an output buffer, kept when it is empty
constexpr size_t kMaxMessageFrame = sizeof(int64_t) + kMaxChunkBytes + 1024 + sizeof(uint16_t) + kMaxPacketOctets;

template <class Body, class Carried>
Carried* PacketIn(Body& body) {
  if (auto* event = std::get_if<msg::PacketEvent>(&body)) return &event->packet;
  if (auto* in = std::get_if<msg::PacketIn>(&body)) return &in->packet;
  if (auto* out = std::get_if<msg::PacketOut>(&body)) return &out->packet;
  if (auto* returned = std::get_if<msg::ReturnedPacket>(&body)) return &returned->packet;
  return nullptr;
}

}  // namespace

const Packet* CarriedPacket(const MessageBody& body) { return PacketIn<const MessageBody, const Packet>(body); }
Packet* CarriedPacket(MessageBody& body) { return PacketIn<MessageBody, Packet>(body); }

Channel::Channel(FileDescriptor socket, std::string peer, ChannelOptions options)
    : socket_(std::move(socket)), peer_(std::move(peer)), options_(options) {
  UHAUL_CHECK(socket_.open());
  const int flags = ::fcntl(socket_.get(), F_GETFL);
  ::fcntl(socket_.get(), F_SETFL, flags | O_NONBLOCK);
  const int on = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // a unix socket has none, and needs none
  if (options_.socket_buffer.count() > 0) {
    const auto size = static_cast<int>(options_.socket_buffer.count());
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  }
}

// ---- out

Status Channel::BeginFrame(size_t about, Kind kind) {
  if (out_.size() - written_ + about > options_.output_limit.count()) {
    return Error{fmt::format("{} does not read: {} octets wait for it, {} is the limit", peer_, out_.size() - written_,
                             options_.output_limit.count())};
  }
  frame_begin_ = out_.size();
  AppendLittle(uint32_t{0}, &out_);  // the length, known at the end
  out_.push_back(static_cast<uint8_t>(kind));
  return {};
}

void Channel::EndFrame() {
  const size_t length = out_.size() - frame_begin_ - kLengthOctets;
  StoreLittle(static_cast<uint32_t>(length), out_.data() + frame_begin_);
}

Status Channel::QueueMessage(TimePoint sent, const Message& message, std::span<const uint8_t> octets) {
  UHAUL_CHECK(octets.size() <= kMaxPacketOctets);
  UHAUL_CHECK(octets.empty() || CarriedPacket(message.body) != nullptr);
  // The message's own size is at most kMaxChunkBytes and some; a little over the limit does no harm.
  if (const Status begun = BeginFrame(octets.size(), Kind::kMessage); !begun) return begun;
  AppendLittle(static_cast<uint64_t>(sent.nanos()), &out_);
  Encode(message, &out_);
  if (CarriedPacket(message.body) != nullptr) {
    AppendLittle(static_cast<uint16_t>(octets.size()), &out_);
    out_.insert(out_.end(), octets.begin(), octets.end());
  }
  EndFrame();
  return {};
}

Status Channel::QueueAdmin(std::string_view text) {
  UHAUL_CHECK(text.size() <= kMaxAdminOctets);
  if (const Status begun = BeginFrame(text.size(), Kind::kAdmin); !begun) return begun;
  out_.insert(out_.end(), text.begin(), text.end());
  EndFrame();
  return {};
}

Status Channel::QueueBlob(uint8_t stream, std::span<const uint8_t> octets) {
  UHAUL_CHECK(octets.size() <= kMaxBlobOctets);
  if (const Status begun = BeginFrame(octets.size(), Kind::kBlob); !begun) return begun;
  out_.push_back(stream);
  out_.insert(out_.end(), octets.begin(), octets.end());
  EndFrame();
  return {};
}

Status Channel::Flush() {
  const size_t before = written_;
  while (written_ < out_.size()) {
    const ssize_t sent = ::send(socket_.get(), out_.data() + written_, out_.size() - written_, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (sent < 0) return Error{fmt::format("{} is gone: {}", peer_, std::strerror(errno))};
    written_ += static_cast<size_t>(sent);
  }
  if (bell_ != nullptr && written_ > before) bell_->Ring();
  if (written_ == out_.size()) {
    out_.clear();
    written_ = 0;
    if (out_.capacity() > kSpareOctets) out_.shrink_to_fit();
  } else if (written_ > kSpareOctets && written_ > out_.size() / 2) {
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(written_));
    written_ = 0;
  }
  return {};
}

// ---- in

Error Channel::Malformed(const std::string& what) const {
  return Error{fmt::format("{} sent a malformed frame: {}; are both ends of the same version?", peer_, what)};
}

// The whole size of the frame at the front, 0 if that is not known yet.
Result<size_t> Channel::NextFrame(std::span<const uint8_t> in) const {
  if (in.size() < kLengthOctets) return size_t{0};
  const size_t length = LoadLittle<uint32_t>(in.data());
  if (length == 0) return Malformed("it has no kind");
  size_t limit = kMaxAdminOctets;
  if (in.size() > kLengthOctets) {
    switch (static_cast<Kind>(in[kLengthOctets])) {
      case Kind::kMessage:
        limit = kMaxMessageFrame;
        break;
      case Kind::kAdmin:
        limit = kMaxAdminOctets;
        break;
      case Kind::kBlob:
        limit = 1 + kMaxBlobOctets;
        break;
    }
    if (in[kLengthOctets] > static_cast<uint8_t>(Kind::kBlob)) {
      return Malformed(fmt::format("unknown kind {}", in[kLengthOctets]));
    }
  }
  if (length > 1 + limit) return Malformed(fmt::format("length {} is over the limit of {}", length, 1 + limit));
  return kLengthOctets + length;
}

Result<Channel::Read> Channel::ReadSocket() {
  if (in_begin_ > 0) std::memmove(in_.data(), in_.data() + in_begin_, in_end_ - in_begin_);
  in_end_ -= std::exchange(in_begin_, 0);
  if (in_.size() < in_end_ + kReadOctets) in_.resize(in_end_ + kReadOctets);
  ssize_t read = 0;
  while ((read = ::recv(socket_.get(), in_.data() + in_end_, kReadOctets, 0)) < 0 && errno == EINTR) {
  }
  if (read < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
    return Error{fmt::format("{} is gone: {}", peer_, std::strerror(errno))};
  }
  const auto octets = static_cast<size_t>(std::max<ssize_t>(read, 0));
  in_end_ += octets;
  read_full_ = octets == kReadOctets;
  return Read{octets, read == 0};
}

Result<Channel::Received> Channel::Receive(FrameHandler& handler, size_t limit) {
  Received received;
  const auto unread = [this] { return std::span<const uint8_t>(in_).subspan(in_begin_, in_end_ - in_begin_); };
  Result<size_t> size = NextFrame(unread());
  if (!size) return size.error();
  if (*size == 0 || unread().size() < *size) {
    const Result<Read> read = ReadSocket();
    if (!read) return read.error();
    if (read->ended) {
      if (in_end_ > in_begin_) return Malformed("the connection ends in the middle of it");
      received.closed = true;
      return received;
    }
  }
  for (;; ++received.frames) {
    if (size = NextFrame(unread()); !size) return size.error();
    if (*size == 0 || unread().size() < *size) break;
    if (received.frames == limit) {
      received.more = true;
      return received;
    }
    if (const Status taken = Take(unread().first(*size).subspan(kLengthOctets), handler); !taken) return taken.error();
    in_begin_ += *size;
  }
  received.more = read_full_;
  return received;
}

Status Channel::Take(std::span<const uint8_t> frame, FrameHandler& handler) {
  const std::span<const uint8_t> body = frame.subspan(1);
  switch (static_cast<Kind>(frame[0])) {
    case Kind::kMessage:
      return TakeMessage(body, handler);
    case Kind::kAdmin:
      handler.OnAdmin({reinterpret_cast<const char*>(body.data()), body.size()});
      return {};
    case Kind::kBlob:
      if (body.empty()) return Malformed("a blob without a stream");
      handler.OnBlob(body[0], body.subspan(1));
      return {};
  }
  return Malformed(fmt::format("unknown kind {}", frame[0]));
}

Status Channel::TakeMessage(std::span<const uint8_t> body, FrameHandler& handler) {
  if (body.size() < sizeof(int64_t)) return Malformed("a message without its time");
  const TimePoint sent = TimePoint::FromNanos(static_cast<int64_t>(LoadLittle<uint64_t>(body.data())));
  body = body.subspan(sizeof(int64_t));
  Result<Decoded> decoded = Decode(body);
  if (!decoded) return Malformed(decoded.error().message);
  body = body.subspan(decoded->consumed);
  std::span<const uint8_t> octets;
  if (CarriedPacket(decoded->message.body) != nullptr) {
    if (body.size() < sizeof(uint16_t)) return Malformed("a packet without its octets");
    const size_t length = LoadLittle<uint16_t>(body.data());
    body = body.subspan(sizeof(uint16_t));
    if (length > kMaxPacketOctets) return Malformed(fmt::format("a packet of {} octets", length));
    if (body.size() < length) return Malformed("a packet with fewer octets than it says");
    octets = body.first(length);
    body = body.subspan(length);
  }
  if (!body.empty()) return Malformed(fmt::format("{} octets too many", body.size()));
  handler.OnMessage(sent, std::move(decoded->message), octets);
  return {};
}

}  // namespace uhaul::runtime
