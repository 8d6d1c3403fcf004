#include "runtime/plane.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "core/base/check.h"
#include "runtime/marker_frame.h"
#include "runtime/transport/fresh.h"

namespace uhaul::runtime {
namespace {

constexpr uint16_t Rank(uint16_t base, uint8_t instance) { return static_cast<uint16_t>(base + instance); }

}  // namespace

Result<std::unique_ptr<Plane>> Plane::Create(RunControl* run, PacketMemory memory, MachineHost* host, int slice,
                                             FactLog* log, bool restarted) {
  UHAUL_CHECK(memory.pool != nullptr && memory.store != nullptr);
  for (const TraceFlow& flow : run->scenario().trace.flows) {
    if (run->scenario().recorded != nullptr || CanBuild(flow.tuple)) continue;
    return Error{"no frame can carry the flow " + flow.tuple.ToString() + ": its protocol has no ports"};
  }
  Result<std::vector<NfAgent>> nfs = MakeNfs(run->spec(), FreshIncarnation(), restarted);
  if (!nfs) return nfs.error();
  return std::unique_ptr<Plane>(new Plane(run, memory, host, std::move(nfs).value(),
                                          MakeSwitch(run->spec(), FreshIncarnation(), restarted), slice, log));
}

Plane::Plane(RunControl* run, PacketMemory memory, MachineHost* host, std::vector<NfAgent> nfs, SwitchAgent forwarding,
             int slice, FactLog* log)
    : run_(run),
      facts_(run, log),
      path_(memory, run->hasher(), &facts_),
      machines_(std::move(nfs), std::move(forwarding), MakeController(run->spec()), host, slice) {}

void Plane::MakeLinks(const MakeLink& make) {
  const PointSpec& spec = run_->spec();
  const auto add = [&](uint16_t link_rank, std::string name) {
    links_[link_rank] = make(link_rank, {.name = std::move(name),
                                         .rank = link_rank,
                                         .rate = spec.link_rate,
                                         .delay = spec.link_delay,
                                         .queue = spec.link_buffer});
  };
  add(rank::kToSwitch, "generator-switch");
  add(rank::kAcknowledgements, "sink-generator");
  for (uint8_t i = 0; i < kNfCount; ++i) {
    const std::string nf = "nf" + std::to_string(i + 1);
    add(Rank(rank::kSwitchToNf, i), "switch-" + nf);
    add(Rank(rank::kNfToSwitch, i), nf + "-switch");
    add(Rank(rank::kNfToSink, i), nf + "-sink");
  }
  generator_ = std::make_unique<GeneratorRole>(run_, &path_, link(rank::kToSwitch));
  switch_ = std::make_unique<SwitchRole>(
      &path_, std::array<DataLink*, kNfCount>{link(rank::kSwitchToNf), link(rank::kSwitchToNf + 1)});
  for (uint8_t i = 0; i < kNfCount; ++i) {
    nfs_.emplace_back(&path_, link(Rank(rank::kNfToSink, i)), link(Rank(rank::kNfToSwitch, i)));
  }
  sink_ = std::make_unique<SinkRole>(&path_, run_->source().closed_loop() ? link(rank::kAcknowledgements) : nullptr);
}

void Plane::OnData(TimePoint now, uint16_t link_rank, std::span<rte_mbuf* const> burst) {
  switch (link_rank) {
    case rank::kToSwitch:
      switch_->OnBurst(now, burst, machines_.forwarding(), machines_.outbox(kSwitchNode));
      return machines_.Settle(now, kSwitchNode);
    case rank::kSwitchToNf:
    case rank::kSwitchToNf + 1: {
      return AtNf(now, static_cast<uint8_t>(link_rank - rank::kSwitchToNf), burst);
    }
    case rank::kNfToSink:
    case rank::kNfToSink + 1:
      return sink_->OnBurst(now, burst);
    case rank::kNfToSwitch:
    case rank::kNfToSwitch + 1:
      return switch_->OnRelayed(now, burst);
    case rank::kAcknowledgements:
      return generator_->OnAcknowledgements(now, burst);
    default:
      UHAUL_CHECK(link_rank == rank::kToSwitch);
  }
}

// A marker separates what came before it from what comes after it.
void Plane::AtNf(TimePoint now, uint8_t nf, std::span<rte_mbuf* const> burst) {
  // What somebody has read is a packet.
  const auto marker = std::find_if(burst.begin(), burst.end(), [](rte_mbuf* mbuf) {
    return (FrameField::Of(mbuf).flags & FrameMeta::kRead) == 0 && IsMarkerFrame(mbuf);
  });
  const std::span<rte_mbuf* const> before = burst.first(static_cast<size_t>(marker - burst.begin()));
  if (!before.empty()) {
    nfs_[nf].OnBurst(now, before, machines_.nf(nf), machines_.outbox(NfNode(nf)));
    machines_.Settle(now, NfNode(nf));
  }
  if (marker == burst.end()) return;
  const std::optional<Marker> read = ReadMarkerFrame(*marker, run_->hasher());
  rte_pktmbuf_free(*marker);
  if (read) machines_.OnMarker(now, nf, *read);
  if (const auto after = burst.subspan(before.size() + 1); !after.empty()) AtNf(now, nf, after);
}

void Plane::SendMarker(TimePoint now, NodeId at, uint8_t nf, const Marker& marker) {
  UHAUL_CHECK(nf < kNfCount);
  rte_mbuf* mbuf = path_.Allocate();
  if (mbuf == nullptr) {
    ++facts_.counters().link_drops;
    return;
  }
  BuildMarkerFrame(marker, mbuf);
  FrameField::Of(mbuf).nf = nf;
  const uint16_t out = at == kSwitchNode ? Rank(rank::kSwitchToNf, nf) : Rank(rank::kNfToSwitch, at.instance);
  path_.Send(*link(out), now, {&mbuf, 1}, false);
}

void Plane::Release(TimePoint now, NodeId at, const OutPacket& out) {
  switch (at.role) {
    case NodeId::Role::kSwitch:
      return switch_->Release(now, out);
    case NodeId::Role::kNf:
      return nfs_[at.instance].Release(now, out);
    case NodeId::Role::kController:  // its buffer was full, or nobody waits for what came
      if (out.fate == OutPacket::Fate::kForgotten) return path_.store().Drop(out.packet.handle);
      return path_.Drop(now, out.packet);
  }
}

}  // namespace uhaul::runtime
