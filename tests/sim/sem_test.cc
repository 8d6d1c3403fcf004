// uhaul-ns3 as SEM, the Simulation Execution Manager for ns-3, drives a program. What SEM does is written down here as
// its runner has it (signetlabdei/sem, sem/runner.py and sem/manager.py): it reads the parameters and their defaults
// out of --PrintHelp and --PrintGlobals, gives every one of them back, as Python prints it, with an environment of
// nothing but library paths, and runs in an empty folder of its own that keeps stdout, stderr and all files.
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <vector>

#include "tests/places.h"
#include "tests/workloads/temporary_directory.h"

using Catch::Contains;
using uhaul::test::TemporaryDirectory;

namespace {

using Parameters = std::map<std::string, std::string>;

constexpr const char* kProgram =
    "env -i LD_LIBRARY_PATH=/none:/none/lib DYLD_LIBRARY_PATH=/none " UHAUL_BIN_DIR "/uhaul-ns3";

int CodeOf(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }

// Python's str() of what SEM takes a default for: True and False, a float, or the text.
std::string AsPython(const std::string& text) {
  if (text == "true" || text == "false") return text == "true" ? "True" : "False";
  if (std::regex_match(text, std::regex("[0-9]+"))) return text + ".0";
  return text;
}

// The first group of the last match that a greedy ".*" in front leaves over; nothing if there is none.
std::string LastGroup(const std::string& line, const char* pattern) {
  std::smatch match;
  return std::regex_match(line, match, std::regex(pattern)) ? match[1].str() : "";
}

Parameters AvailableParameters() {
  const TemporaryDirectory folder;
  REQUIRE(CodeOf(std::system((std::string(kProgram) + " --PrintHelp >" + folder.File("help")).c_str())) == 0);
  REQUIRE(CodeOf(std::system((std::string(kProgram) + " --PrintGlobals >" + folder.File("globals")).c_str())) == 0);
  const std::string help = folder.Read("help");
  const size_t from = help.rfind("Program Options:");
  const size_t to = help.rfind("General Arguments");
  REQUIRE(from != std::string::npos);
  REQUIRE(to > from);
  Parameters parameters;
  std::istringstream options(help.substr(from, to - from));
  for (std::string line; std::getline(options, line);) {
    const std::string key = LastGroup(line, ".*--(.*?)[?:|=].*");
    if (key.empty()) continue;
    const bool has_default = std::regex_match(line, std::regex(".*\\[(.*?)\\].*"));
    parameters[key] = has_default ? AsPython(LastGroup(line, ".*\\[(.*?)\\].*")) : "None";
  }
  const std::set<std::string> left_out = {"RngRun", "RngSeed", "SchedulerType", "SimulatorImplementationType",
                                          "ChecksumEnabled"};
  std::istringstream globals(folder.Read("globals"));
  for (std::string line; std::getline(globals, line);) {
    std::smatch match;
    if (!std::regex_match(line, match, std::regex(".*--(.*?)[?:|=].*\\[(.*?)\\].*"))) continue;
    if (left_out.count(match[1]) == 0) parameters[match[1]] = match[2];
  }
  return parameters;
}

// A run, to be started in `folder`.
std::string CommandOf(const Parameters& parameters, const std::string& folder) {
  std::string command = "mkdir -p '" + folder + "' && cd '" + folder + "' && " + kProgram;
  for (const auto& [key, value] : parameters) command += " '--" + key + "=" + value + "'";
  return "(" + command + " >stdout 2>stderr; echo $? >code)";
}

// All at once; by folder.
void RunAll(const TemporaryDirectory& place, const std::map<std::string, Parameters>& runs) {
  std::string script;
  for (const auto& [folder, parameters] : runs) script += CommandOf(parameters, place.File(folder)) + " &\n";
  REQUIRE(CodeOf(std::system((script + "wait\n").c_str())) == 0);
}

Parameters Short(Parameters parameters, int run) {
  parameters["workload.duration"] = "60ms";
  parameters["migration.after"] = "20ms";
  parameters["migration.within"] = "5ms";
  parameters["migration.phase"] = "random";
  parameters["fit.window"] = "10ms";
  parameters["edm.threshold"] = "100KB";
  parameters["RngRun"] = std::to_string(run);
  return parameters;
}

}  // namespace

