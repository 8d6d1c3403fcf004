// SteeringTag: what a packet of ns-3 carries between the node that steers and the nodes with network functions, beside
// its headers: what a switch and an NF of their own would put into a shim, or into a table at the port.
#pragma once

#include <cstdint>

#include "ns3/tag.h"

namespace uhaul {

class SteeringTag final : public ns3::Tag {
 public:
  enum class Kind : uint8_t {
    kData = 0,     // to an NF
    kMarker,       // to an NF: not a packet of anybody's (core/protocol/message.h)
    kRelay,        // back from an NF, unprocessed: for `nf`
    kDone,         // past an NF: on its way as any packet
    kRelayed,      // to an NF, from another one
    kRelayMarker,  // back from an NF: for `nf`
  };

  static ns3::TypeId GetTypeId();
  ns3::TypeId GetInstanceTypeId() const override { return GetTypeId(); }
  uint32_t GetSerializedSize() const override;
  void Serialize(ns3::TagBuffer buffer) const override;
  void Deserialize(ns3::TagBuffer buffer) override;
  void Print(std::ostream& out) const override;

  uint32_t pair = 0;  // whose tag it is, where there are several pairs
  Kind kind = Kind::kData;
  uint8_t nf = 0;
  bool reverse = false;
  bool do_not_buffer = false;
  uint64_t digest = 0;   // the packet's number in its connection
  int64_t stamp_ns = 0;  // when it first left the node that steers
  uint64_t epoch = 0;    // of a marker
  uint64_t nonce = 0;    // of a marker
};

}  // namespace uhaul
