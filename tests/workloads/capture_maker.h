// Makes frames and captures for tests, nothing downloaded: TCP connections with handshake, data both ways and an end,
// UDP, ICMP and ARP, over IPv4 (with options, in fragments) and IPv6 (with extension headers), with VLAN tags.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/random.h"
#include "core/flow/packet.h"
#include "workloads/capture_file.h"

namespace uhaul::test {

using FrameOctets = std::vector<uint8_t>;

inline void Put8(uint64_t v, FrameOctets* out) { out->push_back(static_cast<uint8_t>(v)); }
inline void Put16(uint64_t v, FrameOctets* out) {
  Put8(v >> 8, out);
  Put8(v, out);
}
inline void Put32(uint64_t v, FrameOctets* out) {
  Put16(v >> 16, out);
  Put16(v, out);
}
inline void PutAll(const FrameOctets& v, FrameOctets* out) { out->insert(out->end(), v.begin(), v.end()); }
inline FrameOctets Text(std::string_view text) { return {text.begin(), text.end()}; }

// What stands around the transport header.
struct Wrapping {
  std::vector<uint16_t> vlans{};     // outermost first; two are QinQ
  FrameOctets ipv4_options{};        // whole words
  std::vector<uint8_t> ipv6_next{};  // extension headers of 8 octets, by their numbers: 0, 43, 60
  uint16_t fragment = 0;             // IPv4: flags and offset; IPv6: the offset word of a fragment header, if not 0
  uint16_t identification = 1;
};

inline uint16_t Checksum(const FrameOctets& octets) {
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < octets.size(); i += 2) sum += static_cast<uint32_t>(octets[i] << 8 | octets[i + 1]);
  if (octets.size() % 2 == 1) sum += static_cast<uint32_t>(octets.back() << 8);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

inline FrameOctets Ipv4Packet(const FiveTuple& t, const FrameOctets& transport, const Wrapping& w) {
  FrameOctets ip;
  Put8(0x45 + w.ipv4_options.size() / 4, &ip);
  Put8(0, &ip);
  Put16(20 + w.ipv4_options.size() + transport.size(), &ip);
  Put16(w.identification, &ip);
  Put16(w.fragment, &ip);
  Put8(64, &ip);
  Put8(t.protocol, &ip);
  Put16(0, &ip);
  ip.insert(ip.end(), t.source.begin(), t.source.begin() + 4);
  ip.insert(ip.end(), t.destination.begin(), t.destination.begin() + 4);
  PutAll(w.ipv4_options, &ip);
  const uint16_t sum = Checksum(ip);
  ip[10] = static_cast<uint8_t>(sum >> 8);
  ip[11] = static_cast<uint8_t>(sum);
  PutAll(transport, &ip);
  return ip;
}

inline FrameOctets Ipv6Packet(const FiveTuple& t, const FrameOctets& transport, const Wrapping& w) {
  std::vector<uint8_t> chain = w.ipv6_next;
  if (w.fragment != 0) chain.push_back(44);
  FrameOctets ip;
  Put32(0x60000000, &ip);
  Put16(chain.size() * 8 + transport.size(), &ip);
  Put8(chain.empty() ? t.protocol : chain.front(), &ip);
  Put8(64, &ip);
  ip.insert(ip.end(), t.source.begin(), t.source.end());
  ip.insert(ip.end(), t.destination.begin(), t.destination.end());
  for (size_t i = 0; i < chain.size(); ++i) {
    Put8(i + 1 < chain.size() ? chain[i + 1] : t.protocol, &ip);
    Put8(0, &ip);
    if (chain[i] == 44) {
      Put16(w.fragment, &ip);
      Put32(w.identification, &ip);
    } else {
      Put16(chain[i] == 43 ? 0 : 0x0104, &ip);  // no segments left, or an option of padding
      Put32(0, &ip);
    }
  }
  PutAll(transport, &ip);
  return ip;
}

inline FrameOctets Frame(const FiveTuple& t, const FrameOctets& transport, const Wrapping& w = {}) {
  FrameOctets frame = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
  for (size_t i = 0; i < w.vlans.size(); ++i) {
    Put16(i + 1 < w.vlans.size() ? 0x88a8 : 0x8100, &frame);
    Put16(w.vlans[i], &frame);
  }
  Put16(t.version == 4 ? 0x0800 : 0x86dd, &frame);
  PutAll(t.version == 4 ? Ipv4Packet(t, transport, w) : Ipv6Packet(t, transport, w), &frame);
  return frame;
}

// The transport's checksum covers a pseudo-header too.
inline void SetChecksum(const FiveTuple& t, size_t at, FrameOctets* segment) {
  FrameOctets all;
  const auto length = t.version == 4 ? 4 : 16;
  all.insert(all.end(), t.source.begin(), t.source.begin() + length);
  all.insert(all.end(), t.destination.begin(), t.destination.begin() + length);
  Put16(t.protocol, &all);
  Put16(segment->size(), &all);
  PutAll(*segment, &all);
  const uint16_t sum = Checksum(all);
  (*segment)[at] = static_cast<uint8_t>(sum >> 8);
  (*segment)[at + 1] = static_cast<uint8_t>(sum);
}

inline FrameOctets TcpSegment(const FiveTuple& t, uint32_t sequence, uint32_t acknowledged, uint8_t flags,
                              const FrameOctets& payload = {}) {
  FrameOctets tcp;
  Put16(t.source_port, &tcp);
  Put16(t.destination_port, &tcp);
  Put32(sequence, &tcp);
  Put32(acknowledged, &tcp);
  const bool syn = (flags & tcp_flag::kSyn) != 0;
  Put8(syn ? 0x60 : 0x50, &tcp);
  Put8(flags, &tcp);
  Put16(0xffff, &tcp);
  Put32(0, &tcp);
  if (syn) Put32(0x020405b4, &tcp);  // largest segment 1460
  PutAll(payload, &tcp);
  SetChecksum(t, 16, &tcp);
  return tcp;
}

inline FrameOctets UdpDatagram(const FiveTuple& t, const FrameOctets& payload) {
  FrameOctets udp;
  Put16(t.source_port, &udp);
  Put16(t.destination_port, &udp);
  Put16(8 + payload.size(), &udp);
  Put16(0, &udp);
  PutAll(payload, &udp);
  SetChecksum(t, 6, &udp);
  return udp;
}

inline FrameOctets ArpRequest() {
  FrameOctets arp = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1};
  PutAll({2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2}, &arp);
  return arp;
}

