// Channel: a reliable, ordered stream of frames over one connected socket, batched and pipelined.
//
//   Queue...()   encodes into the output buffer; no system call
//   Flush()      writes what the socket takes; wants_write() says that some is left (poll for POLLOUT)
//   Receive()    one read, and every whole frame in it to the handler, in order
//
// A frame is u32 length of what follows, u8 kind, body; integers are little-endian.
//
//   message  i64 nanoseconds of the sender's clock, a message of core/protocol/codec.h and, where that carries a packet
//            (PacketEvent, PacketIn, PacketOut, ReturnedPacket), u16 n and n octets: the packet's headers and what its
//            engine adds to them, at most kMaxPacketOctets, opaque here
//   admin    UTF-8 text, a JSON value by agreement of both ends; at most kMaxAdminOctets
//   blob     u8 stream and octets, at most kMaxBlobOctets
//
// Everything is bounded. What a peer sends is never trusted: a malformed frame is an error that names the peer, after
// which the channel is of no more use.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/protocol/message.h"
#include "runtime/transport/doorbell.h"
#include "runtime/transport/file_descriptor.h"
#include "runtime/transport/packet_vault.h"

namespace uhaul::runtime {

inline constexpr size_t kMaxAdminOctets = 4 * 1024 * 1024;
inline constexpr size_t kMaxBlobOctets = 1024 * 1024;

// The packet that travels with a message, or null.
const Packet* CarriedPacket(const MessageBody& body);
Packet* CarriedPacket(MessageBody& body);

class FrameHandler {
 public:
  virtual ~FrameHandler() = default;
  // `octets` (and `text`) are the channel's, for the time of the call. The message's packet has neither flow ID nor
  // handle: they are a process's own.
  virtual void OnMessage(TimePoint sent, Message&& message, std::span<const uint8_t> octets) = 0;
  virtual void OnAdmin(std::string_view text) = 0;
  virtual void OnBlob(uint8_t stream, std::span<const uint8_t> octets) = 0;
};

struct ChannelOptions {
  Bytes output_limit{256 << 20};
  Bytes socket_buffer{4 << 20};  // each way, as far as the system permits; 0: as it is
};

class Channel {
 public:
  // `peer` names the far end in errors. The socket becomes non-blocking.
  Channel(FileDescriptor socket, std::string peer, ChannelOptions options = {});

  // Errors: the output buffer is full because the peer does not read.
  Status QueueMessage(TimePoint sent, const Message& message, std::span<const uint8_t> octets = {});
  Status QueueAdmin(std::string_view text);
  Status QueueBlob(uint8_t stream, std::span<const uint8_t> octets);
  Status Flush();
  // Rung whenever the socket has taken something; the far end, in this process, listens. Outlives the channel.
  void RingOnWrite(Doorbell* bell) { bell_ = bell; }
  bool wants_write() const { return written_ < out_.size(); }
  Bytes queued() const { return Bytes(out_.size() - written_); }

  struct Received {
    size_t frames = 0;
    bool closed = false;  // by the peer, between two frames
    bool more = false;    // there may be more at once: call again without polling
  };
  // Does not block; what a call of the handler does to this channel may be to queue, nothing else. At most `limit`
  // frames; what was read beyond them waits for the next call, which then reads nothing new before they are through.
  Result<Received> Receive(FrameHandler& handler, size_t limit = SIZE_MAX);

  int fd() const { return socket_.get(); }
  const std::string& peer() const { return peer_; }
  void set_peer(std::string peer) { peer_ = std::move(peer); }

 private:
  enum class Kind : uint8_t { kMessage = 0, kAdmin = 1, kBlob = 2 };
  Status BeginFrame(size_t about, Kind kind);
  void EndFrame();
  Error Malformed(const std::string& what) const;
  Result<size_t> NextFrame(std::span<const uint8_t> in) const;
  struct Read {
    size_t octets = 0;
    bool ended = false;
  };
  Result<Read> ReadSocket();
  Status Take(std::span<const uint8_t> frame, FrameHandler& handler);
  Status TakeMessage(std::span<const uint8_t> body, FrameHandler& handler);

  FileDescriptor socket_;
  std::string peer_;
  ChannelOptions options_;
  std::vector<uint8_t> out_;
  size_t written_ = 0;      // octets of out_ that the socket has
  size_t frame_begin_ = 0;  // of the frame being queued
  std::vector<uint8_t> in_;
  size_t in_begin_ = 0;     // octets of in_ from here ...
  size_t in_end_ = 0;       // ... to here were read, and wait for their turn or for the rest of their frame
  bool read_full_ = false;  // the last read took all it asked for: the socket may hold more
  Doorbell* bell_ = nullptr;
};

}  // namespace uhaul::runtime
