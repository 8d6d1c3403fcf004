// How a process joins a controller: it connects and says, as its first frame (admin),
//
//   {"hello": {"role": "nf", "instance": 0, "version": 1, "build": "..."}}
//
// and is told {"welcome": {"version": 1}} or {"refused": "why"}. Roles: nf (0 to n-1), switch, generator (one of each),
// driver (any number: northbound clients). An nf or the switch is then told the costs in force, {"profile": {key:
// canonical value, ...}}, and again before the first message of an operation that changes them.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "runtime/transport/address.h"
#include "runtime/transport/channel.h"

namespace uhaul::runtime {

inline constexpr int kTransportVersion = 1;

enum class PeerRole : uint8_t { kStranger, kNf, kSwitch, kGenerator, kDriver };

struct Hello {
  PeerRole role = PeerRole::kDriver;
  uint8_t instance = 0;  // of an nf
  std::string build;     // for people
};

// "nf 0", "switch", ...: how logs and reports call it.
std::string NameOf(PeerRole role, uint8_t instance);
nlohmann::json HelloJson(const Hello& hello);
Result<Hello> ReadHello(const nlohmann::json& hello);

// JSON from a peer: bounded in depth; an error where it is none.
Result<nlohmann::json> ParseAdmin(std::string_view text);
// The texts of an object by key; what is no text is left out, what is no object has none.
std::map<std::string, std::string> Texts(const nlohmann::json& object);

// Connects, again and again until `patience` is over, and says hello. What the controller sent behind its welcome waits
// in the channel: call Receive before polling.
Result<Channel> Join(const Address& address, const Hello& hello, Duration patience, ChannelOptions options = {});

}  // namespace uhaul::runtime
