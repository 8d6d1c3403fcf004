// What a scheme promises to the packets of the flows that it moves, when that holds, and what becomes of it otherwise.
// Each breach names a scenario of the fault world (tests/faults), whose search shows a shortest way to it; that none is
// missing here, and that each shows what it is named for, is a test there.
#pragma once

#include <string>
#include <vector>

#include "core/node/scheme.h"

namespace uhaul {

struct Breach {
  std::string when;
  std::string then;
  std::string scenario;
};

struct SchemePromise {
  std::string promise;
  std::vector<std::string> holds_while;
  std::vector<Breach> breaches;
};

SchemePromise PromiseOf(const SchemeOptions& scheme);

}  // namespace uhaul
