#include "experiments/plan_file.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "experiments/schema.h"
#include "tests/experiments/whole_plan.h"

using namespace uhaul;

namespace {

class Directory {
 public:
  Directory() {
    char name[] = "/tmp/uhaul-plan-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

PointSpec Spec(uint64_t trace, uint64_t megabytes) {
  PointSpec spec = DefaultSpec();
  spec.trace = trace;
  spec.threshold = Bytes(megabytes * 1'000'000);
  return spec;
}

std::string Read(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

void Write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

}  // namespace

TEST_CASE("Plan: points that share a trace share a group, in the order given; duplicates stand once") {
  const Plan plan = MakePlan({Spec(2, 3), Spec(1, 3), Spec(2, 4), Spec(2, 3), Spec(1, 4)}, "out");
  REQUIRE(plan.groups.size() == 2);
  REQUIRE(plan.groups[0].size() == 2);
  REQUIRE(plan.groups[1].size() == 2);
  CHECK(plan.groups[0][0].spec.trace == 2);
  CHECK(plan.groups[0][1].id == PointId(Spec(2, 4)));
  CHECK(plan.groups[1][0].id == PointId(Spec(1, 3)));
}

TEST_CASE("Plan: what is written is read back, and written again it is the same to the byte") {
  const Directory directory;
  const Plan plan = MakePlan({Spec(1, 3), Spec(1, 4), Spec(2, 3)}, "some/where");
  REQUIRE(WritePlan(plan, directory.File("a")).ok());
  const Result<Plan> back = ReadPlan(directory.File("a"));
  if (!back.ok()) FAIL(back.error().message);
  CHECK(back->out == "some/where");
  REQUIRE(back->groups.size() == 2);
  CHECK(back->groups[0][1].id == plan.groups[0][1].id);
  CHECK(CanonicalSpec(back->groups[0][1].spec) == CanonicalSpec(plan.groups[0][1].spec));
  REQUIRE(WritePlan(*back, directory.File("b")).ok());
  CHECK(Read(directory.File("a")) == Read(directory.File("b")));
}

TEST_CASE("PlanFile: group by group it gives what the plan has; a file that changes underneath is noticed") {
  const Directory directory;
  const std::string path = directory.File("plan");
  const Plan plan = MakePlan({Spec(1, 3), Spec(1, 4), Spec(2, 3), Spec(3, 3)}, "somewhere");
  REQUIRE(WritePlan(plan, path).ok());
  const auto file = PlanFile::Open(path);
  if (!file.ok()) FAIL(file.error().message);
  CHECK((*file)->out() == "somewhere");
  REQUIRE((*file)->groups() == plan.groups.size());
  for (const size_t i : {size_t{2}, size_t{0}, size_t{1}}) {
    const auto group = (*file)->Group(i);
    REQUIRE(group.ok());
    REQUIRE((*file)->points(i) == plan.groups[i].size());
    REQUIRE(group->size() == plan.groups[i].size());
    for (size_t k = 0; k < group->size(); ++k) {
      CHECK((*group)[k].id == plan.groups[i][k].id);
      CHECK(CanonicalSpec((*group)[k].spec) == CanonicalSpec(plan.groups[i][k].spec));
    }
  }
  // In place: what is renamed over it is another file, which does not matter.
  const std::string text = Read(path);
  Write(path, std::string(text.size() / 2, ' '));
  for (size_t i = 0; i < (*file)->groups(); ++i) {
    const auto group = (*file)->Group(i);
    REQUIRE_FALSE(group.ok());
    CHECK(group.error().message.find(path) == 0);
  }
}

TEST_CASE("Plan: what follows a plan, a key that stands twice in a spec and a deep nest are refused") {
  const Directory directory;
  const std::string path = directory.File("plan");
  REQUIRE(WritePlan(MakePlan({Spec(1, 3)}, "o"), path).ok());
  const std::string good = Read(path);
  const auto refused = [&](const std::string& text) {
    Write(path, text);
    return !ReadPlan(path).ok();
  };
  CHECK(refused(good + "{}"));
  CHECK(refused(good + "x"));
  const size_t at = good.find("\"spec\":{") + 8;
  const std::string first = good.substr(at, good.find(',', at) - at);
  CHECK(refused(good.substr(0, at) + first + "," + good.substr(at)));
  CHECK(refused("{\"plan\":1,\"out\":\"o\",\"groups\":[" + std::string(100'000, '[') + "]}"));
  CHECK_FALSE(refused(good));
}

TEST_CASE("Plan: a missing file, a folder, broken JSON and other shapes are errors that name the file") {
  const Directory directory;
  CHECK_FALSE(ReadPlan(directory.File("none")).ok());
  CHECK_FALSE(ReadPlan(directory.File("")).ok());
  const std::string path = directory.File("plan");
  for (const char* text :
       {"", "{", "[]", "{}", "null", "{\"plan\":2,\"out\":\"o\",\"groups\":[]}",
        "{\"plan\":1,\"out\":\"\",\"groups\":[]}", "{\"plan\":1,\"out\":\"o\",\"groups\":[[]]}",
        "{\"plan\":1,\"out\":\"o\",\"groups\":{}}", "{\"plan\":1,\"plan\":1,\"out\":\"o\",\"groups\":[]}",
        "{\"plan\":1,\"out\":\"o\",\"groups\":[],\"more\":1}",
        "{\"plan\":1,\"out\":\"o\",\"groups\":[[{\"id\":\"x\",\"spec\":{}}]]}",
        "{\"plan\":1,\"out\":\"o\",\"groups\":[[7]]}"}) {
    CAPTURE(text);
    Write(path, text);
    const Result<Plan> plan = ReadPlan(path);
    REQUIRE_FALSE(plan.ok());
    CHECK(plan.error().message.find(path) == 0);
  }
}

TEST_CASE("Plan: every change of a value, an identity or a group is noticed") {
  const Directory directory;
  const std::string path = directory.File("plan");
  REQUIRE(WritePlan(MakePlan({Spec(1, 3), Spec(1, 4), Spec(2, 3)}, "o"), path).ok());
  const nlohmann::json good = nlohmann::json::parse(Read(path));
  const auto refused = [&](const nlohmann::json& changed) {
    Write(path, changed.dump());
    CHECK_FALSE(ReadPlan(path).ok());
  };
  for (const auto& [key, value] : good["groups"][0][0]["spec"].items()) {
    CAPTURE(key);
    nlohmann::json changed = good;
    changed["groups"][0][0]["spec"].erase(key);
    refused(changed);
    changed = good;
    changed["groups"][0][0]["spec"][key] = value.get<std::string>() + "0";
    refused(changed);
    changed["groups"][0][0]["spec"][key] = 1;
    refused(changed);
  }
  nlohmann::json changed = good;
  changed["groups"][0][0]["id"] = "0123";
  refused(changed);
  changed = good;
  changed["groups"][0].push_back(good["groups"][1][0]);
  refused(changed);
  changed = good;
  changed["groups"][0].push_back(good["groups"][0][0]);
  refused(changed);
  changed = good;
  changed["groups"].push_back(nlohmann::json::array({good["groups"][0][1]}));
  changed["groups"][0].erase(1);
  refused(changed);
  refused(nlohmann::json::array());
  Write(path, good.dump());
  CHECK(ReadPlan(path).ok());
}

TEST_CASE("Plan: truncated anywhere it is refused") {
  const Directory directory;
  const std::string path = directory.File("plan");
  REQUIRE(WritePlan(MakePlan({Spec(1, 3)}, "o"), path).ok());
  const std::string text = Read(path);
  for (size_t length = 0; length + 2 < text.size(); length += 37) {
    Write(path, text.substr(0, length));
    CHECK_FALSE(ReadPlan(path).ok());
  }
}

TEST_CASE("Plan: a place that cannot be written is an error, and leaves nothing behind") {
  CHECK_FALSE(WritePlan(MakePlan({Spec(1, 3)}, "o"), "/nonexistent-folder/plan").ok());
}
