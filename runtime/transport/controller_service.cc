#include "runtime/transport/controller_service.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/protocol/codec.h"

namespace uhaul::runtime {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxPeers = 64;
constexpr Duration kHelloPatience = Duration::Seconds(10);
// Messages to the controller in one round, before it looks at its sockets again.
constexpr int kMessagesPerRound = 256;
// A peer with so many messages in its line is not read until they are fewer: the sockets hold it back.
constexpr size_t kMaxWaiting = 65536;
// To sleep and be woken takes both sides longer than a message does: a bell is watched for so long first.
constexpr Duration kWatch = Duration::Micros(50);

// The journal is compacted when it has grown by so much.
constexpr Bytes kCompactIdle(4 << 20);
constexpr Bytes kCompactAnyway(64 << 20);

std::function<TimePoint()> ClockFromNow() {
  const auto raw = [] {
    timespec time = {};
    ::clock_gettime(CLOCK_MONOTONIC_RAW, &time);
    return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  };
  return [raw, start = raw()] { return TimePoint::FromNanos(raw() - start); };
}

// The kernel wakes a thread up to 50 us late, to save power, unless it is asked not to.
class Punctual {
 public:
  Punctual() : before_(::prctl(PR_GET_TIMERSLACK)) { ::prctl(PR_SET_TIMERSLACK, 1UL); }
  ~Punctual() {
    if (before_ > 0) ::prctl(PR_SET_TIMERSLACK, static_cast<unsigned long>(before_));
  }
  Punctual(const Punctual&) = delete;
  Punctual& operator=(const Punctual&) = delete;

 private:
  int before_;
};

}  // namespace

// What the frames of one peer become.
class ControllerService::Inlet final : public FrameHandler {
 public:
  Inlet(ControllerService* service, ServicePeer* peer) : service_(service), peer_(peer) {}
  void OnMessage(TimePoint sent, Message&& message, std::span<const uint8_t> octets) override {
    service_->OnFrame(*peer_, sent, std::move(message), octets);
  }
  void OnAdmin(std::string_view text) override {
    if (!peer_->fault_) service_->OnAdmin(*peer_, text);
  }
  void OnBlob(uint8_t stream, std::span<const uint8_t> octets) override {
    if (peer_->fault_) return;
    if (peer_->role() == PeerRole::kStranger) {
      peer_->fault_ = Error{"it sent a blob before its hello"};
    } else if (service_->options_.on_blob) {
      service_->options_.on_blob(*peer_, stream, octets);
    }
  }

 private:
  ControllerService* service_;
  ServicePeer* peer_;
};

void ServicePeer::Send(const Json& json) {
  if (!channel_ || fault_) return;
  // What is not UTF-8 was a peer's and goes back changed rather than not at all.
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > kMaxAdminOctets) return;
  if (const Status queued = channel_->QueueAdmin(text); !queued) fault_ = queued.error();
}

void ServicePeer::SendBlob(uint8_t stream, std::span<const uint8_t> octets) {
  if (!channel_ || fault_) return;
  if (const Status queued = channel_->QueueBlob(stream, octets); !queued) fault_ = queued.error();
}

ControllerService::ControllerService(ControllerServiceOptions options)
    : options_(std::move(options)),
      controller_(options_.controller),
      profile_(options_.controller.profile),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  UHAUL_CHECK(wake_.open());
  if (!options_.clock) options_.clock = ClockFromNow();
}

ControllerService::~ControllerService() = default;

Status ControllerService::OpenJournal(const std::string& path) {
  Result<JournalFile::Contents> opened = JournalFile::Open(path);
  if (!opened) return opened.error();
  if (opened->torn_octets > 0) Log(fmt::format("{}: {} octets cut off at the end", path, opened->torn_octets));
  if (Status compacted = opened->file.Compact(opened->records); !compacted) return compacted;
  journal_ = std::move(opened->file);
  options_.controller.journal = true;
  options_.controller.secret = journal_->secret();
  controller_ = Controller(options_.controller);
  const TimePoint now = options_.clock();
  controller_.Recover(now, opened->records, outbox_);
  Drain(now);
  return SyncJournal();
}

