// The handlers of a Testbed: what happens when a burst, a message or a deadline comes. They take `now`.
#include <algorithm>
#include <utility>
#include <variant>

#include "core/base/check.h"
#include "core/protocol/codec.h"
#include "runtime/testbed.h"

namespace uhaul::runtime {
namespace {

// More calls of one machine's timer at one instant than any real work needs: it never asks for a later time.
constexpr int kMaxTimerCalls = 1'000'000;
constexpr uint32_t kAcknowledgementBytes = 64;
// The switch forwards or drops; it never holds a packet.
constexpr PacketStore::Handle kNoHandle = ~PacketStore::Handle{0};

// The frames of a burst that go the same way.
struct Outgoing {
  std::array<rte_mbuf*, kBurst> mbufs;
  size_t count = 0;
  void Add(rte_mbuf* mbuf) { mbufs[count++] = mbuf; }
  std::span<rte_mbuf* const> span() const { return {mbufs.data(), count}; }
};

}  // namespace

// ---- frames

void Testbed::FillFrame(rte_mbuf* mbuf, const FrameContents& contents) {
  auto* data = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(mbuf, kMaxBuiltOctets));
  UHAUL_CHECK(data != nullptr);
  const size_t length = BuildFrame(contents, std::span<uint8_t, kMaxBuiltOctets>(data, kMaxBuiltOctets));
  UHAUL_CHECK(rte_pktmbuf_trim(mbuf, static_cast<uint16_t>(kMaxBuiltOctets - length)) == 0);
  FrameField::Of(mbuf) = {.bytes = contents.bytes};
}

// What the machines see: the flow, the flags and the packet's number as the headers say. A flow's last packet may be
// smaller than its headers, so the size is the one that travels beside them.
bool Testbed::Parse(rte_mbuf* mbuf, Packet* packet) {
  const FrameMeta& meta = FrameField::Of(mbuf);
  const uint32_t here = rte_pktmbuf_data_len(mbuf);
  ParsedFrame frame;
  const ParseOutcome outcome =
      ParseFrame({rte_pktmbuf_mtod(mbuf, const uint8_t*), here}, WireOctets(meta, here), &frame);
  parsed_.Count(outcome, frame);
  if (outcome != ParseOutcome::kOk) [[unlikely]] {
    return false;
  }
  packet->flow.tuple = frame.tuple;
  packet->flow.id = hasher_.Id(frame.tuple);
  packet->bytes = meta.bytes;
  packet->tcp_flags = frame.tcp_flags;
  packet->do_not_buffer = (meta.flags & FrameMeta::kDoNotBuffer) != 0;
  packet->reverse = false;
  packet->digest = frame.sequence;
  packet->handle = kNoHandle;
  packet->stamp = TimePoint::FromNanos(meta.stamp_ns);
  return true;
}

uint32_t Testbed::NumberOf(const FlowKey& flow) const {
  const uint32_t* number = numbers_.Find(flow);
  UHAUL_CHECK(number != nullptr);  // only the trace's flows are sent here
  return *number;
}

void Testbed::Lose(TimePoint now, const FlowKey& flow) {
  if (recorder_.OnLost(NumberOf(flow))) CheckEnd(now);
}

// ---- data

void Testbed::ArmGenerator() { generator_->Set(source_.NextTime()); }

void Testbed::OnGenerator(TimePoint now) {
  const SourcePacket p = source_.Pop();
  UHAUL_CHECK(p.at == now);
  recorder_.OnSent(now, p.flow, p.retransmission);
  rte_mbuf* mbuf = rte_pktmbuf_alloc(options_.pool);
  UHAUL_CHECK(mbuf != nullptr);  // links keep far fewer mbufs than the pool has
  FillFrame(mbuf, {scenario_.trace.flows[p.flow].tuple, p.bytes, p.sequence, p.first, p.last});
  SendBurst(*to_switch_, now, {&mbuf, 1});
  ArmGenerator();
}

// Real time: whatever is due, up to a burst. A packet that finds no mbuf leaves later.
bool Testbed::Generate(TimePoint now) {
  Outgoing out;
  while (out.count < kBurst && source_.NextTime() <= now) {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(options_.pool);
    if (mbuf == nullptr) break;
    const SourcePacket p = source_.Pop();
    FillFrame(mbuf, {scenario_.trace.flows[p.flow].tuple, p.bytes, p.sequence, p.first, p.last});
    recorder_.OnSent(now, p.flow, p.retransmission);
    const int64_t late = (now - p.at).nanos();
    ++punctuality_.packets;
    punctuality_.late += late > Punctuality::kLateNs ? 1 : 0;
    punctuality_.latest_ns = std::max(punctuality_.latest_ns, late);
    out.Add(mbuf);
  }
  if (out.count == 0) return false;
  SendBurst(*to_switch_, now, out.span());
  return true;
}

