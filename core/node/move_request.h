// What the northbound asks for, and lists of flows in messages of bounded size.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/flow/five_tuple.h"
#include "core/node/scheme.h"
#include "core/protocol/message.h"

namespace uhaul {

struct MoveRequest {
  uint8_t src = 0;
  uint8_t dst = 1;
  SchemeOptions scheme;
  FlowFilter filter;
  uint32_t limit = 0;  // at most this many flows, in five-tuple order (not for elephants); 0: no limit
};

// Calls `send(batch, more)` for the flows in messages of bounded size; once with an empty batch if there are none.
template <class Flow, class Send>
void InBatches(const std::vector<Flow>& flows, Send send) {
  size_t i = 0;
  do {
    const size_t n = std::min(kMaxFlowsPerMessage, flows.size() - i);
    const auto begin = flows.begin() + static_cast<std::ptrdiff_t>(i);
    i += n;
    send(std::vector<Flow>(begin, begin + static_cast<std::ptrdiff_t>(n)), i < flows.size());
  } while (i < flows.size());
}

}  // namespace uhaul
