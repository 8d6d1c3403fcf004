#include "experiments/point_spec.h"

#include <catch2/catch.hpp>

#include "experiments/schema.h"

using namespace uhaul;

namespace {

PointSpec With(std::vector<std::pair<std::string, std::string>> values) {
  PointSpec spec = DefaultSpec();
  for (const auto& [key, text] : values) {
    const Parameter* parameter = FindParameter(key);
    REQUIRE(parameter != nullptr);
    const Result<Value> value = ParseValue(*parameter, text);
    if (!value.ok()) FAIL(value.error().message);
    parameter->assign(spec, *value);
  }
  return spec;
}

std::string Id(std::vector<std::pair<std::string, std::string>> values) { return PointId(With(std::move(values))); }

}  // namespace

TEST_CASE("Identity: 32 hexadecimal digits, and the same value in two writings is the same point") {
  CHECK(Id({}).size() == 32);
  CHECK(Id({}).find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(Id({{"edm.threshold", "3MB"}}) == Id({{"edm.threshold", "3000KB"}}));
  CHECK(Id({{"workload.load", "0.5"}}) == Id({{"workload.load", "0.50"}}));
  CHECK(Id({{"edm.threshold", "3MB"}}) == Id({}));
}

TEST_CASE("Identity: every parameter that matters changes it") {
  const std::string base = Id({});
  const std::vector<std::pair<std::string, std::string>> changes = {{"workload.name", "azure_wan"},
                                                                    {"workload.load", "0.9"},
                                                                    {"workload.trace", "2"},
                                                                    {"workload.duration", "4s"},
                                                                    {"workload.senders", "4"},
                                                                    {"workload.packet", "1000B"},
                                                                    {"link.rate", "1Gbps"},
                                                                    {"link.delay", "2us"},
                                                                    {"link.buffer", "1MB"},
                                                                    {"fit.window", "50ms"},
                                                                    {"fit.capacity", "1024"},
                                                                    {"nf.timeout", "1s"},
                                                                    {"switch.table", "100"},
                                                                    {"migration.after", "1s"},
                                                                    {"migration.within", "100ms"},
                                                                    {"migration.phase", "random"},
                                                                    {"migration.lead", "2ms"},
                                                                    {"edm.detector", "size"},
                                                                    {"edm.threshold", "4MB"},
                                                                    {"edm.rho", "snapshot"},
                                                                    {"scheme.guarantee", "none"},
                                                                    {"scheme.parallelize", "false"},
                                                                    {"scheme.early_release", "false"},
                                                                    {"scheme.late_lock", "true"},
                                                                    {"scheme.relay_unknown", "false"},
                                                                    {"scheme.relay_end", "marked"},
                                                                    {"scheme.after", "flip"},
                                                                    {"scheme.transfer", "peer"},
                                                                    {"scheme.hold", "destination"},
                                                                    {"scheme.flows", "active"},
                                                                    {"move.filter", "10.0.0.0/9"},
                                                                    {"move.limit", "100"},
                                                                    {"profile.get", "1ms"},
                                                                    {"profile.put_batch", "1ms"},
                                                                    {"profile.del_kib", "1ms"},
                                                                    {"profile.control_delay", "1ms"},
                                                                    {"profile.control_rate", "1Gbps"},
                                                                    {"profile.nf_buffer", "1MB"},
                                                                    {"profile.controller_buffer", "1MB"},
                                                                    {"run.cap", "2s"}};
  for (const auto& change : changes) {
    CAPTURE(change.first);
    CHECK(Id({change}) != base);
  }
}

TEST_CASE("Identity: what cannot matter is left out, so OpenNF at eight thresholds is one point") {
  const std::string opennf = Id({{"scheme.name", "opennf"}});
  for (const char* threshold : {"4MB", "5MB", "10MB"}) {
    CHECK(Id({{"scheme.name", "opennf"}, {"edm.threshold", threshold}}) == opennf);
  }
  CHECK(Id({{"scheme.name", "opennf"}, {"edm.rho", "snapshot"}}) == opennf);
  // rho means nothing to the size-based detector; the threshold does.
  CHECK(Id({{"edm.detector", "size"}, {"edm.rho", "0.5"}}) == Id({{"edm.detector", "size"}}));
  CHECK(Id({{"edm.detector", "size"}, {"edm.threshold", "4MB"}}) != Id({{"edm.detector", "size"}}));
  CHECK(Id({{"workload.window", "20"}}) == Id({}));
  CHECK(Id({{"workload.senders", "window"}, {"workload.window", "20"}}) != Id({{"workload.senders", "window"}}));
  CHECK(Id({{"scheme.name", "none"}, {"profile.name", "ideal"}}) == Id({{"scheme.name", "none"}}));
  CHECK(Id({{"migration.states", "2000"}, {"migration.after", "1s"}}) == Id({{"migration.states", "2000"}}));
}

TEST_CASE("Canonical values: a named scheme and profile keep their name beside every part") {
  const auto canonical = CanonicalSpec(With({{"scheme.name", "uhaul"}, {"profile.get", "1ms"}}));
  CHECK(canonical.at("scheme.name") == "uhaul");
  CHECK(canonical.at("scheme.flows") == "elephants");
  CHECK(canonical.at("scheme.guarantee") == "loss-free");
  CHECK(canonical.at("scheme.parallelize") == "true");
  CHECK(canonical.at("profile.name") == "emulab-2016");
  CHECK(canonical.at("profile.get") == "1000000");
  CHECK(canonical.at("profile.get_batch") == "0");
  CHECK(canonical.at("edm.rho") == "offline");
  CHECK(canonical.at("edm.threshold") == "3000000");
  CHECK(canonical.at("workload.load") == "1");
  CHECK(canonical.at("link.rate") == "10000000000");
  CHECK_FALSE(canonical.contains("workload.on"));
  CHECK_FALSE(canonical.contains("move.limit"));
}

TEST_CASE("Canonical values: they can be read back, for every scheme, profile and kind of sender") {
  std::vector<PointSpec> specs;
  for (const std::string& scheme : SchemeNames()) {
    for (const std::string& profile : ProfileNames())
      specs.push_back(With({{"scheme.name", scheme}, {"profile.name", profile}}));
  }
  specs.push_back(With({{"workload.senders", "window"}, {"workload.window", "3"}, {"workload.rto", "10ms"}}));
  specs.push_back(With({{"workload.senders", "unlimited"}, {"workload.on", "1ms"}, {"workload.off", "2ms"}}));
  specs.push_back(With({{"edm.rho", "0.1234567890123"}, {"move.filter", "10.0.0.0/9"}, {"move.limit", "7"}}));
  specs.push_back(With({{"migration.states", "2000"}, {"scheme.flows", "table"}}));
  specs.push_back(With({{"scheme.name", "uhaul-op"}, {"scheme.idle_timeout", "3us"}}));
  for (const PointSpec& spec : specs) {
    const auto canonical = CanonicalSpec(spec);
    const Result<PointSpec> back = FromCanonical(canonical);
    if (!back.ok()) FAIL(back.error().message);
    CHECK(CanonicalSpec(*back) == canonical);
    CHECK(PointId(*back) == PointId(spec));
    CHECK(TraceGroupKey(*back) == TraceGroupKey(spec));
  }
}

TEST_CASE("Canonical values: anything but the canonical form is refused") {
  const auto good = CanonicalSpec(DefaultSpec());
  REQUIRE(FromCanonical(good).ok());
  const auto refused = [&](const std::string& key, const std::string& value) {
    auto changed = good;
    changed[key] = value;
    CAPTURE(key, value);
    CHECK_FALSE(FromCanonical(changed).ok());
  };
  refused("edm.threshold", "3MB");
  refused("edm.threshold", "03000000");
  refused("edm.threshold", "-1");
  refused("edm.threshold", "");
  refused("workload.load", "1.0");
  refused("workload.load", "nan");
  refused("workload.load", "-1");
  refused("workload.name", "../nothing\n");
  refused("scheme.parallelize", "yes");
  refused("scheme.flows", "all");
  refused("scheme.name", "Robert'); drop");
  refused("move.filter", "10.0.0.0/33");
  refused("move.limit", "0");
  refused("workload.window", "10");
  refused("no.such", "1");
  for (const auto& [key, value] : good) {
    auto changed = good;
    changed.erase(key);
    CAPTURE(key);
    // A key that is left out is not replaced by a default, except where leaving it out is itself the canonical form.
    CHECK_FALSE(FromCanonical(changed).ok());
  }
}

TEST_CASE("Trace groups: schemes, thresholds and profiles share a warm-up; traces, loads and windows do not") {
  const std::string group = TraceGroupKey(DefaultSpec());
  CHECK(TraceGroupKey(With({{"scheme.name", "opennf"}})) == group);
  CHECK(TraceGroupKey(With({{"edm.threshold", "9MB"}, {"edm.rho", "snapshot"}})) == group);
  CHECK(TraceGroupKey(With({{"profile.name", "ideal"}, {"run.cap", "2s"}, {"move.limit", "5"}})) == group);
  CHECK(TraceGroupKey(With({{"workload.trace", "2"}})) != group);
  CHECK(TraceGroupKey(With({{"fit.window", "50ms"}})) != group);
  CHECK(TraceGroupKey(With({{"migration.phase", "random"}})) != group);
  CHECK(group != PointId(DefaultSpec()));
}

TEST_CASE("Schema: defaults are within their own limits, and every row has help") {
  const auto defaults = DefaultSpec();
  for (const Parameter& parameter : Schema()) {
    CAPTURE(parameter.key);
    CHECK_FALSE(parameter.help.empty());
    const Result<Value> value = ParseCanonicalValue(parameter, parameter.canonical(defaults));
    if (!value.ok()) FAIL(value.error().message);
    const Result<Value> human = ParseValue(parameter, HumanValue(parameter, value->canonical));
    if (!human.ok()) FAIL(human.error().message);
    CHECK(human->canonical == value->canonical);
  }
  CHECK_FALSE(CheckSpec(defaults).has_value());
}
