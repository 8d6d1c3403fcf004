#include "runtime/roles.h"

#include <algorithm>

#include "core/base/check.h"
#include "runtime/marker_frame.h"

namespace uhaul::runtime {
namespace {

constexpr uint32_t kAcknowledgementBytes = 64;

}  // namespace

// ---- generator

void GeneratorRole::SendOne(TimePoint now) {
  const SourcePacket p = run_->source().Pop();
  UHAUL_CHECK(p.at == now);
  path_->facts().Sent(now, p.flow, p.retransmission);
  rte_mbuf* mbuf = path_->Allocate();
  UHAUL_CHECK(mbuf != nullptr);  // links keep far fewer mbufs than the pool has
  path_->Build(p, mbuf);
  path_->Send(*out_, now, {&mbuf, 1});
}

size_t GeneratorRole::SendDue(TimePoint now, Punctuality* punctuality) {
  PacketSource& source = run_->source();
  if (source.NextTime() > now) return 0;
  Stock();
  Outgoing out;
  while (empty_.count > 0 && source.NextTime() <= now) {
    const SourcePacket p = source.Pop();
    rte_mbuf* mbuf = empty_.mbufs[--empty_.count];
    path_->Build(p, mbuf);
    path_->facts().Sent(now, p.flow, p.retransmission);
    const int64_t late = (now - p.at).nanos();
    punctuality->late += late > Punctuality::kLateNs ? 1 : 0;
    punctuality->latest_ns = std::max(punctuality->latest_ns, late);
    out.Add(mbuf);
  }
  punctuality->packets += out.count;
  if (out.count > 0) path_->Send(*out_, now, out.span());
  return out.count;
}

// As many as a burst takes, if there are so many.
void GeneratorRole::Stock() {
  const size_t missing = kBurst - empty_.count;
  if (missing == 0) return;
  if (path_->Allocate({empty_.mbufs.data() + empty_.count, missing})) [[likely]] {
    empty_.count = kBurst;
    return;
  }
  for (rte_mbuf* mbuf = path_->Allocate(); mbuf != nullptr; mbuf = path_->Allocate()) {
    empty_.Add(mbuf);
    if (empty_.count == kBurst) return;
  }
}

GeneratorRole::~GeneratorRole() { path_->Free(empty_.span()); }

void GeneratorRole::OnAcknowledgements(TimePoint now, std::span<rte_mbuf* const> burst) {
  const Outgoing read = path_->ReadBurst(burst);
  for (rte_mbuf* mbuf : read.span()) {
    const FrameReading& reading = FrameField::ReadingOf(mbuf);
    const std::optional<uint32_t> number = run_->NumberOf(path_->hasher().Key(reading.flow.tuple.Reversed()));
    if (number) run_->source().OnDelivered(now, *number, reading.sequence);
  }
  path_->Free(read.span());
}

// ---- switch

void SwitchRole::OnBurst(TimePoint now, std::span<rte_mbuf* const> burst, SwitchAgent& agent, Outbox& outbox) {
  const Outgoing accepted = path_->ReadBurst(burst);
  forwarded_ += accepted.count;
  if (path_->recorded() == nullptr) {  // a capture's packets have their stamps
    for (rte_mbuf* mbuf : accepted.span()) FrameField::Of(mbuf).stamp_ns = now.nanos();
  }
  if (accepted.count == 0) return;
  // Without rules all go one way, whatever they are.
  const bool rules = agent.table_entries() > 0 || agent.unplaced() > 0;
  if (const auto nf = rules ? std::nullopt : agent.Forwards(Packet()); nf && *nf < kNfCount) [[likely]] {
    return path_->Send(*to_nf_[*nf], now, accepted.span());
  }
  Datapath::Describe(accepted, packets_);
  Dispatch(now, accepted, agent, outbox);
}

void SwitchRole::Dispatch(TimePoint now, const Outgoing& accepted, SwitchAgent& agent, Outbox& outbox) {
  std::array<uint8_t, kBurst> verdicts;
  agent.OnBurst(now, {packets_.data(), accepted.count}, {verdicts.data(), accepted.count}, outbox);
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
  if (agent.intercepting()) [[unlikely]] {
    return OnIntercepted(now, accepted, agent, outbox);
  }
  std::array<NfVerdict, kBurst> verdicts;
  agent.OnBurst(now, {packets_.data(), accepted.count}, {verdicts.data(), accepted.count}, outbox);
  for (size_t i = 0; i < accepted.count; ++i) UHAUL_CHECK(verdicts[i] == NfVerdict::kForward);
  path_->facts().Processed(now, accepted.span());
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
  path_->facts().Processed(now, forwarded.span());
  if (forwarded.count > 0) path_->Send(*to_sink_, now, forwarded.span());
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
  path_->facts().Delivered(now, read.span());
  if (acknowledgements_ != nullptr) {
    for (rte_mbuf* mbuf : read.span()) Acknowledge(now, FrameField::ReadingOf(mbuf));
  }
  path_->Free(read.span());
}

// One that finds no mbuf is lost, as on a wire; the sender's time-out covers it.
void SinkRole::Acknowledge(TimePoint now, const FrameReading& reading) {
  rte_mbuf* back = path_->Allocate();
  if (back == nullptr) return;
  MakeFrame({reading.flow.tuple.Reversed(), kAcknowledgementBytes, reading.sequence}, back);
  path_->Send(*acknowledgements_, now, {&back, 1}, false);
}

}  // namespace uhaul::runtime
