#include "sim/nodes/steering_tag.h"

#include <ostream>

namespace uhaul {

NS_OBJECT_ENSURE_REGISTERED(SteeringTag);

ns3::TypeId SteeringTag::GetTypeId() {
  static ns3::TypeId id =
      ns3::TypeId("uhaul::SteeringTag").SetParent<ns3::Tag>().SetGroupName("Uhaul").AddConstructor<SteeringTag>();
  return id;
}

uint32_t SteeringTag::GetSerializedSize() const { return 4 + 4 * 1 + 4 * 8; }

void SteeringTag::Serialize(ns3::TagBuffer buffer) const {
  buffer.WriteU32(pair);
  buffer.WriteU8(static_cast<uint8_t>(kind));
  buffer.WriteU8(nf);
  buffer.WriteU8(reverse ? 1 : 0);
  buffer.WriteU8(do_not_buffer ? 1 : 0);
  buffer.WriteU64(digest);
  buffer.WriteU64(static_cast<uint64_t>(stamp_ns));
  buffer.WriteU64(epoch);
  buffer.WriteU64(nonce);
}

void SteeringTag::Deserialize(ns3::TagBuffer buffer) {
  pair = buffer.ReadU32();
  kind = static_cast<Kind>(buffer.ReadU8());
  nf = buffer.ReadU8();
  reverse = buffer.ReadU8() != 0;
  do_not_buffer = buffer.ReadU8() != 0;
  digest = buffer.ReadU64();
  stamp_ns = static_cast<int64_t>(buffer.ReadU64());
  epoch = buffer.ReadU64();
  nonce = buffer.ReadU64();
}

void SteeringTag::Print(std::ostream& out) const {
  out << "uhaul pair " << pair << " nf " << static_cast<int>(nf) << " number " << digest;
}

}  // namespace uhaul