void Testbed::OnData(TimePoint now, uint16_t link_rank, std::span<rte_mbuf* const> burst) {
  switch (link_rank) {
    case rank::kToSwitch:
      return AtSwitch(now, burst);
    case rank::kSwitchToNf:
    case rank::kSwitchToNf + 1:
      return AtNf(now, static_cast<uint8_t>(link_rank - rank::kSwitchToNf), burst);
    case rank::kNfToSink:
    case rank::kNfToSink + 1:
      return AtSink(now, burst);
    case rank::kNfToSwitch:
    case rank::kNfToSwitch + 1:
      return Relayed(now, burst);
    case rank::kAcknowledgements:
      return AtGenerator(now, burst);
    default:
      UHAUL_CHECK(link_rank == rank::kToSwitch);
  }
}

void Testbed::SendBurst(DataLink& link, TimePoint now, std::span<rte_mbuf* const> burst) {
  while (!burst.empty()) {
    burst = burst.subspan(link.Send(now, burst));
    if (burst.empty()) [[likely]] {
      return;
    }
    ++recorder_.counters().link_drops;
    Packet packet;
    const bool known = &link != acknowledgements_.get() && Parse(burst.front(), &packet);
    rte_pktmbuf_free(burst.front());
    if (known) Lose(now, packet.flow);
    burst = burst.subspan(1);
  }
}

void Testbed::SendHeld(DataLink& link, TimePoint now, const Packet& packet) {
  FrameMeta& meta = store_.MetaOf(packet.handle);
  meta.stamp_ns = packet.stamp.nanos();
  if (packet.do_not_buffer) {
    meta.flags |= FrameMeta::kDoNotBuffer;
  } else {
    meta.flags &= static_cast<uint8_t>(~FrameMeta::kDoNotBuffer);
  }
  if (link.SendHeld(now, packet.handle)) return;
  store_.Drop(packet.handle);
  ++recorder_.counters().link_drops;
  Lose(now, packet.flow);
}

void Testbed::AtSwitch(TimePoint now, std::span<rte_mbuf* const> burst) {
  std::array<uint8_t, kBurst> verdicts;
  Outgoing accepted;
  for (rte_mbuf* mbuf : burst) {
    Packet& packet = packets_[accepted.count];
    if (!Parse(mbuf, &packet)) {
      rte_pktmbuf_free(mbuf);
      continue;
    }
    FrameField::Of(mbuf).stamp_ns = now.nanos();
    packet.stamp = now;
    accepted.Add(mbuf);
  }
  switch_.OnBurst(now, {packets_.data(), accepted.count}, {verdicts.data(), accepted.count}, outbox_);
  for (uint8_t nf = 0; nf < kNfCount; ++nf) {
    Outgoing out;
    for (size_t i = 0; i < accepted.count; ++i) {
      UHAUL_CHECK(verdicts[i] < kNfCount);
      if (verdicts[i] == nf) out.Add(accepted.mbufs[i]);
    }
    if (out.count > 0) SendBurst(*switch_to_nf_[nf], now, out.span());
  }
  Settle(now, Machine::kSwitch);
}

// From an NF back to the switch, for another NF: no rule is asked.
void Testbed::Relayed(TimePoint now, std::span<rte_mbuf* const> burst) {
  for (rte_mbuf* mbuf : burst) {
    const uint8_t nf = FrameField::Of(mbuf).nf;
    UHAUL_CHECK(nf < kNfCount);
    SendBurst(*switch_to_nf_[nf], now, {&mbuf, 1});
  }
}

void Testbed::AtNf(TimePoint now, uint8_t nf, std::span<rte_mbuf* const> burst) {
  std::array<NfVerdict, kBurst> verdicts;
  Outgoing accepted;
  for (rte_mbuf* mbuf : burst) {
    Packet& packet = packets_[accepted.count];
    if (!Parse(mbuf, &packet)) {
      rte_pktmbuf_free(mbuf);
      continue;
    }
    packet.handle = store_.Reserve();
    accepted.Add(mbuf);
  }
  nfs_[nf].OnBurst(now, {packets_.data(), accepted.count}, {verdicts.data(), accepted.count}, outbox_);
  Outgoing forwarded;
  for (size_t i = 0; i < accepted.count; ++i) {
    rte_mbuf* mbuf = accepted.mbufs[i];
    const Packet& packet = packets_[i];
    switch (verdicts[i]) {
      case NfVerdict::kForward:
        store_.Cancel(packet.handle);
        recorder_.OnProcessed(now, NumberOf(packet.flow), packet.stamp);
        forwarded.Add(mbuf);
        break;
      case NfVerdict::kConsumed:  // the handle is in a message, in a buffer, or in a packet that the outbox drops
        store_.Keep(packet.handle, mbuf);
        rte_pktmbuf_free(mbuf);
        break;
      case NfVerdict::kRelay:
        store_.Cancel(packet.handle);
        ++recorder_.counters().relayed;
        FrameField::Of(mbuf).nf = nfs_[nf].relay_target();
        SendBurst(*nf_to_switch_[nf], now, {&mbuf, 1});
        break;
    }
  }
  if (forwarded.count > 0) SendBurst(*nf_to_sink_[nf], now, forwarded.span());
  Settle(now, NfMachine(nf));
}

