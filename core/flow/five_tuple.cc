#include "core/flow/five_tuple.h"

#include <algorithm>
#include <optional>

#include "core/flow/address_text.h"

namespace uhaul {
namespace {

constexpr size_t kMaxText = 128;  // longer than any five-tuple; keeps error messages short too

struct Endpoint {
  uint8_t version = 4;
  IpAddress address{};
  uint16_t port = 0;
};

std::string EndpointToString(uint8_t version, const IpAddress& address, uint16_t port) {
  const std::string text = AddressToString(version, address);
  return (version == 6 ? "[" + text + "]" : text) + ":" + std::to_string(port);
}

std::optional<Endpoint> ParseEndpoint(std::string_view text) {
  Endpoint endpoint;
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = ParseDecimal(text.substr(colon + 1), 65535);
  if (!port) return std::nullopt;
  endpoint.port = static_cast<uint16_t>(*port);
  const std::string_view host = text.substr(0, colon);
  std::optional<IpAddress> address;
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    endpoint.version = 6;
    address = ParseIpv6(host.substr(1, host.size() - 2));
  } else {
    address = ParseIpv4(host);
  }
  if (!address) return std::nullopt;
  endpoint.address = *address;
  return endpoint;
}

// "tcp", "udp", or the decimal number of any other protocol: every protocol has one name.
std::optional<uint8_t> ParseProtocol(std::string_view text) {
  if (text == "tcp") return kProtocolTcp;
  if (text == "udp") return kProtocolUdp;
  const auto number = ParseDecimal(text, 255);
  if (!number || *number == kProtocolTcp || *number == kProtocolUdp) return std::nullopt;
  return static_cast<uint8_t>(*number);
}

std::string ProtocolToString(uint8_t protocol) {
  if (protocol == kProtocolTcp) return "tcp";
  if (protocol == kProtocolUdp) return "udp";
  return std::to_string(protocol);
}

std::string Shown(std::string_view text) { return "'" + std::string(text.substr(0, kMaxText)) + "'"; }

// Whether the first `bits` bits agree. `bits` is at most 128.
bool SamePrefix(const IpAddress& a, const IpAddress& b, unsigned bits) {
  const unsigned octets = bits / 8;
  if (!std::equal(a.begin(), a.begin() + octets, b.begin())) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || ((a[octets] ^ b[octets]) >> (8 - rest)) == 0;
}

IpAddress PrefixOf(const IpAddress& address, unsigned bits) {
  IpAddress prefix{};
  std::copy(address.begin(), address.begin() + bits / 8, prefix.begin());
  if (bits % 8 != 0) prefix[bits / 8] = static_cast<uint8_t>(address[bits / 8] & (0xff << (8 - bits % 8)));
  return prefix;
}

}  // namespace

IpAddress FiveTuple::Ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) { return IpAddress{a, b, c, d}; }

FiveTuple FiveTuple::Reversed() const {
  return {version, protocol, destination, destination_port, source, source_port};
}

std::string FiveTuple::ToString() const {
  return ProtocolToString(protocol) + ":" + EndpointToString(version, source, source_port) + ">" +
         EndpointToString(version, destination, destination_port);
}

Result<FiveTuple> FiveTuple::Parse(std::string_view text) {
  const auto wrong = [&](const char* what) {
    return Error{"not a five-tuple: " + Shown(text) + ": " + what + "; expected tcp:10.0.0.1:1234>10.1.0.2:80"};
  };
  if (text.size() > kMaxText) return wrong("too long");
  const size_t colon = text.find(':');
  const size_t arrow = text.find('>');
  if (colon == std::string_view::npos || arrow == std::string_view::npos || arrow < colon) return wrong("wrong shape");
  const auto protocol = ParseProtocol(text.substr(0, colon));
  if (!protocol) return wrong("protocol must be tcp, udp or another one's number");
  const auto source = ParseEndpoint(text.substr(colon + 1, arrow - colon - 1));
  if (!source) return wrong("bad source");
  const auto destination = ParseEndpoint(text.substr(arrow + 1));
  if (!destination) return wrong("bad destination");
  if (source->version != destination->version) return wrong("IPv4 and IPv6 mixed");
  return FiveTuple{source->version, *protocol, source->address, source->port, destination->address, destination->port};
}

FlowHasher::FlowHasher(HashKey key) {
  uint8_t drawn = 0;
  const auto draw = [&] { return SipHash24(key, std::array{drawn++}); };
  for (uint64_t& word : nh_) word = draw();
  for (Wide& wide : multilinear_) wide = Wide{draw()} << 64 | draw();
}

bool FlowFilter::Matches(const FiveTuple& tuple) const {
  if (version == 0) return true;
  const unsigned width = version == 4 ? 32 : 128;
  return tuple.version == version && SamePrefix(source, tuple.source, std::min<unsigned>(source_prefix, width));
}

std::string FlowFilter::ToString() const {
  if (version == 0) return "any";
  return AddressToString(version, source) + "/" + std::to_string(source_prefix);
}

Result<FlowFilter> FlowFilter::Parse(std::string_view text) {
  const auto wrong = [&](const std::string& what) {
    return Error{"not a filter: " + Shown(text) + ": " + what + "; expected any, 10.0.0.0/9 or 2001:db8::/32"};
  };
  if (text == "any") return FlowFilter{};
  if (text.size() > kMaxText) return wrong("too long");
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return wrong("no prefix length");
  const std::string_view host = text.substr(0, slash);
  FlowFilter filter;
  filter.version = host.find(':') == std::string_view::npos ? 4 : 6;
  const auto address = filter.version == 4 ? ParseIpv4(host) : ParseIpv6(host);
  if (!address) return wrong("bad address");
  const auto prefix = ParseDecimal(text.substr(slash + 1), filter.version == 4 ? 32 : 128);
  if (!prefix) return wrong("bad prefix length");
  filter.source_prefix = static_cast<uint8_t>(*prefix);
  filter.source = PrefixOf(*address, *prefix);
  if (filter.source != *address) return wrong("bits set beyond the prefix; meant " + filter.ToString() + "?");
  return filter;
}

}  // namespace uhaul
