#include "sim/device.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/flow/packet.h"
#include "ns3/trace-source-accessor.h"
#include "ns3/uinteger.h"

namespace uhaul {

NS_OBJECT_ENSURE_REGISTERED(LinkDevice);
NS_OBJECT_ENSURE_REGISTERED(LinkChannel);

ns3::TypeId LinkDevice::GetTypeId() {
  using namespace ns3;  // NOLINT: the attribute macros of ns-3 read best unqualified
  static const char kSignature[] = "ns3::Packet::TracedCallback";
  static TypeId id =
      TypeId("uhaul::LinkDevice")
          .SetParent<NetDevice>()
          .SetGroupName("Uhaul")
          .AddConstructor<LinkDevice>()
          .AddAttribute("DataRate", "Rate of what leaves by this device", DataRateValue(DataRate("10Gbps")),
                        MakeDataRateAccessor(&LinkDevice::SetDataRate, &LinkDevice::GetDataRate), MakeDataRateChecker())
          .AddAttribute("QueueBytes", "Octets that may wait to leave by this device", UintegerValue(1000000000),
                        MakeUintegerAccessor(&LinkDevice::SetQueueBytes, &LinkDevice::GetQueueBytes),
                        MakeUintegerChecker<uint64_t>())
          .AddAttribute("TxPackets", "Packets accepted", TypeId::ATTR_GET, UintegerValue(0),
                        MakeUintegerAccessor(&LinkDevice::GetTxPackets), MakeUintegerChecker<uint64_t>())
          .AddAttribute("TxBytes", "Octets accepted", TypeId::ATTR_GET, UintegerValue(0),
                        MakeUintegerAccessor(&LinkDevice::GetTxBytes), MakeUintegerChecker<uint64_t>())
          .AddAttribute("Drops", "Packets that found the queue full", TypeId::ATTR_GET, UintegerValue(0),
                        MakeUintegerAccessor(&LinkDevice::GetDrops), MakeUintegerChecker<uint64_t>())
          .AddTraceSource("MacTx", "Accepted by the queue", MakeTraceSourceAccessor(&LinkDevice::mac_tx), kSignature)
          .AddTraceSource("MacTxDrop", "Found the queue full", MakeTraceSourceAccessor(&LinkDevice::mac_tx_drop),
                          kSignature)
          .AddTraceSource("MacRx", "Arrived", MakeTraceSourceAccessor(&LinkDevice::mac_rx), kSignature)
          .AddTraceSource("PhyRxEnd", "Arrived", MakeTraceSourceAccessor(&LinkDevice::phy_rx_end), kSignature)
          .AddTraceSource("Sniffer", "Accepted or arrived", MakeTraceSourceAccessor(&LinkDevice::sniffer), kSignature)
          .AddTraceSource("PromiscSniffer", "Accepted or arrived",
                          MakeTraceSourceAccessor(&LinkDevice::promisc_sniffer), kSignature);
  return id;
}

LinkDevice::LinkDevice() = default;

void LinkDevice::Unbind() {
  data_ = nullptr;
  control_ = nullptr;
}

void LinkDevice::SetChannel(ns3::Ptr<LinkChannel> channel) { channel_ = channel; }
ns3::Ptr<ns3::Channel> LinkDevice::GetChannel() const { return channel_; }

void LinkDevice::ApplyDelay(ns3::Time delay) {
  const Duration d = Duration::Nanos(delay.GetNanoSeconds());
  if (data_ != nullptr) data_->SetDelay(d);
  if (control_ != nullptr) control_->SetDelay(d);
}

void LinkDevice::SetDataRate(ns3::DataRate rate) {
  rate_ = rate;
  if (data_ != nullptr) data_->SetRate(BitRate(rate.GetBitRate()));
  if (control_ != nullptr) control_->SetRate(BitRate(rate.GetBitRate()));
}

void LinkDevice::SetQueueBytes(uint64_t bytes) {
  queue_bytes_ = bytes;
  if (data_ != nullptr) data_->SetQueue(Bytes(bytes));
}

namespace {
LinkCounters CountersOf(const DataLink* data, const ControlLink* control) {
  if (data != nullptr) return data->counters();
  return control != nullptr ? control->counters() : LinkCounters{};
}
}  // namespace

uint64_t LinkDevice::GetTxPackets() const { return CountersOf(data_, control_).packets; }
uint64_t LinkDevice::GetTxBytes() const { return CountersOf(data_, control_).bytes; }
uint64_t LinkDevice::GetDrops() const { return CountersOf(data_, control_).drops; }

bool LinkDevice::SetMtu(const uint16_t mtu) {
  mtu_ = mtu;
  return true;
}

// Links never go down: nobody will ever be called.
void LinkDevice::AddLinkChangeCallback(ns3::Callback<void>) {}

void LinkDevice::DoDispose() {
  Unbind();
  channel_ = nullptr;
  node_ = nullptr;
  ns3::NetDevice::DoDispose();
}

ns3::TypeId LinkChannel::GetTypeId() {
  using namespace ns3;  // NOLINT
  static TypeId id =
      TypeId("uhaul::LinkChannel")
          .SetParent<Channel>()
          .SetGroupName("Uhaul")
          .AddConstructor<LinkChannel>()
          .AddAttribute("Delay", "Propagation, both directions", TimeValue(MicroSeconds(1)),
                        MakeTimeAccessor(&LinkChannel::SetDelay, &LinkChannel::GetDelay), MakeTimeChecker());
  return id;
}

void LinkChannel::Attach(ns3::Ptr<LinkDevice> a, ns3::Ptr<LinkDevice> b) {
  ends_[0] = a;
  ends_[1] = b;
  for (const auto& end : ends_) {
    end->SetChannel(this);
    end->ApplyDelay(delay_);
  }
}

void LinkChannel::SetDelay(ns3::Time delay) {
  delay_ = delay;
  for (const auto& end : ends_) {
    if (end != nullptr) end->ApplyDelay(delay);
  }
}

ns3::Ptr<ns3::NetDevice> LinkChannel::GetDevice(std::size_t i) const {
  UHAUL_CHECK(i < 2);
  return ends_[i];
}

void LinkChannel::DoDispose() {
  ends_[0] = nullptr;
  ends_[1] = nullptr;
  ns3::Channel::DoDispose();
}

namespace {
void Put16(std::vector<uint8_t>* out, uint32_t v) {
  out->push_back(static_cast<uint8_t>(v >> 8));
  out->push_back(static_cast<uint8_t>(v));
}
void Put32(std::vector<uint8_t>* out, uint32_t v) {
  Put16(out, v >> 16);
  Put16(out, v);
}

void PutIp(std::vector<uint8_t>* out, const FiveTuple& tuple, uint32_t bytes) {
  if (tuple.version == 6) {
    Put32(out, 0x60000000);
    Put16(out, std::max<uint32_t>(bytes, 40) - 40);
    out->push_back(tuple.protocol);
    out->push_back(64);
    out->insert(out->end(), tuple.source.begin(), tuple.source.end());
    out->insert(out->end(), tuple.destination.begin(), tuple.destination.end());
    return;
  }
  Put16(out, 0x4500);
  Put16(out, bytes);
  Put32(out, 0);
  out->push_back(64);
  out->push_back(tuple.protocol);
  Put16(out, 0);
  out->insert(out->end(), tuple.source.begin(), tuple.source.begin() + 4);
  out->insert(out->end(), tuple.destination.begin(), tuple.destination.begin() + 4);
}
}  // namespace

ns3::Ptr<ns3::Packet> BuildPacket(const FiveTuple& tuple, const DataItem& item) {
  std::vector<uint8_t> octets;
  PutIp(&octets, tuple, item.bytes);
  Put16(&octets, tuple.source_port);
  Put16(&octets, tuple.destination_port);
  Put32(&octets, item.sequence);  // the packet's number in its flow, where TCP counts octets
  Put32(&octets, 0);
  octets.push_back(0x50);
  octets.push_back((item.flags & DataItem::kFirst ? tcp_flag::kSyn : tcp_flag::kAck) |
                   (item.flags & DataItem::kLast ? tcp_flag::kFin : 0));
  Put16(&octets, 0xffff);
  Put32(&octets, 0);
  const uint32_t head = std::min<uint32_t>(item.bytes, static_cast<uint32_t>(octets.size()));
  ns3::Ptr<ns3::Packet> packet = ns3::Create<ns3::Packet>(octets.data(), head);
  if (item.bytes > head) packet->AddAtEnd(ns3::Create<ns3::Packet>(item.bytes - head));
  return packet;
}

DeviceTap::DeviceTap(ns3::Ptr<LinkDevice> from, ns3::Ptr<LinkDevice> to, TupleOf tuple_of)
    : from_(from), to_(to), tuple_of_(std::move(tuple_of)) {}

void DeviceTap::OnAccepted(const DataItem& item) {
  LinkDevice& d = *ns3::PeekPointer(from_);
  if (d.mac_tx.IsEmpty() && d.sniffer.IsEmpty() && d.promisc_sniffer.IsEmpty()) [[likely]] {
    return;
  }
  const auto packet = BuildPacket(tuple_of_(item.flow), item);
  d.mac_tx(packet);
  d.sniffer(packet);
  d.promisc_sniffer(packet);
}

void DeviceTap::OnDropped(const DataItem& item) {
  if (from_->mac_tx_drop.IsEmpty()) return;
  from_->mac_tx_drop(BuildPacket(tuple_of_(item.flow), item));
}

void DeviceTap::OnArrived(const DataItem& item) {
  LinkDevice& d = *ns3::PeekPointer(to_);
  if (d.mac_rx.IsEmpty() && d.phy_rx_end.IsEmpty() && d.sniffer.IsEmpty() && d.promisc_sniffer.IsEmpty()) [[likely]] {
    return;
  }
  const auto packet = BuildPacket(tuple_of_(item.flow), item);
  d.phy_rx_end(packet);
  d.mac_rx(packet);
  d.sniffer(packet);
  d.promisc_sniffer(packet);
}

}  // namespace uhaul
