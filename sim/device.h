// The network as a user of ns-3 knows it: nodes with devices on channels. They are the face of the data plane's links,
// which move the items between them: attributes set a link's rate, delay and queue, counters and trace sources show
// what it does, and Config paths reach all of it:
//
//   Config::Set("/NodeList/*/DeviceList/*/$uhaul::LinkDevice/QueueBytes", UintegerValue(1000000));
//   Config::Connect("/NodeList/2/DeviceList/0/$uhaul::LinkDevice/MacRx", MakeCallback(&Seen));
//
// An ns3::Packet (IP and TCP headers, zero payload) is built only where somebody is connected.
#pragma once

#include <functional>

#include "core/flow/five_tuple.h"
#include "ns3/address.h"
#include "ns3/channel.h"
#include "ns3/data-rate.h"
#include "ns3/net-device.h"
#include "ns3/node.h"
#include "ns3/nstime.h"
#include "ns3/packet.h"
#include "ns3/traced-callback.h"
#include "sim/link.h"

namespace uhaul {

class LinkChannel;

// One end of a full-duplex link; the direction that leaves here may be absent.
class LinkDevice final : public ns3::NetDevice {
 public:
  static ns3::TypeId GetTypeId();
  LinkDevice();

  // What leaves by this device. At most one of the two.
  void Bind(DataLink* link) { data_ = link; }
  void Bind(ControlLink* link) { control_ = link; }
  void Unbind();
  void SetChannel(ns3::Ptr<LinkChannel> channel);
  void ApplyDelay(ns3::Time delay);

  void SetDataRate(ns3::DataRate rate);
  ns3::DataRate GetDataRate() const { return rate_; }
  void SetQueueBytes(uint64_t bytes);
  uint64_t GetQueueBytes() const { return queue_bytes_; }
  uint64_t GetTxPackets() const;
  uint64_t GetTxBytes() const;
  uint64_t GetDrops() const;

  // ns3::NetDevice
  void SetIfIndex(const uint32_t index) override { index_ = index; }
  uint32_t GetIfIndex() const override { return index_; }
  ns3::Ptr<ns3::Channel> GetChannel() const override;
  void SetAddress(ns3::Address address) override { address_ = address; }
  ns3::Address GetAddress() const override { return address_; }
  bool SetMtu(const uint16_t mtu) override;
  uint16_t GetMtu() const override { return mtu_; }
  bool IsLinkUp() const override { return channel_ != nullptr; }
  void AddLinkChangeCallback(ns3::Callback<void> callback) override;
  bool IsBroadcast() const override { return false; }
  ns3::Address GetBroadcast() const override { return address_; }
  bool IsMulticast() const override { return false; }
  ns3::Address GetMulticast(ns3::Ipv4Address) const override { return address_; }
  ns3::Address GetMulticast(ns3::Ipv6Address) const override { return address_; }
  bool IsBridge() const override { return false; }
  bool IsPointToPoint() const override { return true; }
  // Packets enter the plane at the generator only: always refused.
  bool Send(ns3::Ptr<ns3::Packet>, const ns3::Address&, uint16_t) override { return false; }
  bool SendFrom(ns3::Ptr<ns3::Packet>, const ns3::Address&, const ns3::Address&, uint16_t) override { return false; }
  ns3::Ptr<ns3::Node> GetNode() const override { return node_; }
  void SetNode(ns3::Ptr<ns3::Node> node) override { node_ = node; }
  bool NeedsArp() const override { return false; }
  void SetReceiveCallback(ReceiveCallback callback) override { receive_ = callback; }
  void SetPromiscReceiveCallback(PromiscReceiveCallback) override {}
  bool SupportsSendFrom() const override { return false; }

  using PacketTrace = ns3::TracedCallback<ns3::Ptr<const ns3::Packet>>;
  PacketTrace mac_tx;       // accepted by the queue
  PacketTrace mac_tx_drop;  // found the queue full
  PacketTrace mac_rx;       // arrived
  PacketTrace phy_rx_end;   // arrived, the same instant
  PacketTrace sniffer;      // both directions, for pcap
  PacketTrace promisc_sniffer;
  bool observed() const {
    return !(mac_tx.IsEmpty() && mac_tx_drop.IsEmpty() && mac_rx.IsEmpty() && phy_rx_end.IsEmpty() &&
             sniffer.IsEmpty() && promisc_sniffer.IsEmpty());
  }

 protected:
  void DoDispose() override;

 private:
  DataLink* data_ = nullptr;
  ControlLink* control_ = nullptr;
  ns3::DataRate rate_;
  uint64_t queue_bytes_ = 0;
  ns3::Ptr<LinkChannel> channel_;
  ns3::Ptr<ns3::Node> node_;
  ns3::Address address_;
  uint32_t index_ = 0;
  uint16_t mtu_ = 1500;
  ReceiveCallback receive_;
};

// A full-duplex wire between two devices; the delay holds for both directions.
class LinkChannel final : public ns3::Channel {
 public:
  static ns3::TypeId GetTypeId();
  void Attach(ns3::Ptr<LinkDevice> a, ns3::Ptr<LinkDevice> b);
  void SetDelay(ns3::Time delay);
  ns3::Time GetDelay() const { return delay_; }
  std::size_t GetNDevices() const override { return ends_[0] == nullptr ? 0 : 2; }
  ns3::Ptr<ns3::NetDevice> GetDevice(std::size_t i) const override;

 protected:
  void DoDispose() override;

 private:
  ns3::Time delay_;
  ns3::Ptr<LinkDevice> ends_[2];
};

// An ns3::Packet of the item's size with IPv4 or IPv6 and TCP headers (zero payload), as far as the size has room.
ns3::Ptr<ns3::Packet> BuildPacket(const FiveTuple& tuple, const DataItem& item);

// Shows one direction of a link on the devices at its ends.
class DeviceTap final : public LinkTap {
 public:
  using TupleOf = std::function<FiveTuple(uint32_t flow)>;
  DeviceTap(ns3::Ptr<LinkDevice> from, ns3::Ptr<LinkDevice> to, TupleOf tuple_of);
  void OnAccepted(const DataItem& item) override;
  void OnDropped(const DataItem& item) override;
  void OnArrived(const DataItem& item) override;
  // Whether anybody listens.
  bool observed() const { return from_->observed() || to_->observed(); }

 private:
  ns3::Ptr<LinkDevice> from_;
  ns3::Ptr<LinkDevice> to_;
  TupleOf tuple_of_;
};

}  // namespace uhaul
