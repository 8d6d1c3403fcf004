// uhaul robustness: the paper's claims over everything that the paper leaves open.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "experiments/cli_points.h"
#include "results/robustness.h"

namespace uhaul {
namespace {

namespace po = boost::program_options;

// A setting's points; one whose workload has no other tables belongs to both.
struct SettingPoints {
  RobustnessSetting setting;
  std::vector<std::string> ids;
};

RobustnessSetting SettingOf(const PointSpec& spec) {
  const std::map<std::string, std::string> values = CanonicalSpec(spec);
  const auto value = [&](const char* key) {
    const auto at = values.find(key);
    return at == values.end() ? std::string("-") : at->second;
  };
  return {value("profile.name"), spec.workload.ends_with(kOtherTables) ? "tab8" : "main", value("workload.senders"),
          value("workload.load")};
}

std::vector<SettingPoints> Split(const std::vector<PointSpec>& specs) {
  std::vector<SettingPoints> settings;
  const auto of = [&](const RobustnessSetting& setting) -> SettingPoints& {
    const auto at = std::find_if(settings.begin(), settings.end(), [&](const auto& s) { return s.setting == setting; });
    return at != settings.end() ? *at : *settings.insert(at, {setting, {}});
  };
  std::set<std::string> with_others;  // workloads that have other tables
  for (const PointSpec& spec : specs) {
    if (!spec.workload.ends_with(kOtherTables)) continue;
    with_others.insert(spec.workload.substr(0, spec.workload.size() - kOtherTables.size()));
  }
  for (const PointSpec& spec : specs) {
    RobustnessSetting setting = SettingOf(spec);
    of(setting).ids.push_back(PointId(spec));
    if (with_others.empty() || setting.tables != "main") continue;
    if (with_others.contains(spec.workload)) continue;
    setting.tables = "tab8";
    of(setting).ids.push_back(PointId(spec));
  }
  // By profile, then tables, then senders, as they came: the loads of each stand side by side.
  std::map<std::string, size_t> profiles;
  std::map<std::string, size_t> senders;
  for (const SettingPoints& s : settings) {
    profiles.emplace(s.setting.profile, profiles.size());
    senders.emplace(s.setting.senders, senders.size());
  }
  std::stable_sort(settings.begin(), settings.end(), [&](const SettingPoints& a, const SettingPoints& b) {
    const auto key = [&](const SettingPoints& s) {
      return std::tuple(profiles.at(s.setting.profile), s.setting.tables, senders.at(s.setting.senders));
    };
    return key(a) < key(b);
  });
  return settings;
}

Result<Robustness> Read(const CommandLine& line, const RenderOptions& options) {
  const std::string& other = line.Get<std::string>("definition");
  const std::string definition_name = other.empty() ? "robustness" : other;
  const auto& sets = line.Get<std::vector<std::string>>("set");
  const Result<Definition> definition = LoadWithSets(definition_name, sets);
  if (!definition.ok()) return definition.error();
  const Result<std::vector<PointSpec>> specs = Expand(*definition);
  if (!specs.ok()) return specs.error();
  Robustness robustness;
  const std::string& results = line.Get<std::string>("results");
  std::set<std::string> ids;  // two settings may share a point
  for (const SettingPoints& setting : Split(*specs)) {
    PointReader reader(results);
    if (Status s = reader.Read(setting.ids); !s.ok()) return s.error();
    ids.insert(setting.ids.begin(), setting.ids.end());
    if (Status s = AddSetting(setting.setting, std::move(reader.points()), options, &robustness); !s.ok())
      return s.error();
  }
  const auto missing =
      std::count_if(ids.begin(), ids.end(), [&](const std::string& id) { return !PointExists(results, id); });
  SayMissing("robustness", static_cast<size_t>(missing), ids.size(), results, definition_name, sets);
  return robustness;
}

Status Write(const std::string& path, const Robustness& robustness, RenderOptions options) {
  const std::string ending = path.substr(path.rfind('.') + 1);
  if (ending == "json") return WriteTextFile(path, EncodeRobustness(robustness));
  if (ending == "svg") return WriteTextFile(path, RobustnessSvg(robustness));
  options.color = false;
  options.format = FormatNamed(ending == "tex" ? "latex" : ending).value_or(RenderFormat::kText);
  return WriteTextFile(path, RenderRobustness(robustness, options));
}

}  // namespace

int RobustnessCommand(const Arguments& arguments) {
  CommandLine line("uhaul robustness [options]",
                   "In how many settings of what the paper leaves open does each of its claims hold, reverse or stay\n"
                   "undecided? Reads the points of the definition 'robustness'.",
                   "uhaul robustness --out robustness.svg --out uhaul-results/robustness.json");
  AddPointOptions(&line);
  AddFormatOption(&line);
  line.options().add_options()(
      "out,o", po::value<std::vector<std::string>>()->composing()->default_value({}, ""),
      "a file: .svg (the picture), .json (for the report: RESULTS/robustness.json), .csv (a line "
      "per claim and setting), .md, .tex; may be given more than once");
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  const Result<RenderOptions> options = ReadRendering(line);
  if (!options.ok()) return line.Usage(options.error().message);
  const Result<Robustness> robustness = Read(line, *options);
  if (!robustness.ok()) return FailFor(robustness.error());
  const auto& files = line.Get<std::vector<std::string>>("out");
  for (const std::string& path : files) {
    if (Status s = Write(path, *robustness, *options); !s.ok()) return FailFor(s.error());
  }
  if (files.empty()) fmt::print("{}", RenderRobustness(*robustness, *options));
  return exit_code::kOk;
}

}  // namespace uhaul
