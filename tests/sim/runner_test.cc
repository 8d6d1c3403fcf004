#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "experiments/plan.h"
#include "results/point_store.h"
#include "tests/places.h"
#include "tests/sim/small_points.h"

using namespace uhaul;  // NOLINT
namespace fs = std::filesystem;

namespace {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (fs::temp_directory_path() / "uhaul-sim-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryDirectory() { fs::remove_all(path_); }
  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

struct Ended {
  int code = -1;
  std::string out;  // what it wrote on the descriptor that was read
};

// Starts uhaul-sim; descriptor 3 is the progress pipe, whose read end comes back.
pid_t Start(std::vector<std::string> arguments, int* progress) {
  arguments.insert(arguments.begin(), std::string(UHAUL_BIN_DIR "/uhaul-sim"));
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  std::fflush(nullptr);
  const pid_t pid = fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    setpgid(0, 0);
    dup2(ends[1], 3);
    if (ends[0] != 3) close(ends[0]);
    if (ends[1] != 3) close(ends[1]);
    const int null = open("/dev/null", O_WRONLY);
    dup2(null, STDERR_FILENO);
    dup2(null, STDOUT_FILENO);
    std::vector<char*> argv;
    for (std::string& a : arguments) argv.push_back(a.data());
    argv.push_back(nullptr);
    execv(argv[0], argv.data());
    _exit(127);
  }
  close(ends[1]);
  *progress = ends[0];
  return pid;
}

Ended Finish(pid_t pid, int progress) {
  Ended ended;
  std::array<char, 4096> buffer{};
  ssize_t n = 0;
  while ((n = read(progress, buffer.data(), buffer.size())) > 0)
    ended.out.append(buffer.data(), static_cast<size_t>(n));
  close(progress);
  int status = 0;
  waitpid(pid, &status, 0);
  ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  return ended;
}

Ended RunSim(const std::vector<std::string>& arguments) {
  int progress = -1;
  const pid_t pid = Start(arguments, &progress);
  return Finish(pid, progress);
}

std::string ReadAll(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// Name -> contents of the results, without provenance.
std::map<std::string, std::string> Results(const fs::path& directory) {
  std::map<std::string, std::string> files;
  if (!fs::exists(directory)) return files;
  for (const auto& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (name.find(".prov.") == std::string::npos) files[name] = ReadAll(entry.path());
  }
  return files;
}

std::vector<PointSpec> SomePoints() {
  std::vector<PointSpec> points;
  for (const uint64_t trace : {1, 2}) {
    for (const char* scheme : {"opennf", "uhaul", "opennf-op-pl-er"}) {
      PointSpec spec = small::Point(scheme);
      spec.trace = trace;
      points.push_back(spec);
    }
  }
  return points;
}

std::string PlanFile(const TemporaryDirectory& directory, const std::vector<PointSpec>& points,
                     const std::string& out) {
  const std::string file = (directory / (out + ".plan.json")).string();
  REQUIRE(WritePlan(MakePlan(points, (directory / out).string()), file).ok());
  return file;
}

}  // namespace

TEST_CASE("uhaul-sim: a forked point equals a whole run to the byte, and so does a second run with other jobs") {
  const TemporaryDirectory directory;
  const std::vector<PointSpec> points = SomePoints();
  CHECK(RunSim({"--plan", PlanFile(directory, points, "forked"), "--jobs", "2"}).code == 0);
  CHECK(RunSim({"--plan", PlanFile(directory, points, "again"), "--jobs", "5"}).code == 0);
  CHECK(RunSim({"--plan", PlanFile(directory, points, "whole"), "--no-fork"}).code == 0);
  const auto forked = Results(directory / "forked");
  REQUIRE(forked.size() == points.size());
  CHECK(forked == Results(directory / "again"));
  CHECK(forked == Results(directory / "whole"));
  for (const PointSpec& spec : points) {
    const Result<StoredPoint> stored = ReadPoint((directory / "forked").string(), PointId(spec));
    REQUIRE(stored.ok());
    CHECK(stored->engine == "sim");
    CHECK(stored->spec == CanonicalSpec(spec));
    CHECK(stored->record.counters.packets_sent > 100'000);
    CHECK(fs::exists(directory / ("forked/" + PointId(spec) + ".prov.json")));
  }
}

TEST_CASE("uhaul-sim: progress names every point, and a point that cannot be made fails alone") {
  const TemporaryDirectory directory;
  PointSpec good = small::Point("uhaul");
  PointSpec bad = small::Point("uhaul");
  bad.migration_states = 1'000'000;  // the trace never gets there
  const std::string plan = PlanFile(directory, {good, bad}, "out");
  const Ended ended = RunSim({"--plan", plan, "--jobs", "2", "--progress-fd", "3"});
  CHECK(ended.code == 1);
  CHECK(ended.out.find("{\"done\":\"" + PointId(good) + "\"}\n") != std::string::npos);
  CHECK(ended.out.find("{\"failed\":\"" + PointId(bad) + "\",\"error\":") != std::string::npos);
  CHECK(fs::exists(directory / ("out/" + PointId(good) + ".json")));
  CHECK_FALSE(fs::exists(directory / ("out/" + PointId(bad) + ".json")));
  CHECK(ReadAll(directory / ("out/" + PointId(bad) + ".failed")).find("migration.states") != std::string::npos);
}

TEST_CASE("uhaul-sim: an interrupt keeps the finished points, leaves nothing half made, and ends with 130") {
  const TemporaryDirectory directory;
  std::vector<PointSpec> points;
  for (uint64_t trace = 1; trace <= 40; ++trace) {
    PointSpec spec = small::Point("uhaul");
    spec.trace = trace;
    points.push_back(spec);
  }
  const std::string plan = PlanFile(directory, points, "out");
  int progress = -1;
  const pid_t pid = Start({"--plan", plan, "--jobs", "2", "--progress-fd", "3"}, &progress);
  // The first report, then ^C for the whole process group, as a terminal sends it.
  std::string first;
  char c = 0;
  while (read(progress, &c, 1) == 1 && c != '\n') first += c;
  REQUIRE(first.find("done") != std::string::npos);
  kill(-pid, SIGINT);
  const Ended ended = Finish(pid, progress);
  CHECK(ended.code == 130);
  const auto files = Results(directory / "out");
  CHECK_FALSE(files.empty());
  CHECK(files.size() < points.size());
  for (const auto& [name, text] : files) {
    CAPTURE(name);
    REQUIRE(name.size() == 32 + 5);  // ID.json: no temporary file, no failure
    CHECK(ReadPoint((directory / "out").string(), name.substr(0, 32)).ok());
  }
}

TEST_CASE("uhaul-sim: exit codes tell usage from bad plans") {
  const TemporaryDirectory directory;
  CHECK(RunSim({}).code == 64);
  CHECK(RunSim({"--plan"}).code == 64);
  CHECK(RunSim({"--pla", "x"}).code == 64);
  CHECK(RunSim({"--plan", "x", "--jobs", "0"}).code == 64);
  CHECK(RunSim({"--plan", (directory / "absent.json").string()}).code == 65);
  std::ofstream(directory / "broken.json") << "{\"plan\": 1,";
  CHECK(RunSim({"--plan", (directory / "broken.json").string()}).code == 65);
  CHECK(RunSim({"--help"}).code == 0);
  CHECK(RunSim({"--version"}).code == 0);
  CHECK(RunSim({"--build-id"}).code == 0);
}
