#include "runtime/roles.h"

#include <algorithm>

#include "core/base/check.h"
#include "runtime/marker_frame.h"

namespace uhaul::runtime {
namespace {

constexpr uint32_t kAcknowledgementBytes = 64;

void Free(Outgoing burst) { rte_pktmbuf_free_bulk(burst.mbufs.data(), static_cast<unsigned>(burst.count)); }

}  // namespace

// ---- generator

void GeneratorRole::Build(const SourcePacket& p, rte_mbuf* mbuf) {
  if (const RecordedTraffic* recorded = path_->recorded(); recorded != nullptr) {
    return path_->Copy(recorded->Of(p.flow, p.sequence), mbuf);
  }
  Datapath::Build({run_->scenario().trace.flows[p.flow].tuple, p.bytes, p.sequence, p.first, p.last, p.flow}, mbuf);
}

void GeneratorRole::SendOne(TimePoint now) {
  const SourcePacket p = run_->source().Pop();
  UHAUL_CHECK(p.at == now);
  path_->facts().Sent(now, p.flow, p.retransmission);
  rte_mbuf* mbuf = path_->Allocate();
  UHAUL_CHECK(mbuf != nullptr);  // links keep far fewer mbufs than the pool has
  Build(p, mbuf);
  path_->Send(*out_, now, {&mbuf, 1});
}

size_t GeneratorRole::SendDue(TimePoint now, Punctuality* punctuality) {
  PacketSource& source = run_->source();
  Outgoing out;
  while (out.count < kBurst && source.NextTime() <= now) {
    rte_mbuf* mbuf = path_->Allocate();
    if (mbuf == nullptr) break;
    const SourcePacket p = source.Pop();
    Build(p, mbuf);
    path_->facts().Sent(now, p.flow, p.retransmission);
    const int64_t late = (now - p.at).nanos();
    ++punctuality->packets;
    punctuality->late += late > Punctuality::kLateNs ? 1 : 0;
    punctuality->latest_ns = std::max(punctuality->latest_ns, late);
    out.Add(mbuf);
  }
  if (out.count > 0) path_->Send(*out_, now, out.span());
  return out.count;
}

void GeneratorRole::OnAcknowledgements(TimePoint now, std::span<rte_mbuf* const> burst) {
  const Outgoing read = path_->ReadBurst(burst);
  for (rte_mbuf* mbuf : read.span()) {
    const FrameReading& reading = FrameField::ReadingOf(mbuf);
    const std::optional<uint32_t> number = run_->NumberOf(path_->hasher().Key(reading.flow.tuple.Reversed()));
    if (number) run_->source().OnDelivered(now, *number, reading.sequence);
  }
  Free(read);
}

// ---- switch

void SwitchRole::OnBurst(TimePoint now, std::span<rte_mbuf* const> burst, SwitchAgent& agent, Outbox& outbox) {
  const Outgoing accepted = path_->ReadBurst(burst);
  Datapath::Describe(accepted, packets_);
  if (path_->recorded() == nullptr) {  // a capture's packets have their stamps
    for (size_t i = 0; i < accepted.count; ++i) {
      FrameField::Of(accepted.mbufs[i]).stamp_ns = now.nanos();
      packets_[i].stamp = now;
    }
  }
  std::array<uint8_t, kBurst> verdicts;
  agent.OnBurst(now, {packets_.data(), accepted.count}, {verdicts.data(), accepted.count}, outbox);
  forwarded_ += accepted.count;
  for (size_t i = 0; i < accepted.count; ++i) {
    if (verdicts[i] < kNfCount) [[likely]] {
      continue;
    }
    UHAUL_CHECK(verdicts[i] == msg::kNoNf);  // a switch that restarted
    path_->facts().Lost(now, packets_[i].flow);
    rte_pktmbuf_free(accepted.mbufs[i]);
  }
  for (uint8_t nf = 0; nf < kNfCount; ++nf) {
    Outgoing out;
    for (size_t i = 0; i < accepted.count; ++i) {
      if (verdicts[i] == nf) out.Add(accepted.mbufs[i]);
    }
    if (out.count > 0) path_->Send(*to_nf_[nf], now, out.span());
  }
}

void SwitchRole::OnRelayed(TimePoint now, std::span<rte_mbuf* const> burst) {
  for (rte_mbuf* mbuf : burst) {
    const uint8_t nf = FrameField::Of(mbuf).nf;
    UHAUL_CHECK(nf < kNfCount);
    path_->Send(*to_nf_[nf], now, {&mbuf, 1}, !IsMarkerFrame(mbuf));
  }
}

void SwitchRole::Release(TimePoint now, const OutPacket& out) {
  UHAUL_CHECK(out.fate == OutPacket::Fate::kToNf && out.nf < kNfCount);
  path_->SendHeld(*to_nf_[out.nf], now, out.packet);
}

// ---- NF

void NfRole::OnBurst(TimePoint now, std::span<rte_mbuf* const> burst, NfAgent& agent, Outbox& outbox) {
  const Outgoing accepted = path_->ReadBurst(burst);
  Datapath::Describe(accepted, packets_);
  path_->NumberBurst(accepted.span());
  std::array<NfVerdict, kBurst> verdicts;
  const std::span<const Packet> packets(packets_.data(), accepted.count);
  if (agent.intercepting()) [[unlikely]] {
    return OnIntercepted(now, accepted, agent, outbox);
  }
  agent.OnBurst(now, packets, {verdicts.data(), accepted.count}, outbox);
  for (size_t i = 0; i < accepted.count; ++i) {
    UHAUL_CHECK(verdicts[i] == NfVerdict::kForward);
    Processed(now, accepted.mbufs[i]);
  }
  if (accepted.count > 0) path_->Send(*to_sink_, now, accepted.span());
}

// Any packet may be kept: each has a handle beforehand.
void NfRole::OnIntercepted(TimePoint now, const Outgoing& accepted, NfAgent& agent, Outbox& outbox) {
  PacketStore& store = path_->store();
  for (size_t i = 0; i < accepted.count; ++i) packets_[i].handle = store.Reserve();
  std::array<NfVerdict, kBurst> verdicts;
  agent.OnBurst(now, {packets_.data(), accepted.count}, {verdicts.data(), accepted.count}, outbox);
  Outgoing forwarded;
  for (size_t i = 0; i < accepted.count; ++i) {
    rte_mbuf* mbuf = accepted.mbufs[i];
    switch (verdicts[i]) {
      case NfVerdict::kForward:
        store.Cancel(packets_[i].handle);
        Processed(now, mbuf);
        forwarded.Add(mbuf);
        break;
      case NfVerdict::kConsumed:  // the handle is in a message, in a buffer, or in a packet that the outbox drops
        store.Keep(packets_[i].handle, mbuf);
        rte_pktmbuf_free(mbuf);
        break;
      case NfVerdict::kRelay:
        store.Cancel(packets_[i].handle);
        ++path_->facts().counters().relayed;
        FrameField::Of(mbuf).nf = agent.relay_target();
        FrameField::Of(mbuf).flags |= FrameMeta::kRelayed;
        path_->Send(*to_switch_, now, {&mbuf, 1});
        break;
    }
  }
  if (forwarded.count > 0) path_->Send(*to_sink_, now, forwarded.span());
}

void NfRole::Processed(TimePoint now, rte_mbuf* mbuf) {
  path_->facts().Processed(now, FrameField::ReadingOf(mbuf).flow_number,
                           TimePoint::FromNanos(FrameField::Of(mbuf).stamp_ns));
}

void NfRole::Release(TimePoint now, const OutPacket& out) {
  switch (out.fate) {
    case OutPacket::Fate::kToSink:
      path_->facts().Processed(now, out.packet.flow, out.packet.stamp);
      return path_->SendHeld(*to_sink_, now, out.packet);
    case OutPacket::Fate::kRelay: {
      ++path_->facts().counters().relayed;
      path_->store().MetaOf(out.packet.handle).nf = out.nf;
      Packet packet = out.packet;
      packet.relayed = true;
      return path_->SendHeld(*to_switch_, now, packet);
    }
    case OutPacket::Fate::kDropped:
      return path_->Drop(now, out.packet);
    case OutPacket::Fate::kForgotten:
      return path_->store().Drop(out.packet.handle);
    case OutPacket::Fate::kToNf:
      break;
  }
  UHAUL_CHECK(out.fate != OutPacket::Fate::kToNf);
}

// ---- sink

void SinkRole::OnBurst(TimePoint now, std::span<rte_mbuf* const> burst) {
  const Outgoing read = path_->ReadBurst(burst);
  path_->NumberBurst(read.span());
  for (rte_mbuf* mbuf : read.span()) {
    const FrameReading& reading = FrameField::ReadingOf(mbuf);
    path_->facts().Delivered(now, reading.flow_number, reading.sequence);
    if (acknowledgements_ != nullptr) Acknowledge(now, reading);
  }
  Free(read);
}

// One that finds no mbuf is lost, as on a wire; the sender's time-out covers it.
void SinkRole::Acknowledge(TimePoint now, const FrameReading& reading) {
  rte_mbuf* back = path_->Allocate();
  if (back == nullptr) return;
  Datapath::Build({reading.flow.tuple.Reversed(), kAcknowledgementBytes, reading.sequence}, back);
  path_->Send(*acknowledgements_, now, {&back, 1}, false);
}

}  // namespace uhaul::runtime
