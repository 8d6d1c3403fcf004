// Which room may include which. The compiler cannot tell: system include paths make `#include "ns3/..."` compile
// anywhere.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "tests/places.h"

namespace fs = std::filesystem;

namespace {

const fs::path kRoot = UHAUL_SOURCE_DIR;

// Room -> rooms whose headers it may include. Its own are always allowed.
const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"core/base", {}},
    {"core/flow", {"core/base"}},
    {"core/protocol", {"core/base", "core/flow"}},
    {"core/record", {"core/base", "core/flow"}},
    {"core/node", {"core/base", "core/flow", "core/protocol", "core/record"}},
    {"core/nf", {"core/base", "core/flow", "core/node"}},
    {"workloads", {"core/base", "core/flow"}},
    {"results", {"core/base", "core/flow", "core/record"}},
    {"experiments",
     {"core/base", "core/flow", "core/protocol", "core/record", "core/node", "core/nf", "workloads", "results"}},
    {"sim",
     {"core/base", "core/flow", "core/protocol", "core/record", "core/node", "core/nf", "workloads", "results",
      "experiments"}},
    {"runtime/transport",
     {"core/base", "core/flow", "core/protocol", "core/record", "core/node", "results", "experiments"}},
    {"runtime",
     {"core/base", "core/flow", "core/protocol", "core/record", "core/node", "core/nf", "workloads", "results",
      "experiments", "runtime/transport"}},
};

// Libraries that only some rooms may touch, by the beginning of the include.
const std::map<std::string, std::set<std::string>> kLibraries = {
    {"ns3/", {"sim"}},
    {"rte_", {"runtime"}},
    {"boost/", {"experiments", "sim", "runtime", "runtime/transport"}},
    {"yaml-cpp/", {"experiments"}},
    {"pcap/", {"workloads"}},
    {"sqlite3.h", {"results"}},
    {"nlohmann/", {"experiments", "results", "sim", "runtime", "runtime/transport"}},
    {"fmt/", {"workloads", "results", "experiments", "sim", "runtime", "runtime/transport"}},
    {"sys/socket.h", {"runtime", "runtime/transport"}},
    {"thread", {"experiments", "runtime", "runtime/transport"}},
    {"random", {}},
    {"iostream", {"experiments", "sim", "runtime", "runtime/transport"}},
};

std::string RoomOf(const std::string& path) {
  std::string best;
  for (const auto& [room, allowed] : kMayInclude) {
    if (path.compare(0, room.size() + 1, room + "/") == 0 && room.size() > best.size()) best = room;
  }
  return best;
}

struct Include {
  std::string file, room, target;
  int line = 0;
};

std::vector<Include> AllIncludes() {
  std::vector<Include> includes;
  const std::regex pattern("^\\s*#\\s*include\\s*[<\"]([^>\"]+)[>\"]");
  for (const char* top : {"core", "workloads", "results", "experiments", "sim", "runtime"}) {
    if (!fs::exists(kRoot / top)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / top)) {
      const std::string extension = entry.path().extension();
      if (extension != ".h" && extension != ".cc") continue;
      const std::string file = fs::relative(entry.path(), kRoot).generic_string();
      std::ifstream in(entry.path());
      std::string text;
      for (int line = 1; std::getline(in, text); ++line) {
        std::smatch match;
        if (std::regex_search(text, match, pattern)) includes.push_back({file, RoomOf(file), match[1], line});
      }
    }
  }
  return includes;
}

}  // namespace

TEST_CASE("Layering: every source file lies in a room of the table") {
  const auto includes = AllIncludes();
  REQUIRE(includes.size() > 100);
  for (const Include& i : includes) {
    INFO(i.file);
    CHECK(!i.room.empty());
  }
}

TEST_CASE("Layering: a room includes only rooms below it") {
  for (const Include& i : AllIncludes()) {
    const std::string target = RoomOf(i.target);
    INFO(i.file << ":" << i.line << " includes " << i.target);
    CHECK(i.target.compare(0, 6, "tests/") != 0);
    CHECK(i.target.find("../") == std::string::npos);
    if (target.empty() || target == i.room || i.room.empty()) continue;
    CHECK(kMayInclude.at(i.room).count(target) == 1);
  }
}

TEST_CASE("Layering: engines and libraries stay in their rooms") {
  for (const Include& i : AllIncludes()) {
    for (const auto& [prefix, rooms] : kLibraries) {
      if (i.target.compare(0, prefix.size(), prefix) != 0) continue;
      if (i.target.size() > prefix.size() && prefix.back() != '/' && prefix.back() != '_') continue;
      INFO(i.file << ":" << i.line << " includes " << i.target);
      CHECK(rooms.count(i.room) == 1);
    }
  }
}

TEST_CASE("Layering: core has no clock, no environment and no randomness of its own") {
  const std::regex banned("steady_clock|system_clock|high_resolution_clock|std::rand\\b|getenv|random_device|usleep");
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / "core")) {
    const std::string extension = entry.path().extension();
    if (extension != ".h" && extension != ".cc") continue;
    std::ifstream in(entry.path());
    std::string text;
    for (int line = 1; std::getline(in, text); ++line) {
      INFO(entry.path() << ":" << line << ": " << text);
      CHECK_FALSE(std::regex_search(text, banned));
    }
  }
}

TEST_CASE("Layout: the top level holds the rooms, what tools demand, and the two set-up commands") {
  const std::set<std::string> allowed = {
      "CMakeLists.txt", "sim",         "runtime",    "core",    "workloads",    "experiments",
      "results",        "tests",       "README.md",  "LICENSE", "CITATION.cff", "CMakePresets.json",
      ".clang-format",  ".clang-tidy", ".gitignore", ".ci",     "reproduce",    "test"};
  // What git tracks: a user's own files beside it are the user's affair. Outside a checkout there is nothing to check.
  const std::string command = "git -C '" + kRoot.string() + "' ls-files 2>/dev/null";
  FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  char line[4096];
  size_t files = 0;
  while (std::fgets(line, sizeof line, pipe) != nullptr) {
    const std::string path(line);
    const std::string top = path.substr(0, path.find_first_of("/\n"));
    INFO(path);
    CHECK(allowed.count(top) == 1);
    ++files;
  }
  ::pclose(pipe);
  if (files == 0) WARN("not a git checkout: the layout was not checked");
}
