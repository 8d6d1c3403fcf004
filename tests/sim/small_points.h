// Points small enough for tests: 400 ms of traffic, the migration after 200 ms.
#pragma once

#include <string>

#include "core/node/profile.h"
#include "core/node/scheme.h"
#include "experiments/point_spec.h"

namespace uhaul::small {

inline PointSpec Point(const std::string& scheme, const std::string& workload = "facebook_cache") {
  PointSpec spec;
  spec.workload = workload;
  spec.load = 0.8;
  spec.trace = 3;
  spec.duration = Duration::Millis(400);
  spec.migration_after = Duration::Millis(200);
  spec.migration_within = Duration::Millis(50);
  spec.migration_lead = Duration::Millis(1);
  spec.threshold = Bytes(1'000'000);
  spec.scheme = FindScheme(scheme).value();
  spec.profile = FindProfile("emulab-2016").value();
  return spec;
}

}  // namespace uhaul::small