struct MadePacket {
  int64_t time_ns = 0;
  FrameOctets octets;
  uint32_t wire_octets = 0;  // 0: all are here
};

class CaptureMaker {
 public:
  static constexpr int64_t kStart = 1'470'268'800'000'000'000;  // August 2016

  void Add(int64_t at, FrameOctets octets, uint32_t wire_octets = 0) {
    packets_.push_back({kStart + at, std::move(octets), wire_octets});
  }

  struct Connection {
    int64_t start = 0;
    int64_t gap = 50'000;
    FrameOctets request{};
    FrameOctets response{};
    bool reset = false;  // RST instead of FINs
    bool open = false;   // no end at all
    Wrapping wrapping{};
  };
  // Handshake, request, response (each in segments of 1,400 octets, acknowledged one by one), end.
  void Tcp(const FiveTuple& client, const Connection& c) {
    using namespace tcp_flag;
    const FiveTuple server = client.Reversed();
    uint32_t theirs = 9000;
    uint32_t ours = 1000;
    int64_t at = c.start;
    const auto say = [&](bool from_client, uint8_t flags, const FrameOctets& payload = {}) {
      const FiveTuple& t = from_client ? client : server;
      uint32_t& sequence = from_client ? ours : theirs;
      const uint32_t acknowledged = (flags & kAck) != 0 ? (from_client ? theirs : ours) : 0;
      Add(at, Frame(t, TcpSegment(t, sequence, acknowledged, flags, payload), c.wrapping));
      sequence += static_cast<uint32_t>(payload.size()) + ((flags & (kSyn | kFin)) != 0 ? 1 : 0);
      at += c.gap;
    };
    say(true, kSyn);
    say(false, kSyn | kAck);
    say(true, kAck);
    for (const bool from_client : {true, false}) {
      const FrameOctets& data = from_client ? c.request : c.response;
      for (size_t i = 0; i < data.size(); i += 1400) {
        const auto begin = data.begin() + static_cast<std::ptrdiff_t>(i);
        say(from_client, kPsh | kAck,
            {begin, begin + static_cast<std::ptrdiff_t>(std::min<size_t>(1400, data.size() - i))});
        say(!from_client, kAck);
      }
    }
    if (c.open) return;
    if (c.reset) return say(true, kRst | kAck);
    say(true, kFin | kAck);
    say(false, kFin | kAck);
    say(true, kAck);
  }

  void Udp(const FiveTuple& t, int64_t at, const FrameOctets& payload, const Wrapping& wrapping = {}) {
    Add(at, Frame(t, UdpDatagram(t, payload), wrapping));
  }

  // By time; those of one time in the order of their making.
  std::vector<MadePacket> Sorted() const {
    std::vector<MadePacket> sorted = packets_;
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const MadePacket& a, const MadePacket& b) { return a.time_ns < b.time_ns; });
    return sorted;
  }
  void Write(const std::string& path, CaptureWriterOptions options = {}) const {
    Result<CaptureWriter> writer = CaptureWriter::Create(path, options);
    REQUIRE(writer.ok());
    for (const MadePacket& p : Sorted()) {
      const auto here = static_cast<uint32_t>(p.octets.size());
      writer->Write(p.time_ns, p.octets, std::max(p.wire_octets, here));
    }
    REQUIRE(writer->Commit().ok());
  }
  size_t size() const { return packets_.size(); }

 private:
  std::vector<MadePacket> packets_;
};

