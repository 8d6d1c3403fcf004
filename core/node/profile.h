// Profiles: what the control plane costs. Each component is charged by a CostServer as fixed-per-batch + per-item
// + per-octet. A component's source is the paper, a measurement (`uhaul calibrate`) or, where no source gives it, a
// named assumption, to be swept (DECISIONS 8).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/units.h"

namespace uhaul {

struct Cost {
  Duration per_batch;
  Duration per_item;
  Duration per_kib;  // per 1,024 octets, pro rata
  Duration Of(uint64_t items, Bytes bytes) const {
    return per_batch + per_item * static_cast<int64_t>(items) +
           Duration::Nanos(per_kib.nanos() * static_cast<int64_t>(bytes.count()) / 1024);
  }
  bool operator==(const Cost&) const = default;
};

struct Profile {
  std::string name;
  Cost get{};                 // src: export of a flow's state; serialised
  Cost put{};                 // dst: import
  Cost del{};                 // src: delete
  Cost nf_event{};            // src: handing a packet to the controller; shares the CPU of get
  Cost detect{};              // src: EDM, per active flow
  Cost message{};             // controller: any message that carries no packet
  Cost event{};               // controller: a message with a packet
  Cost packet_out{};          // controller: releasing a held packet
  Cost rule{};                // switch: rule installation, per rule
  Duration control_delay{};   // one way, controller to NF or switch
  BitRate control_rate{};     // of a control link
  Bytes controller_buffer{};  // packets held at the controller
  Bytes nf_buffer{};          // packets held at an NF
  bool operator==(const Profile&) const = default;
};

// "emulab-2016", "emulab-2016-fig2", "ideal", "native".
Result<Profile> FindProfile(std::string_view name);
std::vector<std::string> ProfileNames();

}  // namespace uhaul