TEST_CASE("SEM: finds every parameter with a default, and the defaults given back are the defaults") {
  const Parameters parameters = AvailableParameters();
  CHECK(parameters.size() > 70);
  CHECK(parameters.at("edm.threshold") == "3MB");
  CHECK(parameters.at("workload.senders") == "3.0");
  CHECK(parameters.at("csv") == "False");
  CHECK(parameters.at("UhaulGranularity") == "Train");
  for (const auto& [key, value] : parameters) {
    INFO(key);
    CHECK(value != "None");
    CHECK_FALSE(value.empty());
    CHECK(key.find(' ') == std::string::npos);
  }
  const TemporaryDirectory place;
  const Parameters nothing;
  RunAll(place, {{"all", Short(parameters, 3)}, {"none", Short(nothing, 3)}});
  CHECK(place.Read("all/code") == "0\n");
  CHECK(place.Read("all/stderr").empty());
  CHECK_THAT(place.Read("all/stdout"), Contains("downtime_ms "));
  CHECK(place.Read("all/stdout") == place.Read("none/stdout"));
}

TEST_CASE(
    "SEM: a named scheme is what its name says although its parts are given, and a part can be given as Python does") {
  const Parameters all = AvailableParameters();
  Parameters named = Short(all, 1);
  named["scheme.name"] = "opennf";
  Parameters alone = Short({}, 1);
  alone["scheme.name"] = "opennf";
  Parameters part = named;
  part["scheme.early_release"] = "False";
  Parameters row = Short({}, 1);
  row["scheme.name"] = "opennf-lf-pl";
  const TemporaryDirectory place;
  RunAll(place, {{"named", named}, {"alone", alone}, {"part", part}, {"row", row}});
  for (const char* run : {"named", "alone", "part", "row"}) CHECK(place.Read(std::string(run) + "/code") == "0\n");
  CHECK(place.Read("named/stdout") == place.Read("alone/stdout"));
  CHECK(place.Read("part/stdout") == place.Read("row/stdout"));
  CHECK(place.Read("part/stdout") != place.Read("named/stdout"));
}

TEST_CASE("SEM: runs beside each other are those that they are alone, and leave their files in their own folder") {
  const Parameters all = AvailableParameters();
  const TemporaryDirectory place;
  std::map<std::string, Parameters> runs;
  for (int run = 1; run <= 4; ++run) {
    runs["a" + std::to_string(run)] = Short(all, run);
    runs["a" + std::to_string(run)]["pcap"] = "run";
    runs["b" + std::to_string(run)] = Short(all, run);
    runs["b" + std::to_string(run)]["csv"] = "True";
  }
  RunAll(place, runs);
  RunAll(place, {{"again", runs["a2"]}});
  std::set<std::string> outputs;
  for (const auto& [folder, parameters] : runs) {
    INFO(folder);
    CHECK(place.Read(folder + "/code") == "0\n");
    outputs.insert(place.Read(folder + "/stdout"));
  }
  CHECK(outputs.size() == 8);
  CHECK(place.Read("again/stdout") == place.Read("a2/stdout"));
  size_t captures = 0;
  for (const auto& entry : std::filesystem::directory_iterator(place.File("a2"))) {
    if (entry.path().extension() != ".pcap") continue;
    ++captures;
    const std::string name = entry.path().filename();
    INFO(name);
    CHECK(place.Read("a2/" + name) == place.Read("again/" + name));
  }
  CHECK(captures >= 8);
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(place.File("b2"))) files += entry.is_regular_file();
  CHECK(files == 3);  // stdout, stderr and this test's code
}

TEST_CASE("SEM: a run that cannot be made ends with a code above zero and says why on stderr") {
  Parameters wrong = Short({}, 1);
  wrong["edm.threshold"] = "3";
  Parameters unknown = Short({}, 1);
  unknown["edm.treshold"] = "3MB";
  const TemporaryDirectory place;
  RunAll(place, {{"wrong", wrong}, {"unknown", unknown}});
  CHECK(place.Read("wrong/code") == "64\n");
  CHECK_THAT(place.Read("wrong/stderr"), Contains("edm.threshold"));
  CHECK(place.Read("wrong/stdout").empty());
  CHECK(place.Read("unknown/code") == "1\n");  // ns-3's own answer
  CHECK_THAT(place.Read("unknown/stderr"), Contains("edm.treshold"));
}
