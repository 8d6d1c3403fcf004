// Frames for tests: octets as hexadecimal text, and pieces to put together.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace uhaul::text {

// "0800 45" -> octets; blanks do not count.
inline std::vector<uint8_t> Octets(std::string_view hex) {
  std::vector<uint8_t> octets;
  int high = -1;
  for (const char c : hex) {
    int digit = -1;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    if (digit < 0) continue;
    if (high < 0) {
      high = digit;
    } else {
      octets.push_back(static_cast<uint8_t>(high * 16 + digit));
      high = -1;
    }
  }
  return octets;
}

inline constexpr const char* kMacs = "020000000002 020000000001 ";
// 10.0.0.1 > 10.1.0.2
inline constexpr const char* kAddresses4 = " 0a000001 0a010002 ";
// 2001:db8::1 > 2001:db8::2
inline constexpr const char* kAddresses6 = " 20010db8000000000000000000000001 20010db8000000000000000000000002 ";
// 1234 > 80, sequence 7, ACK
inline constexpr const char* kTcp = " 04d2 0050 00000007 00000000 50 10 ffff 0000 0000 ";
// 53 > 5353, 12 octets, payload 0000002a
inline constexpr const char* kUdp = " 0035 14e9 000c 0000 0000002a ";

}  // namespace uhaul::text