// What is to be durable before anything is said about it; then the controller goes on, and may write more.
Status ControllerService::SyncJournal() {
  while (journal_ && journal_->waiting() > Bytes()) {
    if (Status synced = journal_->Sync(); !synced) return synced;
    const TimePoint now = options_.clock();
    controller_.OnDurable(now, journal_->durable() - journal_base_, outbox_);
    Drain(now);
  }
  if (!journal_) return {};
  // While nothing is under way; or never mind, if that never comes.
  const Result<bool> compacted = journal_->CompactIfGrown(controller_.idle() ? kCompactIdle : kCompactAnyway);
  if (!compacted) return compacted.error();
  if (*compacted) Log(fmt::format("journal compacted to {} octets", journal_->size().count()));
  return {};
}

Result<Address> ControllerService::Listen(const Address& address) {
  Result<Listener> listener = Listener::Listen(address);
  if (!listener) return listener.error();
  listeners_.push_back(*std::move(listener));
  return listeners_.back().address();
}

ServicePeer& ControllerService::AddPeer(FileDescriptor socket, const std::string& from) {
  auto peer = std::make_unique<ServicePeer>();
  peer->id_ = next_peer_++;
  peer->since_ = options_.clock();
  peer->channel_.emplace(std::move(socket), fmt::format("connection {} {}", peer->id_, from));
  peer->line_.Set(profile_.control_rate, profile_.control_delay);
  peers_.push_back(std::move(peer));
  return *peers_.back();
}

void ControllerService::Adopt(FileDescriptor socket, const Hello& hello, Doorbell* bell) {
  const Status admitted = AdmitPeer(hello);
  UHAUL_CHECK(admitted.ok());
  ServicePeer& peer = AddPeer(std::move(socket), "from this process");
  peer.hello_ = hello;
  peer.channel_->RingOnWrite(bell);
  Welcome(peer);
}

void ControllerService::Log(const std::string& text) const {
  if (options_.log) options_.log(text);
}

// ---- the loop

Status ControllerService::Run() {
  const Punctual punctual;
  while (!stopping_.load(std::memory_order_acquire)) {
    Wait();
    TakePosted();
    for (Listener& listener : listeners_) Accept(listener);
    for (size_t i = 0; i < peers_.size(); ++i) {
      if (peers_[i]->readable_ && peers_[i]->line_.size() < kMaxWaiting) Read(*peers_[i]);
    }
    Deliver();
    if (Status synced = SyncJournal(); !synced) return synced;
    FlushAll();
    RemoveLost();
    if (options_.on_round) options_.on_round();
  }
  FlushAll();
  return {};
}

void ControllerService::Stop() {
  stopping_.store(true, std::memory_order_release);
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void ControllerService::Post(std::function<void()> function) {
  {
    const std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(function));
  }
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void ControllerService::TakePosted() {
  std::vector<std::function<void()>> posted;
  {
    const std::lock_guard lock(posted_mutex_);
    posted.swap(posted_);
  }
  for (const auto& function : posted) function();
}

TimePoint ControllerService::NextDeadline() const {
  TimePoint next = controller_.NextDeadline();
  for (const auto& peer : peers_) {
    next = std::min(next, peer->line_.NextDeadline());
    if (peer->channel_ && peer->role() == PeerRole::kStranger) next = std::min(next, peer->since_ + kHelloPatience);
  }
  return next;
}

// Whether a peer of this process has rung, or a deadline is near.
bool ControllerService::Watch() {
  if (options_.bell == nullptr) return false;
  const TimePoint next = NextDeadline();
  for (const TimePoint until = options_.clock() + kWatch; !stopping_.load(std::memory_order_relaxed);) {
    if (options_.bell->Take()) return true;
    const TimePoint now = options_.clock();
    if (now >= next) return true;
    if (now >= until) return false;
  }
  return true;
}

// Until a socket or a deadline calls; marks the peers that can be read.
void ControllerService::Wait() {
  std::vector<pollfd> polls;
  polls.push_back({wake_.get(), POLLIN, 0});
  for (const Listener& listener : listeners_) polls.push_back({listener.fd(), POLLIN, 0});
  const size_t first_peer = polls.size();
  bool at_once = false;
  for (const auto& peer : peers_) {
    const bool read = peer->channel_ && peer->line_.size() < kMaxWaiting;
    const bool write = peer->channel_ && peer->channel_->wants_write();
    polls.push_back({read || write ? peer->channel_->fd() : -1,
                     static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0)), 0});
    at_once = at_once || (read && peer->readable_);
  }
  at_once = at_once || Watch();
  timespec timeout = {};
  timespec* wait = &timeout;
  if (const TimePoint next = NextDeadline(); next == TimePoint::Never() && !at_once) {
    wait = nullptr;
  } else if (const int64_t left = at_once ? 0 : (next - options_.clock()).nanos(); left > 0) {
    timeout = {left / 1'000'000'000, left % 1'000'000'000};
  }
  if (::ppoll(polls.data(), polls.size(), wait, nullptr) < 0) return;  // a signal: look again
  if (polls[0].revents != 0) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t read = ::read(wake_.get(), &count, sizeof count);
  }
  for (size_t i = 0; i < peers_.size(); ++i) {
    if ((polls[first_peer + i].revents & ~POLLOUT) != 0) peers_[i]->readable_ = true;
  }
}

