// The handlers of a World: what happens when a packet, a message or a deadline comes. They take `now`.
#include <type_traits>
#include <utility>
#include <variant>

#include "core/base/check.h"
#include "core/protocol/codec.h"
#include "sim/world.h"

namespace uhaul {
namespace {

// More calls of one machine's timer at one instant than any real work needs: it never asks for a later time.
constexpr int kMaxTimerCalls = 1'000'000;
constexpr uint32_t kAcknowledgementBytes = 64;

}  // namespace

// ---- data

void World::ArmGenerator() { generator_->Set(source_.NextTime()); }

void World::OnGenerator(TimePoint now) {
  const SourcePacket p = source_.Pop();
  UHAUL_CHECK(p.at == now);
  recorder_.OnSent(now, p.flow, p.retransmission);
  const uint8_t flags = static_cast<uint8_t>((p.first ? DataItem::kFirst : 0) | (p.last ? DataItem::kLast : 0));
  SendTo(*to_switch_, now, {.flow = p.flow, .sequence = p.sequence, .bytes = p.bytes, .flags = flags});
  ArmGenerator();
}

void World::OnData(TimePoint now, uint16_t link_rank, const DataItem& item) {
  switch (link_rank) {
    case rank::kToSwitch:
      return AtSwitch(now, item);
    case rank::kSwitchToNf:
    case rank::kSwitchToNf + 1:
      return AtNf(now, static_cast<uint8_t>(link_rank - rank::kSwitchToNf), item);
    case rank::kNfToSink:
    case rank::kNfToSink + 1:
      return AtSink(now, item);
    case rank::kNfToSwitch:
    case rank::kNfToSwitch + 1: {  // relayed: no rule is asked
      UHAUL_CHECK(item.nf < kNfCount);
      return SendTo(*switch_to_nf_[item.nf], now, item);
    }
    case rank::kAcknowledgements:
      source_.OnDelivered(now, item.flow, item.sequence);
      return ArmGenerator();
    default:
      UHAUL_CHECK(link_rank == rank::kToSwitch);
  }
}

void World::SendTo(DataLink& link, TimePoint now, const DataItem& item) {
  if (link.Send(now, item)) [[likely]] {
    return;
  }
  ++recorder_.counters().link_drops;
  if (item.flags & DataItem::kAcknowledgement) return;
  if (recorder_.OnLost(item.flow)) CheckEnd(now);
}

Packet World::PacketOf(const DataItem& item) const {
  Packet packet;
  packet.flow = keys_[item.flow];
  packet.bytes = item.bytes;
  if (packet.flow.tuple.protocol == kProtocolTcp) {
    packet.tcp_flags = static_cast<uint8_t>((item.flags & DataItem::kFirst ? tcp_flag::kSyn : tcp_flag::kAck) |
                                            (item.flags & DataItem::kLast ? tcp_flag::kFin : 0));
  }
  packet.do_not_buffer = (item.flags & DataItem::kDoNotBuffer) != 0;
  packet.digest = item.sequence;
  packet.handle = (static_cast<uint64_t>(item.sequence) << 32) | item.flow;
  packet.stamp = TimePoint::FromNanos(item.stamp_ns);
  return packet;
}

DataItem World::ItemOf(const Packet& packet) const {
  DataItem item;
  item.stamp_ns = packet.stamp.nanos();
  item.flow = static_cast<uint32_t>(packet.handle);
  item.sequence = static_cast<uint32_t>(packet.handle >> 32);
  item.bytes = packet.bytes;
  UHAUL_CHECK(item.flow < packets_.size());
  item.flags = static_cast<uint8_t>((item.sequence == 0 ? DataItem::kFirst : 0) |
                                    (item.sequence + 1 == packets_[item.flow] ? DataItem::kLast : 0) |
                                    (packet.do_not_buffer ? DataItem::kDoNotBuffer : 0));
  return item;
}

void World::AtSwitch(TimePoint now, const DataItem& arrived) {
  DataItem item = arrived;
  item.stamp_ns = now.nanos();
  const Packet packet = PacketOf(item);
  uint8_t nf = 0;
  switch_.OnBurst(now, {&packet, 1}, {&nf, 1}, outbox_);
  UHAUL_CHECK(nf < kNfCount);
  SendTo(*switch_to_nf_[nf], now, item);
  Settle(now, Machine::kSwitch);
}

void World::AtNf(TimePoint now, uint8_t nf, const DataItem& item) {
  const Packet packet = PacketOf(item);
  NfVerdict verdict = NfVerdict::kConsumed;
  nfs_[nf].OnBurst(now, {&packet, 1}, {&verdict, 1}, outbox_);
  switch (verdict) {
    case NfVerdict::kForward:
      recorder_.OnProcessed(now, item.flow, packet.stamp);
      SendTo(*nf_to_sink_[nf], now, item);
      break;
    case NfVerdict::kConsumed:
      break;
    case NfVerdict::kRelay:
      Release(now, {OutPacket::Fate::kRelay, nfs_[nf].relay_target(), packet}, nf);
      break;
  }
  Settle(now, NfMachine(nf));
}

void World::AtSink(TimePoint now, const DataItem& item) {
  const bool ended = recorder_.OnDelivered(now, item.flow, item.sequence);
  if (source_.closed_loop()) {
    SendTo(*acknowledgements_, now,
           {.flow = item.flow,
            .sequence = item.sequence,
            .bytes = kAcknowledgementBytes,
            .flags = DataItem::kAcknowledgement});
  }
  if (ended) CheckEnd(now);
}

// ---- control

void World::OnMessage(TimePoint now, uint16_t link_rank, const Message& message) {
  switch (link_rank) {
    case rank::kControlToSwitch:
      switch_.OnMessage(now, message, outbox_);
      return Settle(now, Machine::kSwitch);
    case rank::kControlToNf:
    case rank::kControlToNf + 1: {
      const uint8_t nf = static_cast<uint8_t>(link_rank - rank::kControlToNf);
      nfs_[nf].OnMessage(now, message, outbox_);
      return Settle(now, NfMachine(nf));
    }
    case rank::kControlFromSwitch:
      controller_.OnMessage(now, kSwitchNode, message, outbox_);
      break;
    case rank::kControlFromNf:
    case rank::kControlFromNf + 1:
      controller_.OnMessage(now, NfNode(static_cast<uint8_t>(link_rank - rank::kControlFromNf)), message, outbox_);
      break;
    default:
      UHAUL_CHECK(link_rank == rank::kControlToSwitch);
  }
  Settle(now, Machine::kController);
  CheckOperation(now);
}

void World::OnMachineTimer(TimePoint now, Machine machine) {
  CallTimer(now, machine);
  Settle(now, machine);
  if (machine == Machine::kController) CheckOperation(now);
}

void World::CallTimer(TimePoint now, Machine machine) {
  switch (machine) {
    case Machine::kController:
      return controller_.OnTimer(now, outbox_);
    case Machine::kSwitch:
      return switch_.OnTimer(now, outbox_);
    case Machine::kNf1:
      return nfs_[0].OnTimer(now, outbox_);
    case Machine::kNf2:
      return nfs_[1].OnTimer(now, outbox_);
  }
}

TimePoint World::DeadlineOf(Machine machine) const {
  switch (machine) {
    case Machine::kController:
      return controller_.NextDeadline();
    case Machine::kSwitch:
      return switch_.NextDeadline();
    case Machine::kNf1:
      return nfs_[0].NextDeadline();
    case Machine::kNf2:
      return nfs_[1].NextDeadline();
  }
  UHAUL_CHECK(false);
}

void World::Settle(TimePoint now, Machine machine) {
  if (!outbox_.empty()) [[unlikely]] {
    Drain(now, machine);
  }
  TimePoint deadline = DeadlineOf(machine);
  for (int calls = 0; deadline <= now; ++calls) {
    UHAUL_CHECK(calls < kMaxTimerCalls);
    CallTimer(now, machine);
    Drain(now, machine);
    deadline = DeadlineOf(machine);
  }
  machine_timers_[static_cast<size_t>(machine)]->Set(deadline);
}

void World::Drain(TimePoint now, Machine machine) {
  for (const RecordEvent& event : outbox_.events) recorder_.OnEvent(now, event);
  for (OutMessage& out : outbox_.messages) Dispatch(now, machine, out);
  const uint8_t nf = machine == Machine::kNf2 ? 1 : 0;
  for (const OutPacket& out : outbox_.packets) Release(now, out, nf);
  outbox_.Clear();
}

void World::Dispatch(TimePoint now, Machine from, OutMessage& out) {
  RunCounters& counters = recorder_.counters();
  const Bytes size = WireSize(out.message);
  ++counters.control_messages;
  counters.control_bytes += size.count();
  if (std::holds_alternative<msg::PacketEvent>(out.message.body)) ++counters.events;
  if (std::holds_alternative<msg::PacketIn>(out.message.body)) ++counters.packet_ins;
  if (std::holds_alternative<msg::PacketOut>(out.message.body)) ++counters.packet_outs;
  UHAUL_CHECK((from == Machine::kController) != (out.to == kControllerNode));
  ControlLink* link = nullptr;
  switch (from) {
    case Machine::kController: {
      const bool to_switch = out.to.role == NodeId::Role::kSwitch;
      UHAUL_CHECK(to_switch || out.to.instance < kNfCount);
      link = to_switch ? control_to_switch_.get() : control_to_nf_[out.to.instance].get();
      break;
    }
    case Machine::kSwitch:
      link = control_from_switch_.get();
      break;
    case Machine::kNf1:
      link = control_from_nf_[0].get();
      break;
    case Machine::kNf2:
      link = control_from_nf_[1].get();
      break;
  }
  link->Send(now, std::move(out.message), size);
}

// `at`: the NF that lets go of the packet, where it is one.
void World::Release(TimePoint now, const OutPacket& out, uint8_t at) {
  DataItem item = ItemOf(out.packet);
  switch (out.fate) {
    case OutPacket::Fate::kToSink:
      recorder_.OnProcessed(now, item.flow, out.packet.stamp);
      return SendTo(*nf_to_sink_[at], now, item);
    case OutPacket::Fate::kToNf:
      UHAUL_CHECK(out.nf < kNfCount);
      return SendTo(*switch_to_nf_[out.nf], now, item);
    case OutPacket::Fate::kRelay:
      ++recorder_.counters().relayed;
      item.nf = out.nf;
      item.flags |= DataItem::kRelayed;
      return SendTo(*nf_to_switch_[at], now, item);
    case OutPacket::Fate::kDropped:
      if (recorder_.OnLost(item.flow)) CheckEnd(now);
      return;
  }
}

}  // namespace uhaul
