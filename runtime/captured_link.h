// CapturedLink: a link within the process, and a capture of the frames that it accepts: their headers, and their true
// size as the length on the wire. Ports capture by themselves (EthPortOptions), what is on the wire.
#pragma once

#include <memory>
#include <utility>

#include "runtime/capture.h"
#include "runtime/link.h"

namespace uhaul::runtime {

class CapturedLink final : public DataLink {
 public:
  // `capture` and `store` outlive the link.
  CapturedLink(std::unique_ptr<DataLink> link, PacketStore* store, Capture* capture)
      : link_(std::move(link)), store_(store), capture_(capture) {}

  size_t Send(TimePoint now, std::span<rte_mbuf* const> burst) override {
    if (burst.empty()) return link_->Send(now, burst);  // to push on what waits
    size_t sent = 0;
    while (sent < burst.size()) {
      const auto part = burst.subspan(sent, std::min(burst.size() - sent, Capture::kMostStaged));
      for (rte_mbuf* mbuf : part) {
        const uint32_t here = rte_pktmbuf_data_len(mbuf);
        capture_->Stage(now, {rte_pktmbuf_mtod(mbuf, const uint8_t*), here}, WireOctets(FrameField::Of(mbuf), here));
      }
      const size_t accepted = link_->Send(now, part);
      capture_->Commit(accepted);
      sent += accepted;
      if (accepted < part.size()) break;
    }
    return sent;
  }
  bool SendHeld(TimePoint now, PacketStore::Handle handle) override {
    const std::span<const uint8_t> octets = store_->OctetsOf(handle);
    capture_->Stage(now, octets, WireOctets(store_->MetaOf(handle), static_cast<uint32_t>(octets.size())));
    const bool accepted = link_->SendHeld(now, handle);
    capture_->Commit(accepted ? 1 : 0);
    return accepted;
  }
  size_t Receive(std::span<rte_mbuf*> burst) override { return link_->Receive(burst); }
  size_t in_flight() const override { return link_->in_flight(); }

 private:
  std::unique_ptr<DataLink> link_;
  PacketStore* store_;
  Capture* capture_;
};

}  // namespace uhaul::runtime