void ControllerService::Accept(Listener& listener) {
  while (std::optional<FileDescriptor> socket = listener.Accept()) {
    if (peers_.size() >= kMaxPeers) {
      Log(fmt::format("refused a connection on {}: there are {} already", listener.address().ToString(), kMaxPeers));
      continue;
    }
    AddPeer(*std::move(socket), "on " + listener.address().ToString());
  }
}

void ControllerService::Read(ServicePeer& peer) {
  peer.readable_ = false;
  if (!peer.channel_ || peer.fault_) return;
  read_ = options_.clock();
  Inlet inlet(this, &peer);
  const auto received = peer.channel_->Receive(inlet);
  if (!received) {
    if (!peer.fault_) peer.fault_ = received.error();
  } else if (received->closed) {
    peer.fault_ = Error{"it closed the connection"};
  } else {
    peer.readable_ = received->more;
  }
}

void ControllerService::OnFrame(ServicePeer& peer, TimePoint sent, Message&& message, std::span<const uint8_t> octets) {
  if (peer.fault_) return;
  if (peer.role() != PeerRole::kNf && peer.role() != PeerRole::kSwitch) {
    peer.fault_ = Error{"only NFs and the switch send messages"};
    return;
  }
  const Bytes size = WireSize(message);
  Packet* packet = CarriedPacket(message.body);
  const bool looked_at = std::holds_alternative<msg::PacketIn>(message.body);
  if (packet != nullptr && !looked_at) packet->handle = vault_.Keep(octets);
  ++messages_in_;
  peer.line_.Push(options_.shared_clock ? std::min(sent, read_) : read_, size, {std::move(message), size});
}

// What is due, in order of time; at most a round's share.
void ControllerService::Deliver() {
  for (int count = 0; count < kMessagesPerRound; ++count) {
    ServicePeer* first = nullptr;
    for (const auto& peer : peers_) {
      if (first == nullptr || peer->line_.NextDeadline() < first->line_.NextDeadline()) first = peer.get();
    }
    const TimePoint now = options_.clock();
    auto inbound = first == nullptr ? std::nullopt : first->line_.PopDue(now);
    if (!inbound) break;
    controller_.OnMessage(now, first->node(), inbound->message, outbox_, first->connection_);
    Drain(now);
  }
  if (const TimePoint now = options_.clock(); controller_.NextDeadline() <= now) {
    controller_.OnTimer(now, outbox_);
    Drain(now);
  }
}

void ControllerService::Drain(TimePoint now) {
  for (const RecordEvent& event : outbox_.events) {
    if (options_.on_event) options_.on_event(now, event);
    if (const auto* step = std::get_if<event::Step>(&event); step != nullptr && !askers_.empty()) Tell(*step);
  }
  for (const OutMessage& out : outbox_.messages) Send(now, out);
  for (const OutPacket& out : outbox_.packets) {  // a controller has no ports
    const bool lost = out.fate != OutPacket::Fate::kForgotten;
    lost ? Drop(now, out.packet) : vault_.Drop(out.packet.handle);
  }
  for (const JournalRecord& record : outbox_.journal) (void)journal_->Append(record).ok();  // Sync tells
  outbox_.Clear();
}

