// IP addresses as text: IPv4 as four decimal octets, IPv6 as RFC 5952 writes it. No sockets library: the same text on
// every machine, and a reader that is strict and looks at a bounded number of characters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/flow/five_tuple.h"

namespace uhaul {

// `version` 4: "10.0.0.1"; otherwise "2001:db8::1" in lower case, the longest run of two or more zero groups shortened
// (the first of equals), IPv4-mapped addresses with a dotted tail.
std::string AddressToString(uint8_t version, const IpAddress& address);

// No leading zeros in decimals, no white space, no zone, no prefix length. IPv6 in any form of RFC 4291, 2.2.
std::optional<IpAddress> ParseIpv4(std::string_view text);
std::optional<IpAddress> ParseIpv6(std::string_view text);

// A decimal number in [0, max] without sign or leading zeros.
std::optional<uint32_t> ParseDecimal(std::string_view text, uint32_t max);

}  // namespace uhaul
