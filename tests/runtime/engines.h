// Runs the engines' executables on plans, for tests.
#pragma once

#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "experiments/plan.h"
#include "results/point_store.h"
#include "tests/places.h"

namespace uhaul::runtime {

class Place {
 public:
  Place() {
    std::string name = (std::filesystem::temp_directory_path() / "uhaul-runtime-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Place() { std::filesystem::remove_all(path_); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  std::string Plan(const std::vector<PointSpec>& points, const std::string& out) const {
    const std::string file = *this / (out + ".plan.json");
    REQUIRE(WritePlan(MakePlan(points, *this / out), file).ok());
    return file;
  }
  // The exit code; what it printed is in log().
  int Engine(const std::string& engine, const std::string& arguments) const {
    const std::string command = std::string(UHAUL_BIN_DIR "/") + engine + " " + arguments;
    const int status = std::system((command + " >" + path_ + "/log 2>&1 </dev/null").c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string Read(const std::string& name) const {
    std::ifstream in(*this / name, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  std::string log() const { return Read("log"); }
  // Name -> contents of the results, without provenance.
  std::map<std::string, std::string> Results(const std::string& directory) const {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(*this / directory)) {
      const std::string name = entry.path().filename().string();
      if (name.find(".prov.") == std::string::npos) files[name] = Read(directory + "/" + name);
    }
    return files;
  }

 private:
  std::string path_;
};

inline bool HasEngine(const std::string& engine) {
  return std::filesystem::exists(std::string(UHAUL_BIN_DIR "/") + engine);
}

}  // namespace uhaul::runtime