void ControllerService::Send(TimePoint now, const OutMessage& out) {
  const bool to_switch = out.to.role == NodeId::Role::kSwitch;
  ServicePeer* peer = Find(to_switch ? PeerRole::kSwitch : PeerRole::kNf, to_switch ? 0 : out.to.instance);
  const Packet* packet = CarriedPacket(out.message.body);
  const bool copy = std::holds_alternative<msg::ReturnedPacket>(out.message.body);  // its sender has it still
  const auto lose = [&] {
    ++undelivered_;
    if (packet != nullptr) copy ? vault_.Drop(packet->handle) : Drop(now, *packet);
  };
  if (peer == nullptr || peer->fault_) return lose();
  const auto octets = packet == nullptr ? std::span<const uint8_t>() : vault_.Octets(packet->handle);
  if (const Status queued = peer->channel_->QueueMessage(now, out.message, octets); !queued) {
    peer->fault_ = queued.error();
    return lose();
  }
  ++messages_out_;
  if (packet != nullptr) vault_.Drop(packet->handle);
}

void ControllerService::Drop(TimePoint now, const Packet& packet) {
  vault_.Drop(packet.handle);
  if (options_.on_drop) options_.on_drop(now, packet);
}

void ControllerService::FlushAll() {
  TellSteps();
  for (const auto& peer : peers_) {
    if (!peer->channel_ || !peer->channel_->wants_write()) continue;
    if (const Status flushed = peer->channel_->Flush(); !flushed && !peer->fault_) peer->fault_ = flushed.error();
  }
}

// ---- peers come and go

ServicePeer* ControllerService::Find(PeerRole role, uint8_t instance) {
  for (const auto& peer : peers_) {
    if (peer->channel_ && peer->role() == role && peer->instance() == instance) return peer.get();
  }
  return nullptr;
}

Status ControllerService::Reset(ControllerOptions options) {
  if (journal_) {
    if (const Status synced = SyncJournal(); !synced) return synced;
    if (const Status emptied = journal_->Compact({}); !emptied) return emptied;
    journal_base_ = journal_->durable();
    options.journal = true;
    options.secret = journal_->secret();
  }
  options_.controller = options;
  controller_ = Controller(options);
  profile_ = options.profile;
  vault_ = PacketVault();
  outbox_.Clear();
  operations_.clear();
  askers_.clear();
  for (const auto& peer : peers_) {
    peer->line_ = {};
    peer->connection_ = 0;
    peer->line_.Set(profile_.control_rate, profile_.control_delay);
  }
  if (!journal_) return {};
  const TimePoint now = options_.clock();
  controller_.Recover(now, {}, outbox_);
  Drain(now);
  return SyncJournal();
}

void ControllerService::Broadcast(PeerRole role, const Json& json) {
  for (const auto& peer : peers_) {
    if (peer->role() == role) peer->Send(json);
  }
}

void ControllerService::RemoveLost() {
  const TimePoint now = options_.clock();
  for (size_t i = 0; i < peers_.size(); ++i) {
    ServicePeer& peer = *peers_[i];
    if (peer.channel_ && peer.role() == PeerRole::kStranger && now >= peer.since_ + kHelloPatience && !peer.fault_) {
      peer.fault_ = Error{"it said no hello in time"};
    }
    if (peer.channel_ && peer.fault_) Lose(peer, peer.fault_->message);
  }
  // What a lost peer had sent is delivered first.
  std::erase_if(peers_, [](const auto& peer) { return !peer->channel_ && peer->line_.empty(); });
}

void ControllerService::Lose(ServicePeer& peer, const std::string& reason) {
  const bool stranger = peer.role() == PeerRole::kStranger;
  Log(fmt::format("lost {}: {}", stranger ? peer.channel_->peer() : peer.name(), reason));
  peer.channel_.reset();
  std::erase_if(askers_, [&](const auto& asker) { return asker.second == peer.id_; });
  if (stranger) return;
  if (peer.role() != PeerRole::kDriver) Broadcast(PeerRole::kDriver, {{"lost", peer.name()}, {"reason", reason}});
  if (options_.on_lost) options_.on_lost(peer);
}

}  // namespace uhaul::runtime
