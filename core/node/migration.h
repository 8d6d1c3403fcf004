// Migration: one operation at the controller, OpenNF's move in all its modes, for every scheme whose state goes by the
// controller. The theory of operation stands in migration.cc, beside the handlers.
#pragma once

#include <string>
#include <vector>

#include "core/flow/flow_map.h"
#include "core/node/outbox.h"
#include "core/node/profile.h"
#include "core/node/scheme.h"

namespace uhaul {

struct MoveRequest {
  uint8_t src = 0;
  uint8_t dst = 1;
  SchemeOptions scheme;
  FlowFilter filter;
  uint32_t limit = 0;  // at most this many flows, in five-tuple order (not for elephants); 0: no limit
};

class Migration;  // state in migration.cc's companion; see controller

}  // namespace uhaul
