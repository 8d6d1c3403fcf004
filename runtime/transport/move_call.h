// The northbound call `move` as JSON, and costs as JSON. Values are a point's (experiments/schema.h), by key and in
// canonical form; keys that are not given keep their defaults, and the profile that is in force:
//
//   {"call": "move", "id": 7, "src": 0, "dst": 1, "rho": 0.87,
//    "spec": {"scheme.name": "uhaul", "edm.threshold": "3000000", "move.filter": "any", "profile.get": "0", ...}}
//
// A scheme that moves elephants by their share of traffic needs the share: `rho`, unless edm.rho is a number.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "core/node/migration.h"

namespace uhaul::runtime {

struct MoveCall {
  MoveRequest request;
  std::optional<DetectorSpec> detector;  // moveElephant
  Profile profile;
};

Result<MoveCall> ReadMoveCall(const nlohmann::json& call, const Profile& in_force);

nlohmann::json ProfileJson(const Profile& profile);
// What is not given keeps its value in `base`.
Result<Profile> ReadProfile(const nlohmann::json& values, const Profile& base);

}  // namespace uhaul::runtime
