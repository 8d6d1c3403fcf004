// Who is connected to whom, and in which order simultaneous actions happen: timers, control links, data links, the
// generator last.
//
//   generator --> switch <--> NF 1 --> sink          controller <--> switch, NF 1, NF 2
//      ^            |  \----> NF 2 --> sink
//      +------------------------------- sink: acknowledgements, closed loop only
//
// The way from an NF back to the switch carries relayed packets.
#pragma once

#include <cstddef>
#include <cstdint>

namespace uhaul::runtime {

inline constexpr uint8_t kNfCount = 2;
inline constexpr size_t kBurst = 32;

namespace rank {
inline constexpr uint16_t kStart = 0;  // t0
inline constexpr uint16_t kCap = 1;
inline constexpr uint16_t kWatch = 2;
inline constexpr uint16_t kControllerTimer = 10;
inline constexpr uint16_t kSwitchTimer = 11;
inline constexpr uint16_t kNfTimer = 12;  // + instance
inline constexpr uint16_t kControlToSwitch = 20;
inline constexpr uint16_t kControlToNf = 21;  // + instance
inline constexpr uint16_t kControlFromSwitch = 25;
inline constexpr uint16_t kControlFromNf = 26;  // + instance
inline constexpr uint16_t kSwitchToNf = 40;     // + instance
inline constexpr uint16_t kNfToSwitch = 44;     // + instance
inline constexpr uint16_t kToSwitch = 48;       // from the generator
inline constexpr uint16_t kNfToSink = 50;       // + instance
inline constexpr uint16_t kAcknowledgements = 54;
inline constexpr uint16_t kGenerator = 90;
}  // namespace rank

enum class Machine : uint8_t { kController = 0, kSwitch = 1, kNf1 = 2, kNf2 = 3 };
inline constexpr size_t kMachines = 4;
constexpr Machine NfMachine(uint8_t instance) { return instance == 0 ? Machine::kNf1 : Machine::kNf2; }

}  // namespace uhaul::runtime
