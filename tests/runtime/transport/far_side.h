// The far side of a controller's sockets: a switch and two NFs with the oracle function, real machines in the test's
// own thread, each with a channel of its own. Data links between them take no time. A sink checks what arrives: which
// packets, in which order, and that their octets are those that were sent.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/check.h"
#include "runtime/transport/hello.h"
#include "runtime/transport/move_call.h"
#include "tests/core/node/world.h"

namespace uhaul::runtime::testing {

using uhaul::testing::kTestKey;
using uhaul::testing::OracleNf;

// One clock for every thread of a test.
inline TimePoint Now() {
  static const auto start = std::chrono::steady_clock::now();
  return TimePoint::FromNanos(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start).count());
}

class FarSide {
 public:
  static constexpr int kChannels = 3;  // nf 0, nf 1, switch

  using MakeFunction = std::function<std::unique_ptr<NetworkFunction>(std::shared_ptr<uint64_t> violations)>;

  FarSide(
      std::vector<Channel> channels, const Profile& profile, uint32_t flows,
      const MakeFunction& make = [](auto violations) { return std::make_unique<OracleNf>(violations); })
      : channels_(std::move(channels)),
        profile_(profile),
        switch_({profile, kTestKey, 65536, 0}),
        violations_(std::make_shared<uint64_t>(0)),
        sent_(flows),
        seen_(flows),
        last_(flows, -1) {
    for (uint8_t i = 0; i < 2; ++i) {
      nfs_.push_back(
          NfAgent({i, {.capacity = 65536, .window = Duration::Seconds(2)}, profile, kTestKey}, make(violations_)));
    }
    for (uint32_t n = 0; n < flows; ++n) {
      FiveTuple tuple;
      tuple.source = FiveTuple::Ipv4(10, 0, static_cast<uint8_t>(n >> 8), static_cast<uint8_t>(n));
      tuple.destination = FiveTuple::Ipv4(172, 16, 0, 1);
      tuple.source_port = static_cast<uint16_t>(1024 + n);
      tuple.destination_port = 80;
      keys_.push_back(hasher_.Key(tuple));
      numbers_.Get(keys_.back()) = n;
    }
  }

  static std::vector<Channel> Join(const Address& address) {
    std::vector<Channel> channels;
    for (const Hello& hello :
         {Hello{PeerRole::kNf, 0, "t"}, Hello{PeerRole::kNf, 1, "t"}, Hello{PeerRole::kSwitch, 0, "t"}}) {
      Result<Channel> channel = runtime::Join(address, hello, Duration::Seconds(20));
      UHAUL_CHECK(channel.ok());
      channels.push_back(*std::move(channel));
    }
    return channels;
  }

  // The next packet of flow n enters the switch.
  void SendPacket(uint32_t n) {
    Packet packet;
    packet.flow = keys_[n];
    packet.bytes = 1500;
    packet.tcp_flags = tcp_flag::kAck;
    packet.digest = sent_[n]++;
    packet.handle = vault_.Keep(OctetsOf(n, packet.digest));
    ++sent_total_;
    uint8_t nf = 0;
    switch_.OnBurst(Now(), {&packet, 1}, {&nf, 1}, outbox_);
    Settle(2);
    ToNf(nf, packet);
  }

  // One round: what has arrived, what is due, what waits to be written.
  void Poll() {
    for (int i = 0; i < kChannels; ++i) {
      Handler handler(this, i);
      const auto received = channels_[static_cast<size_t>(i)].Receive(handler);
      UHAUL_CHECK(received.ok());
      UHAUL_CHECK(!received->closed);
      if (DeadlineOf(i) <= Now()) {
        OnTimer(i);
        Settle(i);
      }
    }
    for (Channel& channel : channels_) {
      const Status flushed = channel.Flush();
      UHAUL_CHECK(flushed.ok());
    }
  }

  FiveTuple TupleOf(uint32_t n) const { return keys_[n].tuple; }
  uint64_t sent() const { return sent_total_; }
  uint64_t delivered() const { return delivered_; }
  uint64_t repeated() const { return repeated_; }
  uint64_t reordered() const { return reordered_; }
  uint64_t dropped() const { return dropped_; }
  uint64_t wrong_octets() const { return wrong_octets_; }
  uint64_t violations() const { return *violations_; }
  size_t states(int nf) const { return nfs_[static_cast<size_t>(nf)].function().flow_count(); }
  const PacketVault& vault() const { return vault_; }
  const Profile& profile() const { return profile_; }

 private:
  struct Handler final : FrameHandler {
    Handler(FarSide* to, int at) : side(to), machine(at) {}
    void OnMessage(TimePoint, Message&& message, std::span<const uint8_t> octets) override {
      side->OnMessage(machine, std::move(message), octets);
    }
    void OnAdmin(std::string_view text) override {
      const auto json = ParseAdmin(text);
      UHAUL_CHECK(json.ok());
      if (json->contains("profile")) side->UseProfile(machine, (*json)["profile"]);
    }
    void OnBlob(uint8_t, std::span<const uint8_t>) override {}
    FarSide* side;
    int machine;
  };

