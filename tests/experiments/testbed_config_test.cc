#include "experiments/testbed_config.h"
#include "tests/places.h"

#include <stdlib.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

namespace uhaul {
namespace {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "uhaul-testbed-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string Write(const std::string& text) const {
    std::ofstream(path_ + "/t.yaml") << text;
    return path_ + "/t.yaml";
  }

 private:
  std::string path_;
};

// The error without the folder.
std::string Fault(const Folder& folder, const std::string& text) {
  const std::string path = folder.Write(text);
  const Result<TestbedConfig> config = LoadTestbed(path);
  if (config.ok()) return "none";
  const std::string& message = config.error().message;
  return message.starts_with(path) ? message.substr(path.size()) : message;
}

TEST_CASE("LoadTestbed: a section with some roles is right; what it does not say has defaults") {
  const Folder folder;
  const auto config = LoadTestbed(folder.Write(
      "name: x\ntestbed:\n  controller: tcp:10.0.0.1:7\n  nf1: {switch: ring, sink: \"pci:0000:03:00.0\"}\n"));
  if (!config.ok()) FAIL(config.error().message);
  CHECK(config->controller == "tcp:10.0.0.1:7");
  CHECK(config->rate_scale == 1);
  CHECK(config->journal.empty());
  REQUIRE(config->roles.size() == 1);
  CHECK(config->roles.at("nf1").at("sink") == "pci:0000:03:00.0");
}

TEST_CASE("LoadTestbed: a journal makes runs survive the loss of a node") {
  const Folder folder;
  const auto config = LoadTestbed(folder.Write("testbed:\n  controller: unix:/tmp/c\n  journal: /var/lib/j\n"));
  if (!config.ok()) FAIL(config.error().message);
  CHECK(config->journal == "/var/lib/j");
}

TEST_CASE("LoadTestbed: every error names file, line and column, and what would be right") {
  const Folder folder;
  struct Case {
    const char* text;
    const char* fault;
  };
  const Case cases[] = {
      {"name: x\n", ": error: there is no section 'testbed'"},
      {"- x\n", ": error: there is no section 'testbed'"},
      {"a: [\n", ":2:1: error: end of sequence flow not found"},
      {"testbed: 3\n", ":1:10: error: 'testbed' needs roles and their ports, key: value"},
      {"testbed:\n  rate_scale: 1\n", ":2:3: error: 'controller' is missing: the address where it listens"},
      {"testbed:\n  controller: [a]\n", ":2:15: error: 'controller' needs a text"},
      {"testbed:\n  controller: a\n  controller: b\n", ":3:3: error: duplicate key 'controller'"},
      {"testbed:\n  controller: a\n  rate_scale: fast\n", ":3:15: error: 'rate_scale' needs a number, got 'fast'"},
      {"testbed:\n  controller: a\n  rate_scale: 2\n", ":3:15: error: 'rate_scale' is from 0.0001 to 1 (1: real time)"},
      {"testbed:\n  controller: a\n  rate_scale: .nan\n",
       ":3:15: error: 'rate_scale' is from 0.0001 to 1 (1: real time)"},
      {"testbed:\n  controller: a\n  swich: {}\n", ":3:3: error: unknown key 'swich'; did you mean 'switch'?"},
      {"testbed:\n  controller: a\n  [x]: {}\n", ":3:3: error: unknown key ''"},
      {"testbed:\n  controller: a\n  nf1: ring\n", ":3:8: error: 'nf1' needs its ports, name: port"},
      {"testbed:\n  controller: a\n  nf1: {switch: ring}\n", ":3:8: error: 'nf1' lacks its port 'sink'"},
      {"testbed:\n  controller: a\n  nf1: {switch: ring, nf2: ring}\n",
       ":3:23: error: 'nf1' has no port 'nf2' (it has switch, sink)"},
      {"testbed:\n  controller: a\n  nf1: {switch: ring, switch: ring}\n", ":3:23: error: duplicate key 'switch'"},
      {"testbed:\n  controller: a\n  nf1: {switch: ring, sink: }\n", ":3:29: error: 'sink' needs a text"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    CHECK_THAT(Fault(folder, c.text), Catch::StartsWith(c.fault));
  }
  const auto absent = LoadTestbed("/absent/t.yaml");
  REQUIRE_FALSE(absent.ok());
  CHECK(absent.error().message == "/absent/t.yaml: error: cannot read this file");
  CHECK_FALSE(HasTestbed("/absent/t.yaml"));
}

TEST_CASE("LoadTestbed: the testbeds that come with the project are whole") {
  for (const char* name : {"one-host-memif", "five-servers"}) {
    const std::string path = std::string(UHAUL_SOURCE_DIR "/experiments/testbed/") + name + ".yaml";
    CAPTURE(path);
    const auto config = LoadTestbed(path);
    if (!config.ok()) FAIL(config.error().message);
    for (const char* role : kTestbedRoles) CHECK(config->roles.contains(role));
    CHECK(HasTestbed(path));
  }
}

}  // namespace
}  // namespace uhaul
