// uhaul-ns3: one run as a program of ns-3, for those who drive such programs: ns3::CommandLine (--PrintHelp,
// --PrintAttributes=uhaul::LinkDevice, attribute paths, --RngRun), pcap of every data device, NetAnim.
//
//   uhaul-ns3 --scheme.name=uhaul --edm.threshold=3MB --RngRun=7 --pcap=run --anim=run.xml
//
// The parameters are those of an experiment (`uhaul schema`). Programs that drive such programs (SEM) read them from
// --PrintHelp with their defaults and give all of them back, numbers as 3.0 and booleans as True. Hence every parameter
// has a default in brackets: its value, or "-" where it depends on another one (the parts of a named scheme or profile,
// the trace's number, which is RngRun), which is as if it were not given.
//
// Prints a metric per line, its name and its value, or a line of CSV with its head.
#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "experiments/schema.h"
#include "ns3/animation-interface.h"
#include "ns3/command-line.h"
#include "ns3/names.h"
#include "ns3/node-list.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"
#include "ns3/trace-helper.h"
#include "results/collect.h"
#include "results/metric_table.h"
#include "sim/point_run.h"

namespace {

constexpr int kUsage = 64;
constexpr int kBadInput = 65;

constexpr const char* kNotGiven = "-";
constexpr const char* kNoFile = "none";

struct Request {
  std::map<std::string, std::string> values;  // by key
  std::string pcap = kNoFile;
  std::string anim = kNoFile;
  bool csv = false;
};

// A part of a row that another parameter names.
bool IsPart(const std::string& key) {
  return (key.starts_with("scheme.") || key.starts_with("profile.")) && !key.ends_with(".name");
}

Request ReadCommandLine(int argc, char** argv) {
  Request request;
  ns3::CommandLine line("uhaul-ns3.cc");
  line.Usage("One move of network function state, simulated.");
  for (const uhaul::ParameterText& p : uhaul::ParameterTexts()) {
    std::string& value = request.values[p.key];
    std::string help = p.help + "; " + p.allowed;
    value = p.default_text;
    if (p.key == "workload.trace") {
      value = kNotGiven;
      help += "; -: RngRun";
    } else if (IsPart(p.key)) {
      value = kNotGiven;
      help += "; -: the named one's";
    }
    line.AddValue(p.key, help, value);
  }
  line.AddValue("pcap", "write what each data device sees to PREFIX-NODE-DEVICE.pcap", request.pcap);
  line.AddValue("anim", "write a NetAnim trace to this file", request.anim);
  line.AddValue("csv", "print a line of CSV with its head", request.csv);
  line.Parse(argc, argv);
  std::string& trace = request.values["workload.trace"];
  if (trace == kNotGiven) trace = std::to_string(ns3::RngSeedManager::GetRun());
  return request;
}

// As an experiment file has it, of what Python makes of a number or a boolean.
std::string Plain(const uhaul::Parameter& parameter, std::string text) {
  if (parameter.type == uhaul::ValueType::kBoolean) {
    if (text == "True") return "true";
    if (text == "False") return "false";
  }
  const bool counts = parameter.type == uhaul::ValueType::kInteger || parameter.type == uhaul::ValueType::kSenders;
  if (counts && text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

uhaul::Result<uhaul::PointSpec> SpecOf(const Request& request) {
  uhaul::PointSpec spec = uhaul::DefaultSpec();
  for (const uhaul::Parameter& parameter : uhaul::Schema()) {
    const std::string& text = request.values.at(parameter.key);
    if (text == kNotGiven) continue;
    const uhaul::Result<uhaul::Value> value = uhaul::ParseValue(parameter, Plain(parameter, text));
    if (!value.ok()) return value.error();
    parameter.assign(spec, *value);
  }
  if (const auto problem = uhaul::CheckSpec(spec)) return uhaul::Error{problem->key + ": " + problem->message};
  return spec;
}

void WritePcaps(const std::string& prefix) {
  for (auto node = ns3::NodeList::Begin(); node != ns3::NodeList::End(); ++node) {
    for (uint32_t i = 0; i < (*node)->GetNDevices(); ++i) {
      const auto device = ns3::DynamicCast<uhaul::LinkDevice>((*node)->GetDevice(i));
      if (device == nullptr) continue;
      ns3::PcapHelper helper;
      const std::string name = helper.GetFilenameFromDevice(prefix, device);
      const auto file = helper.CreateFile(name, std::ios::out, ns3::PcapHelper::DLT_RAW);
      helper.HookDefaultSink<uhaul::LinkDevice>(device, "PromiscSniffer", file);
    }
  }
}

// Nodes where the figure in the README has them, and what the NFs hold every 10 ms.
class Animation {
 public:
  explicit Animation(const std::string& path) {
    constexpr std::pair<const char*, std::pair<double, double>> kPlaces[] = {
        {"generator", {0, 20}}, {"switch", {30, 20}}, {"nf1", {60, 10}},
        {"nf2", {60, 30}},      {"sink", {90, 20}},   {"controller", {45, 0}}};
    for (const auto& [name, at] : kPlaces) {
      const auto node = ns3::Names::Find<ns3::Node>(name);
      if (node != nullptr) ns3::AnimationInterface::SetConstantPosition(node, at.first, at.second);
    }
    interface_ = std::make_unique<ns3::AnimationInterface>(path);
    for (const auto& [name, at] : kPlaces) {
      const auto node = ns3::Names::Find<ns3::Node>(name);
      if (node != nullptr) interface_->UpdateNodeDescription(node, name);
    }
    states_ = interface_->AddNodeCounter("States", ns3::AnimationInterface::DOUBLE_COUNTER);
    ns3::Simulator::ScheduleNow(&Animation::Count, this);
  }

 private:
  void Count() {
    for (const char* name : {"nf1", "nf2"}) {
      const auto node = ns3::Names::Find<ns3::Node>(name);
      if (node == nullptr || node->GetNApplications() == 0) continue;
      ns3::UintegerValue states;
      node->GetApplication(0)->GetAttribute("States", states);
      interface_->UpdateNodeCounter(states_, node->GetId(), static_cast<double>(states.Get()));
    }
    ns3::Simulator::Schedule(ns3::MilliSeconds(10), &Animation::Count, this);
  }

  std::unique_ptr<ns3::AnimationInterface> interface_;
  uint32_t states_ = 0;
};

uhaul::Result<uhaul::RunRecord> Run(const uhaul::PointSpec& spec, const Request& request) {
  const uhaul::Result<uhaul::Scenario> scenario = uhaul::LoadScenario(spec);
  if (!scenario.ok()) return scenario.error();
  uhaul::Result<std::unique_ptr<uhaul::World>> world = uhaul::World::Create(spec, *scenario);
  if (!world.ok()) return world.error();
  if (request.pcap != kNoFile) WritePcaps(request.pcap);
  std::unique_ptr<Animation> animation;
  if (request.anim != kNoFile) animation = std::make_unique<Animation>(request.anim);
  if (const uhaul::Status warm = (*world)->RunToStart(); !warm.ok()) return warm.error();
  return uhaul::FinishRun(**world, spec);
}

void Print(const uhaul::StoredPoint& point, bool csv) {
  const uhaul::PointLine line = uhaul::LineOf(point);
  if (csv) {
    std::fputs(uhaul::CollectCsv({&line, 1}).c_str(), stdout);
    return;
  }
  for (size_t i = 0; i < line.metrics.size(); ++i) {
    if (line.metrics[i]) std::printf("%s %.17g\n", uhaul::Metrics()[i].name, *line.metrics[i]);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Request request = ReadCommandLine(argc, argv);
  const uhaul::Result<uhaul::PointSpec> spec = SpecOf(request);
  if (!spec.ok()) return std::fprintf(stderr, "uhaul-ns3: %s\n", spec.error().message.c_str()), kUsage;
  uhaul::Result<uhaul::RunRecord> record = Run(*spec, request);
  if (!record.ok()) return std::fprintf(stderr, "uhaul-ns3: %s\n", record.error().message.c_str()), kBadInput;
  const uhaul::BuildInfo& build = uhaul::SimBuildInfo();
  Print({uhaul::PointId(*spec), build.engine, build.id, uhaul::CanonicalSpec(*spec), *std::move(record)}, request.csv);
  return 0;
}
