#include "runtime/real_node.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/protocol/codec.h"
#include "runtime/joined_reports.h"

namespace uhaul::runtime {
namespace {

// A look at a socket, or a call to send, takes longer than a burst of packets; a message may wait so long.
constexpr Duration kPollPeriod = Duration::Micros(5);
constexpr Duration kFlushPeriod = Duration::Micros(5);
constexpr Bytes kFlushAtOnce(16 << 10);
// Where a bell says that there is something to read, a look without one only finds out who has gone.
constexpr Duration kIdlePollPeriod = Duration::Millis(1);
// Calls of one machine's timer, and messages for it, between two rounds of packets: enough that a burst of packets does
// not take longer than the share of a move that is done beside it, few enough that rings hold what comes meanwhile.
constexpr int kSlice = 4;
constexpr int kMostMessages = 32;
// A controller lets go of hundreds of thousands of packets at once: they come between the generator's, not before them.
constexpr size_t kMostFrames = 32;
constexpr int kMostBursts = 4;
constexpr int kBurstsOfRing = 64;  // more than a ring of one process (512) or of memif (1,024) holds

}  // namespace

struct RealNode::Southbound final : FrameHandler {
  Southbound(RealNode* owner, std::optional<NodeId> self, Channel* way, RealNode::OnAdmin admin)
      : node(owner), machine(self), channel(way), on_admin(std::move(admin)) {}

  void OnMessage(TimePoint sent, Message&& message, std::span<const uint8_t> octets) override {
    if (!machine) {
      fault = Error{channel->peer() + " sent a message where there is no machine"};
      return;
    }
    if (Packet* packet = CarriedPacket(message.body); packet != nullptr) {
      const std::optional<PacketStore::Handle> handle = node->plane_->path().store().Unpack(octets);
      if (!handle) {
        fault = Error{channel->peer() + " sent a packet without its octets"};
        return;
      }
      packet->handle = *handle;
      packet->flow.id = node->plane_->path().hasher().Id(packet->flow.tuple);
    }
    const Bytes size = WireSize(message);
    CountMessage(message, size, &node->plane_->facts().counters());
    arrived.Push(node->clocks_agree_ ? sent : node->now_, size, std::move(message));
  }
  void OnAdmin(std::string_view text) override {
    if (on_admin) on_admin(text);
  }
  void OnBlob(uint8_t, std::span<const uint8_t>) override {}