void Testbed::AtSink(TimePoint now, std::span<rte_mbuf* const> burst) {
  bool ended = false;
  for (rte_mbuf* mbuf : burst) {
    Packet packet;
    if (Parse(mbuf, &packet)) {
      const auto sequence = static_cast<uint32_t>(packet.digest);
      ended |= recorder_.OnDelivered(now, NumberOf(packet.flow), sequence);
      if (source_.closed_loop()) {
        // One that finds no mbuf is lost, as on a wire; the sender's time-out covers it.
        if (rte_mbuf* back = rte_pktmbuf_alloc(options_.pool); back != nullptr) {
          FillFrame(back, {packet.flow.tuple.Reversed(), kAcknowledgementBytes, sequence, false, false});
          SendBurst(*acknowledgements_, now, {&back, 1});
        }
      }
    }
    rte_pktmbuf_free(mbuf);
  }
  if (ended) CheckEnd(now);
}

void Testbed::AtGenerator(TimePoint now, std::span<rte_mbuf* const> burst) {
  for (rte_mbuf* mbuf : burst) {
    Packet packet;
    if (Parse(mbuf, &packet)) {
      const FlowKey flow = hasher_.Key(packet.flow.tuple.Reversed());
      source_.OnDelivered(now, NumberOf(flow), static_cast<uint32_t>(packet.digest));
    }
    rte_pktmbuf_free(mbuf);
  }
  if (options_.clock == ClockKind::kVirtual) ArmGenerator();
}

// ---- control

void Testbed::OnMessage(TimePoint now, uint16_t link_rank, const Message& message) {
  switch (link_rank) {
    case rank::kControlToSwitch:
      switch_.OnMessage(now, message, outbox_);
      return Settle(now, Machine::kSwitch);
    case rank::kControlToNf:
    case rank::kControlToNf + 1: {
      const auto nf = static_cast<uint8_t>(link_rank - rank::kControlToNf);
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

void Testbed::OnMachineTimer(TimePoint now, Machine machine) {
  CallTimer(now, machine);
  Settle(now, machine);
  if (machine == Machine::kController) CheckOperation(now);
}

void Testbed::CallTimer(TimePoint now, Machine machine) {
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

TimePoint Testbed::DeadlineOf(Machine machine) const {
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

void Testbed::Settle(TimePoint now, Machine machine) {
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

void Testbed::Drain(TimePoint now, Machine machine) {
  for (const RecordEvent& event : outbox_.events) recorder_.OnEvent(now, event);
  for (OutMessage& out : outbox_.messages) Dispatch(now, machine, out);
  const uint8_t nf = machine == Machine::kNf2 ? 1 : 0;
  for (const OutPacket& out : outbox_.packets) Release(now, out, nf);
  outbox_.Clear();
}

void Testbed::Dispatch(TimePoint now, Machine from, OutMessage& out) {
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
void Testbed::Release(TimePoint now, const OutPacket& out, uint8_t at) {
  switch (out.fate) {
    case OutPacket::Fate::kToSink:
      recorder_.OnProcessed(now, NumberOf(out.packet.flow), out.packet.stamp);
      return SendHeld(*nf_to_sink_[at], now, out.packet);
    case OutPacket::Fate::kToNf:
      UHAUL_CHECK(out.nf < kNfCount);
      return SendHeld(*switch_to_nf_[out.nf], now, out.packet);
    case OutPacket::Fate::kRelay:
      ++recorder_.counters().relayed;
      store_.MetaOf(out.packet.handle).nf = out.nf;
      return SendHeld(*nf_to_switch_[at], now, out.packet);
    case OutPacket::Fate::kDropped:
      store_.Drop(out.packet.handle);
      return Lose(now, out.packet.flow);
  }
}

}  // namespace uhaul::runtime
