// Which program this is. The build's id is a hash of every source that can change a result and of the compiler: it
// changes when they do, and is the same for the same sources in any directory. It is computed at build time
// (build_info.cmake), and so are the commit and whether the tree differed from it.
#pragma once

#include <string>

namespace uhaul {

struct BuildInfo {
  std::string id;        // 32 hex digits
  std::string commit;    // empty if the sources were no git checkout
  bool dirty = false;    // the tree differed from the commit
  std::string compiler;  // "GNU 12.2.0"
  std::string ns3;       // "3.37"
  std::string version;   // the project's
};

const BuildInfo& GetBuildInfo();

}  // namespace uhaul
