// A folder of its own in which the built `uhaul` is run as a person would; an engine that is a script, which copies
// points prepared by the test.
#pragma once

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "experiments/definition.h"
#include "results/point_store.h"
#include "tests/places.h"

namespace uhaul::test {

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

class Place {
 public:
  Place() {
    char name[] = "/tmp/uhaul-cli-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~Place() { std::filesystem::remove_all(path_); }
  std::string File(const std::string& name) const { return path_ + "/" + name; }
  std::string Read(const std::string& name) const {
    std::ifstream in(File(name));
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }
  void Write(const std::string& name, const std::string& text) const { std::ofstream(File(name)) << text; }

  // In this folder, without a terminal.
  Outcome Shell(const std::string& command) const {
    const int status = std::system(("cd " + path_ + " && (" + command + ") >out 2>err </dev/null").c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, Read("out"), Read("err")};
  }
  Outcome Uhaul(const std::string& arguments) const { return Shell(UHAUL_BIN_DIR "/uhaul " + arguments); }

  // An engine "engine" of build `build` that makes every point whose file stands in "prepared".
  void Engine(const std::string& build, const std::string& before = "") const {
    Write(
        "engine",
        "#!/bin/sh\nif [ \"$1\" = --build-id ]; then echo " + build +
            "; exit 0; fi\nplan=$2\n"
            "out=$(sed 's/.*\"out\":\"\\([^\"]*\\)\".*/\\1/' \"$plan\")\n" +
            before +
            "\ncode=0\n"
            "for id in $(grep -o '\"id\":\"[0-9a-f]*\"' \"$plan\" | cut -d'\"' -f4); do\n"
            "  if [ -e prepared/$id.json ]; then cp prepared/$id.json \"$out\"/ && echo '{\"done\": \"'$id'\"}' >&$6\n"
            "  else echo 'cannot make this one' > \"$out\"/$id.failed; code=1; fi\ndone\nexit $code\n");
    ::chmod(File("engine").c_str(), 0755);
  }
  // All points of a definition but the first few; `record` gives what a run of the point recorded.
  template <class RecordOf>
  std::vector<std::string> Prepare(const std::string& definition, const std::string& build, size_t leave_out,
                                   const RecordOf& record) const {
    std::filesystem::create_directories(File("prepared"));
    const Result<std::vector<PointSpec>> specs = Expand(LoadDefinition(File(definition)).value());
    REQUIRE(specs.ok());
    std::vector<std::string> ids;
    for (size_t i = 0; i < specs->size(); ++i) {
      const PointSpec& spec = (*specs)[i];
      ids.push_back(PointId(spec));
      if (i < leave_out) continue;
      const StoredPoint point = {ids.back(), "sim", build, CanonicalSpec(spec), record(spec)};
      Provenance provenance;
      provenance.id = point.id;
      provenance.engine = "sim";
      provenance.build = build;
      REQUIRE(WritePoint(File("prepared"), point, provenance).ok());
    }
    return ids;
  }
  std::vector<std::string> Prepare(const std::string& definition, const std::string& build,
                                   size_t leave_out = 0) const {
    return Prepare(definition, build, leave_out, [](const PointSpec&) { return RunRecord(); });
  }

 private:
  std::string path_;
};

}  // namespace uhaul::test
