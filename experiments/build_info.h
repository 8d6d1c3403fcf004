// Which program an engine is. The build's id is a hash of every source that can change a result and of the compiler: it
// changes when they do, and is the same for the same sources in any directory. It is computed at build time
// (build_info.cmake), and so are the commit and whether the tree differed from it. Each engine's room defines a
// function that returns its own.
#pragma once

#include <string>

namespace uhaul {

struct BuildInfo {
  std::string engine;           // "sim" or "runtime"
  std::string id;               // 32 hex digits
  std::string commit;           // empty if the sources were no git checkout
  bool dirty = false;           // the tree differed from the commit
  std::string compiler;         // "GNU 12.2.0"
  std::string library;          // what the engine stands on: "ns3" or "dpdk"
  std::string library_version;  // "3.37"
  std::string version;          // the project's
};

}  // namespace uhaul