  RealNode* node;
  std::optional<NodeId> machine;
  Channel* channel;
  RealNode::OnAdmin on_admin;
  DelayLine<Message> arrived;
  JoinedReports reports;  // not queued yet
  Status fault;
};

Result<std::unique_ptr<RealNode>> RealNode::Create(RunControl* run, const TscClock* clock, PacketMemory memory,
                                                   FactLog* log, bool restarted) {
  std::unique_ptr<RealNode> node(new RealNode(run, clock));
  Result<std::unique_ptr<Plane>> plane =
      Plane::Create(run, memory, static_cast<MachineHost*>(node.get()), kSlice, log, restarted);
  if (!plane) return plane.error();
  node->plane_ = std::move(plane).value();
  node->deadlines_.fill(TimePoint::Never());
  return node;
}

RealNode::RealNode(RunControl* run, const TscClock* clock) : run_(run), clock_(clock) {}

RealNode::~RealNode() = default;

void RealNode::Attach(std::optional<NodeId> machine, Channel* channel, OnAdmin on_admin) {
  southbound_.push_back(std::make_unique<Southbound>(this, machine, channel, std::move(on_admin)));
}

void RealNode::SetProfile(const Profile& profile, bool clocks_agree) {
  plane_->machines().SetProfile(profile);
  clocks_agree_ = clocks_agree;
  for (const auto& way : southbound_) way->arrived.Set(profile.control_rate, profile.control_delay);
  peers_.Set(profile.control_rate, profile.control_delay);
}

void RealNode::Start() {
  plane_->machines().SettleAll(TimePoint());
  now_ = clock_->Now();
  next_poll_ = TimePoint();  // the clock began anew
  next_flush_ = TimePoint();
}

Result<bool> RealNode::Round() {
  const TimePoint begin = now_;
  bool busy = RunDue(begin);
  if (ChannelsCall(begin)) {
    if (Status polled = PollChannels(); !polled) return polled.error();
    if (now_ != begin) return true;  // started just now: the clock began anew
  }
  for (int i = 0; i < kMostBursts; ++i) {  // each goes all the way before the next: packets stay in the nearest cache
    const size_t sent = generates_ ? plane_->generator().SendDue(begin, &punctuality_) : 0;
    busy |= sent > 0;
    for (const Input& input : inputs_) busy |= PollLink(input);
    if (sent < kBurst) break;
  }
  plane_->PushLinks(begin);
  if (Status flushed = Flush(begin); !flushed) return flushed.error();
  now_ = clock_->Now();
  const int64_t took = (now_ - begin).nanos();
  if (busy) punctuality_.busy_ns += took;
  if (took > Punctuality::kLateNs) [[unlikely]] {
    punctuality_.stalled_ns += took;
  }
  return busy;
}

bool RealNode::PollLink(const Input& input) {
  std::array<rte_mbuf*, kBurst> burst;
  // What the sink reads is what the record takes for the order of arrival: where a process had no processor for a
  // while, packets of src would stand in its ring behind those read from dst's, which left later. So it empties each.
  const bool sink = input.link_rank == rank::kNfToSink || input.link_rank == rank::kNfToSink + 1;
  for (int i = 0; i < (sink ? kBurstsOfRing : kMostBursts); ++i) {
    const size_t received = input.link->Receive(burst);
    if (received == 0) return i > 0;
    plane_->OnData(clock_->Now(), input.link_rank, {burst.data(), received});
    if (received < kBurst) break;
  }
  return true;
}

void RealNode::Disconnect() {
  connected_ = false;
  broken_ = Status();
  for (const auto& way : southbound_) {
    way->fault = Status();
    way->reports = {};
  }
}

void RealNode::OnPath(uint8_t peer) {
  for (const auto& way : southbound_) {
    if (!way->machine || way->machine->role != NodeId::Role::kNf || peer >= kNfCount) continue;
    MachineSet& machines = plane_->machines();
    machines.nf(way->machine->instance).OnPeerOpened(now_, peer, 0, machines.outbox(*way->machine));
    machines.Settle(now_, *way->machine);
  }
}

bool RealNode::ChannelsCall(TimePoint now) {
  if (!connected_) return false;
  const bool rung = bell_ != nullptr && bell_->Take();
  if (!rung && !unread_ && now < next_poll_) return false;
  next_poll_ = now + (bell_ != nullptr ? kIdlePollPeriod : kPollPeriod);
  return true;
}

bool RealNode::RunDue(TimePoint now) {
  bool busy = false;
  for (const auto& way : southbound_) {
    for (int i = 0; i < kMostMessages; ++i) {
      std::optional<Message> message = way->arrived.PopDue(now);
      if (!message) break;
      busy = true;
      plane_->machines().OnMessage(now, kControllerNode, *way->machine, *message);
    }
  }
  for (int i = 0; i < kMostMessages; ++i) {
    std::optional<FromPeer> peer = peers_.PopDue(now);
    if (!peer) break;
    busy = true;
    plane_->machines().OnMessage(now, peer->from, peer->to, peer->message);
  }
  for (size_t i = 1; i < kMachines; ++i) {
    if (deadlines_[i] > now) continue;
    busy = true;
    deadlines_[i] = TimePoint::Never();
    plane_->machines().OnTimer(now, MachineNode(i));
  }
  return busy;
}

Status RealNode::PollChannels() {
  unread_ = false;
  for (const auto& way : southbound_) {
    const Result<Channel::Received> received = way->channel->Receive(*way, kMostFrames);
    if (!received) return received.error();
    if (received->closed) return Error{way->channel->peer() + " has gone"};
    if (!way->fault) return way->fault.error();
    unread_ |= received->more;
    // Without a bell: where there is one, more are to come.
    if (bell_ == nullptr) unread_ |= received->frames > 0;
  }
  return {};
}

Status RealNode::Flush(TimePoint now) {
  if (!connected_) return {};
  if (!broken_) [[unlikely]] {
    return broken_.error();
  }
  const bool due = now >= next_flush_;
  for (const auto& way : southbound_) {
    if (due && !way->reports.empty()) Queue(now, *way, *way->reports.Release());
    if (!way->channel->wants_write()) continue;
    if (!due && way->channel->queued() < kFlushAtOnce) continue;
    next_flush_ = now + kFlushPeriod;
    if (Status flushed = way->channel->Flush(); !flushed) return flushed;
  }
  return {};
}

void RealNode::Send(TimePoint now, NodeId from, NodeId to, Message message) {
  const auto way_of = [this](NodeId node) {
    return std::find_if(southbound_.begin(), southbound_.end(),
                        [node](const auto& candidate) { return candidate->machine == node; });
  };
  if (to != kControllerNode && way_of(to) != southbound_.end()) {
    const Bytes size = WireSize(message);
    CountMessage(message, size, &plane_->facts().counters());
    auto* returned = std::get_if<msg::ReturnedPacket>(&message.body);
    if (returned != nullptr) returned->packet.handle = plane_->path().store().Copy(returned->packet.handle);
    return peers_.Push(now, size, FromPeer{from, to, std::move(message)});
  }
  const auto way = way_of(from);  // an instance in another process is reached through the controller
  UHAUL_CHECK(way != southbound_.end());
  if (!connected_) {  // as on a connection that broke
    CountMessage(message, WireSize(message), &plane_->facts().counters());
    const auto* event = std::get_if<msg::PacketEvent>(&message.body);
    if (event != nullptr) plane_->path().Drop(now, event->packet);
    return;
  }
  JoinedReports& reports = (*way)->reports;
  if (reports.Take(message)) return;
  if (!reports.empty()) Queue(now, **way, *reports.Release());
  if (!reports.Take(message)) Queue(now, **way, std::move(message));
}

void RealNode::Queue(TimePoint now, Southbound& way, Message message) {
  CountMessage(message, WireSize(message), &plane_->facts().counters());
  std::array<uint8_t, PacketStore::kMaxPacked> packed;
  size_t length = 0;
  // A packet-in is a copy for the controller to count: its octets stay on their way.
  const Packet* packet = CarriedPacket(message.body);
  if (packet != nullptr && packet->handle != kNoHandle) {
    PacketStore& store = plane_->path().store();
    length = store.Pack(packet->handle, packed);
    // What an instance returns it has until it says otherwise.
    if (!std::holds_alternative<msg::ReturnedPacket>(message.body)) store.Drop(packet->handle);
  }
  const Status queued = way.channel->QueueMessage(now, message, {packed.data(), length});
  if (!queued && broken_) broken_ = queued;
}

}  // namespace uhaul::runtime