  // Headers of some length and contents of their own.
  static std::vector<uint8_t> OctetsOf(uint32_t n, uint64_t digest) {
    std::vector<uint8_t> octets(40 + (n * 7 + digest) % 120);
    for (size_t i = 0; i < octets.size(); ++i) octets[i] = static_cast<uint8_t>(n + digest * 3 + i);
    return octets;
  }

  void UseProfile(int machine, const nlohmann::json& values) {
    const Result<Profile> profile = ReadProfile(values, profile_);
    UHAUL_CHECK(profile.ok());
    profile_ = *profile;
    if (machine == 2) {
      switch_.SetProfile(profile_);
    } else {
      nfs_[static_cast<size_t>(machine)].SetProfile(profile_);
    }
  }

  void OnMessage(int machine, Message&& message, std::span<const uint8_t> octets) {
    if (Packet* packet = CarriedPacket(message.body)) {
      packet->flow = hasher_.Key(packet->flow.tuple);
      packet->handle = vault_.Keep(octets);
    }
    if (machine == 2) {
      switch_.OnMessage(Now(), message, outbox_);
    } else {
      nfs_[static_cast<size_t>(machine)].OnMessage(Now(), message, outbox_);
    }
    Settle(machine);
  }

  TimePoint DeadlineOf(int machine) const {
    return machine == 2 ? switch_.NextDeadline() : nfs_[static_cast<size_t>(machine)].NextDeadline();
  }
  void OnTimer(int machine) {
    if (machine == 2) return switch_.OnTimer(Now(), outbox_);
    nfs_[static_cast<size_t>(machine)].OnTimer(Now(), outbox_);
  }

  void Settle(int machine) {
    Outbox out;
    std::swap(out, outbox_);
    for (const OutMessage& m : out.messages) {
      const Packet* packet = CarriedPacket(m.message.body);
      const auto octets = packet == nullptr ? std::span<const uint8_t>() : vault_.Octets(packet->handle);
      const Status queued = channels_[static_cast<size_t>(machine)].QueueMessage(Now(), m.message, octets);
      UHAUL_CHECK(queued.ok());
      if (std::holds_alternative<msg::PacketEvent>(m.message.body)) vault_.Drop(packet->handle);
    }
    for (const OutMarker& m : out.markers) {
      nfs_[m.nf].OnMarker(Now(), m.marker, outbox_);
      Settle(m.nf);
    }
    for (const OutPacket& p : out.packets) {
      switch (p.fate) {
        case OutPacket::Fate::kToSink:
          Deliver(p.packet);
          break;
        case OutPacket::Fate::kToNf:
        case OutPacket::Fate::kRelay:
          ToNf(p.nf, p.packet);
          break;
        case OutPacket::Fate::kDropped:
          ++dropped_;
          vault_.Drop(p.packet.handle);
          break;
        case OutPacket::Fate::kForgotten:
          vault_.Drop(p.packet.handle);
          break;
      }
    }
  }

  void ToNf(uint8_t nf, const Packet& packet) {
    NfVerdict verdict = NfVerdict::kForward;
    nfs_[nf].OnBurst(Now(), {&packet, 1}, {&verdict, 1}, outbox_);
    const uint8_t relay = nfs_[nf].relay_target();
    if (verdict == NfVerdict::kForward) Deliver(packet);
    Settle(nf);
    if (verdict == NfVerdict::kRelay) {
      Packet relayed = packet;
      relayed.relayed = true;
      ToNf(relay, relayed);
    }
  }

  void Deliver(const Packet& packet) {
    const uint32_t n = *numbers_.Find(packet.flow);
    const auto octets = vault_.Octets(packet.handle);
    if (std::vector<uint8_t>(octets.begin(), octets.end()) != OctetsOf(n, packet.digest)) ++wrong_octets_;
    vault_.Drop(packet.handle);
    std::vector<bool>& seen = seen_[n];
    if (seen.size() <= packet.digest) seen.resize(packet.digest + 1);
    if (seen[packet.digest]) ++repeated_;
    if (!seen[packet.digest]) ++delivered_;
    seen[packet.digest] = true;
    if (static_cast<int64_t>(packet.digest) < last_[n]) ++reordered_;
    last_[n] = std::max(last_[n], static_cast<int64_t>(packet.digest));
  }

  std::vector<Channel> channels_;
  Profile profile_;
  FlowHasher hasher_{kTestKey};
  PacketVault vault_;
  std::vector<NfAgent> nfs_;
  SwitchAgent switch_;
  Outbox outbox_;
  std::shared_ptr<uint64_t> violations_;
  std::vector<FlowKey> keys_;
  FlowMap<uint32_t> numbers_;
  std::vector<uint64_t> sent_;
  std::vector<std::vector<bool>> seen_;
  std::vector<int64_t> last_;
  uint64_t sent_total_ = 0, delivered_ = 0, repeated_ = 0, reordered_ = 0, dropped_ = 0, wrong_octets_ = 0;
};

}  // namespace uhaul::runtime::testing
