#include "experiments/profile_file.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "experiments/definition.h"

using namespace uhaul;            // NOLINT
using namespace uhaul::literals;  // NOLINT

namespace {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "uhaul-profile-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return (path_ / name).string();
  }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

ProfileFile Example() {
  ProfileFile file;
  file.profile = *FindProfile("emulab-2016");
  file.profile.name = "bench-7";
  file.profile.get = {55_us, 2'400_ns, 17_ns};
  file.about = "a \"quoted\" line: with a colon";
  file.measured = {{"date", "2026-11-22"}, {"load", "0.4"}};
  return file;
}

}  // namespace

TEST_CASE("ProfileFile: what is written is read again") {
  const Folder folder;
  REQUIRE(WriteProfile(folder / "p.yaml", Example()));
  const Result<ProfileFile> read = LoadProfile(folder / "p.yaml");
  REQUIRE(read.ok());
  CHECK(read->profile == Example().profile);
  CHECK(read->about == Example().about);
  CHECK(read->measured == Example().measured);
}

TEST_CASE("ProfileFile: faults are told with line and column, and the cure") {
  const Folder folder;
  const std::string good = ProfileYaml(Example());
  const auto error = [&](const std::string& text) {
    const Result<ProfileFile> read = LoadProfile(folder.Write("bad.yaml", text));
    REQUIRE_FALSE(read.ok());
    return read.error().message.substr((folder / "bad.yaml").size());
  };
  CHECK(error("name: x\ngett: 1us\n") == ":2:1: error: unknown key 'gett'; did you mean 'get'?");
  CHECK(error("name: x\nget: 12\n").find(":2:6: error: 'profile.get' needs a unit") == 0);
  CHECK(error("name: x\nget: 1us\nget: 2us\n") == ":3:1: error: duplicate key 'get'");
  CHECK(error("name: emulab-2016\n").find(":1:7: error:") == 0);
  CHECK(error("name: No Name\n").find(":1:7: error:") == 0);
  CHECK(error("get: 1us\n").find("'name' is missing") != std::string::npos);
  CHECK(error("name: x\nget: 1us\n").find("'put' is missing") != std::string::npos);
  CHECK(error("[1]\n").find(":1:1: error: a profile is a map") == 0);
  CHECK(error("a: [\n").find("not YAML") != std::string::npos);
  CHECK_FALSE(LoadProfile(folder / "absent.yaml").ok());
}

TEST_CASE("ProfileFile: a point that names a file is the point that spells its costs out") {
  const Folder folder;
  REQUIRE(WriteProfile(folder / "a.yaml", Example()));
  REQUIRE(WriteProfile(folder / "b.yaml", Example()));
  const std::string definition = folder.Write("d.yaml", "name: d\nparameters:\n  profile.name: ./a.yaml\n");
  const Result<Definition> by_file = LoadDefinition(definition);
  REQUIRE(by_file.ok());
  const PointSpec in_file = Expand(*by_file)->front();
  CHECK(in_file.profile == Example().profile);
  Definition by_set = *by_file;
  const Result<Axis> set = ParseSet(1, "profile.name=" + (folder / "b.yaml"));
  REQUIRE(set.ok());
  ApplySets({*set}, &by_set);
  CHECK(PointId(Expand(by_set)->front()) == PointId(in_file));
  const Result<PointSpec> again = FromCanonical(CanonicalSpec(in_file));
  REQUIRE(again.ok());
  CHECK(again->profile == Example().profile);
}

TEST_CASE("ProfileFile: a single cost can be set over a file's") {
  const Folder folder;
  REQUIRE(WriteProfile(folder / "a.yaml", Example()));
  const Result<Definition> definition =
      LoadDefinition(folder.Write("d.yaml", "name: d\nparameters: {profile: {put: 9us, name: a.yaml}}\n"));
  REQUIRE(definition.ok());
  const PointSpec spec = Expand(*definition)->front();
  CHECK(spec.profile.put.per_item == 9_us);
  CHECK(spec.profile.get == Example().profile.get);
}