inline FiveTuple Client(uint32_t n, uint16_t port = 80, uint8_t version = 4, uint8_t protocol = kProtocolTcp) {
  FiveTuple t;
  t.version = version;
  t.protocol = protocol;
  t.source_port = static_cast<uint16_t>(32768 + n % 28000);
  t.destination_port = port;
  const auto high = static_cast<uint8_t>(n >> 8);
  const auto low = static_cast<uint8_t>(n);
  if (version == 4) {
    t.source = FiveTuple::Ipv4(10, 0, high, static_cast<uint8_t>(low | 1));
    t.destination = FiveTuple::Ipv4(172, 16, 0, static_cast<uint8_t>(1 + n % 7));
  } else {
    t.source = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, high, static_cast<uint8_t>(low | 1)};
    t.destination = {0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, static_cast<uint8_t>(1 + n % 7)};
  }
  return t;
}

// `connections` TCP connections that overlap in time, every seventh over IPv6, some tagged, reset or left open.
// `plain`: without QinQ and IPv6 extension headers, which some tools do not look behind.
inline void AddConnections(uint32_t connections, uint64_t seed, CaptureMaker* maker, bool plain = false) {
  constexpr uint16_t kPorts[] = {80, 443, 22, 25, 8080};
  Random random(seed, 1);
  for (uint32_t n = 0; n < connections; ++n) {
    CaptureMaker::Connection c;
    c.start = static_cast<int64_t>(random.Below(200'000'000));
    c.gap = static_cast<int64_t>(10'000 + random.Below(2'000'000));
    c.request.resize(random.Below(3000), 'q');
    c.response.resize(random.Below(random.Below(8) == 0 ? 100'000 : 5000), 'r');
    c.reset = n % 5 == 1;
    c.open = n % 5 == 2;
    if (n % 4 == 1) c.wrapping.vlans = {100};
    if (n % 8 == 2 && !plain) c.wrapping.vlans = {200, 100};
    if (n % 6 == 3) c.wrapping.ipv4_options = {0x94, 4, 0, 0};
    if (n % 6 == 3 && !plain) c.wrapping.ipv6_next = {0, 60};
    maker->Tcp(Client(n, kPorts[n % 5], n % 7 == 0 ? 6 : 4), c);
  }
}

// One of everything else: what the parser knows and what it refuses.
inline void AddOddities(CaptureMaker* maker) {
  const FiveTuple udp4 = Client(5001, 53, 4, kProtocolUdp);
  const FiveTuple udp6 = Client(5002, 53, 6, kProtocolUdp);
  maker->Udp(udp4, 1'000'000, FrameOctets(40, 1));
  maker->Udp(udp4.Reversed(), 1'500'000, FrameOctets(400, 2));
  maker->Udp(udp6, 2'000'000, FrameOctets(41, 3), {.vlans = {7}, .ipv6_next = {0, 43, 60}});
  maker->Udp(udp6.Reversed(), 2'100'000, FrameOctets(401, 4));
  maker->Add(2'200'000, ArpRequest());
  const FiveTuple icmp = Client(5003, 0, 4, 1);
  maker->Add(2'300'000, Frame(icmp, {8, 0, 0xf7, 0xff, 0, 0, 0, 0}));
  maker->Add(2'400'000, Frame(icmp.Reversed(), {0, 0, 0xff, 0xff, 0, 0, 0, 0}));
  const FiveTuple big = Client(5004, 4000, 4, kProtocolUdp);
  const FrameOctets datagram = UdpDatagram(big, FrameOctets(2000, 5));
  const FrameOctets head(datagram.begin(), datagram.begin() + 1480);
  const FrameOctets tail(datagram.begin() + 1480, datagram.end());
  maker->Add(2'500'000, Frame(big, head, {.fragment = 0x2000, .identification = 77}));
  maker->Add(2'500'001, Frame(big, tail, {.fragment = 185, .identification = 77}));
  const FiveTuple big6 = Client(5005, 4000, 6, kProtocolUdp);
  maker->Add(2'600'000, Frame(big6, head, {.fragment = 1, .identification = 78}));
  maker->Add(2'600'001, Frame(big6, tail, {.fragment = 185 << 3, .identification = 78}));
  FrameOctets cut = Frame(Client(5006), TcpSegment(Client(5006), 1, 0, tcp_flag::kSyn));
  cut.resize(40);
  maker->Add(2'700'000, cut);  // the TCP header is not all there
  const FrameOctets longer = Frame(Client(5007), TcpSegment(Client(5007), 1, 0, tcp_flag::kAck, FrameOctets(900, 6)));
  maker->Add(2'800'000, FrameOctets(longer.begin(), longer.begin() + 96), static_cast<uint32_t>(longer.size()));
  maker->Udp(Client(5008, 53, 4, kProtocolUdp), 2'900'000, {1, 2, 3}, {.vlans = {1, 2, 3}});  // one tag too many
}

}  // namespace uhaul::test
