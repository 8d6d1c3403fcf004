#include "core/flow/address_text.h"

#include <algorithm>
#include <array>

namespace uhaul {
namespace {

constexpr size_t kMaxIpv6Text = 45;  // eight groups, the last two dotted
constexpr int kGroups = 8;

using Groups = std::array<uint16_t, kGroups>;

std::string DottedQuad(const uint8_t* octets) {
  std::string text;
  for (int i = 0; i < 4; ++i) {
    if (i > 0) text += '.';
    text += std::to_string(octets[i]);
  }
  return text;
}

void AppendHex(uint16_t group, std::string* text) {
  bool started = false;
  for (int shift = 12; shift >= 0; shift -= 4) {
    const int digit = (group >> shift) & 0xf;
    if (digit == 0 && !started && shift > 0) continue;
    started = true;
    *text += "0123456789abcdef"[digit];
  }
}

std::optional<uint16_t> ParseGroup(std::string_view text) {
  if (text.empty() || text.size() > 4) return std::nullopt;
  uint32_t value = 0;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      value = value * 16 + static_cast<uint32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      value = value * 16 + static_cast<uint32_t>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      value = value * 16 + static_cast<uint32_t>(c - 'A' + 10);
    } else {
      return std::nullopt;
    }
  }
  return static_cast<uint16_t>(value);
}

// Reads "a:b:c" (or nothing) into `groups`; a dotted quad may stand last if `dotted`. Returns the number of groups, or
// -1 if the text is wrong.
int ParseGroups(std::string_view text, bool dotted, Groups* groups) {
  if (text.empty()) return 0;
  int count = 0;
  for (;;) {
    const size_t colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    if (colon == std::string_view::npos && dotted && part.find('.') != std::string_view::npos) {
      const auto quad = ParseIpv4(part);
      if (!quad || count + 2 > kGroups) return -1;
      for (size_t i = 0; i < 4; i += 2) {
        (*groups)[static_cast<size_t>(count++)] = static_cast<uint16_t>(((*quad)[i] << 8) | (*quad)[i + 1]);
      }
      return count;
    }
    const auto group = ParseGroup(part);
    if (!group || count == kGroups) return -1;
    (*groups)[static_cast<size_t>(count++)] = *group;
    if (colon == std::string_view::npos) return count;
    text.remove_prefix(colon + 1);
  }
}

std::string Ipv6ToString(const IpAddress& address) {
  const bool mapped = std::all_of(address.begin(), address.begin() + 10, [](uint8_t o) { return o == 0; }) &&
                      address[10] == 0xff && address[11] == 0xff;
  if (mapped) return "::ffff:" + DottedQuad(address.data() + 12);
  Groups groups;
  for (size_t i = 0; i < kGroups; ++i) {
    groups[i] = static_cast<uint16_t>((address[2 * i] << 8) | address[2 * i + 1]);
  }
  size_t best = kGroups;
  size_t best_length = 1;  // RFC 5952, 4.2.2: a single zero group is written out
  for (size_t i = 0; i < kGroups;) {
    size_t end = i;
    while (end < kGroups && groups[end] == 0) ++end;
    if (end - i > best_length) {
      best = i;
      best_length = end - i;
    }
    i = std::max(end, i + 1);
  }
  std::string text;
  for (size_t i = 0; i < kGroups; ++i) {
    if (i == best) {
      text += "::";
      i += best_length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    AppendHex(groups[i], &text);
  }
  return text;
}

}  // namespace

std::string AddressToString(uint8_t version, const IpAddress& address) {
  return version == 4 ? DottedQuad(address.data()) : Ipv6ToString(address);
}

std::optional<uint32_t> ParseDecimal(std::string_view text, uint32_t max) {
  if (text.empty() || text.size() > 10 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  if (value > max) return std::nullopt;
  return static_cast<uint32_t>(value);
}

std::optional<IpAddress> ParseIpv4(std::string_view text) {
  IpAddress address{};
  for (size_t i = 0; i < 4; ++i) {
    const size_t dot = text.find('.');
    if ((dot == std::string_view::npos) != (i == 3)) return std::nullopt;
    const auto octet = ParseDecimal(text.substr(0, dot), 255);
    if (!octet) return std::nullopt;
    address[i] = static_cast<uint8_t>(*octet);
    if (i < 3) text.remove_prefix(dot + 1);
  }
  return address;
}

std::optional<IpAddress> ParseIpv6(std::string_view text) {
  if (text.size() > kMaxIpv6Text) return std::nullopt;
  Groups groups{};
  const size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    if (ParseGroups(text, true, &groups) != kGroups) return std::nullopt;
  } else {
    Groups tail{};
    const int head_count = ParseGroups(text.substr(0, gap), false, &groups);
    const int tail_count = ParseGroups(text.substr(gap + 2), true, &tail);
    if (head_count < 0 || tail_count < 0 || head_count + tail_count >= kGroups) return std::nullopt;
    std::copy(tail.begin(), tail.begin() + tail_count, groups.end() - tail_count);
  }
  IpAddress address{};
  for (size_t i = 0; i < kGroups; ++i) {
    address[2 * i] = static_cast<uint8_t>(groups[i] >> 8);
    address[2 * i + 1] = static_cast<uint8_t>(groups[i]);
  }
  return address;
}

}  // namespace uhaul
