// The `testbed:` section of a definition (or of a file of its own): which role of a testbed of several processes or
// hosts has which ports, and where the controller listens. `uhaul node` and `uhaul run --engine runtime` read it.
//
//   testbed:
//     controller: tcp:10.0.0.1:4711        # or unix:/run/uhaul.sock
//     rate_scale: 0.05                     # time runs so much slower (1: real time)
//     journal: /var/lib/uhaul/journal      # of the controller: a run survives the loss of a node (runtime/README.md)
//     generator: {switch: PORT, nf1: PORT, nf2: PORT}
//     switch:    {generator: PORT, nf1: PORT, nf2: PORT}
//     nf1:       {switch: PORT, sink: PORT}
//     nf2:       {switch: PORT, sink: PORT}
//
// The generator is the sink, too: its clock alone dates what was sent and what arrived. A PORT is what
// runtime/port_spec.h describes. Each role needs its own ports only to be right on its own host.
#pragma once

#include <map>
#include <string>

#include "core/base/result.h"

namespace uhaul {

struct TestbedConfig {
  std::string controller;
  double rate_scale = 1;
  std::string journal{};  // a file; none: a run ends for all when a node leaves
  std::map<std::string, std::map<std::string, std::string>> roles;  // role -> port's name -> port
};

inline constexpr const char* kTestbedRoles[] = {"generator", "switch", "nf1", "nf2"};

// Errors read "file:line:column: error: ...".
Result<TestbedConfig> LoadTestbed(const std::string& path);
// Whether the file, a definition, has such a section.
bool HasTestbed(const std::string& path);

}  // namespace uhaul
