// The built `uhaul`, run as a person would. The engine is a script that copies points prepared by the test.
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/node/scheme.h"
#include "experiments/plan.h"
#include "tests/experiments/place.h"
#include "tests/experiments/whole_plan.h"
#include "tests/places.h"

using namespace uhaul;        // NOLINT
using namespace uhaul::test;  // NOLINT

namespace {

constexpr const char* kFour = "name: four\nparameters:\n  workload.trace: 1..2\n  edm.threshold: 3..4MB\n";

}  // namespace

TEST_CASE("cli: --plan writes the plan that an engine takes, and runs nothing") {
  const Place place;
  const Outcome run =
      place.Uhaul("run web_search --set workload.trace=1 --set scheme.name=none --results r --plan p.json");
  INFO(run.err);
  CHECK(run.code == 0);
  CHECK_FALSE(std::filesystem::exists(place.File("r")));
  const Result<Plan> plan = ReadPlan(place.File("p.json"));
  REQUIRE(plan.ok());
  REQUIRE(plan->groups.size() == 1);
  CHECK(plan->out == "r");
  CHECK(place.Uhaul("run web_search --plan /nowhere/p.json").code == 65);
}

TEST_CASE("uhaul: help, version, unknown commands and options have their exit codes") {
  const Place place;
  CHECK(place.Uhaul("--help").code == 0);
  CHECK(place.Uhaul("--version").out.starts_with("uhaul "));
  CHECK(place.Uhaul("").code == 64);
  const Outcome unknown = place.Uhaul("tabel 3");
  CHECK(unknown.code == 64);
  CHECK(unknown.err.find("did you mean 'table'?") != std::string::npos);
  for (const char* command : {"run", "sweep", "table", "figure", "claims", "summary", "validate", "import", "detect",
                              "trace", "trace generate", "trace show", "schema", "schemes"}) {
    CAPTURE(command);
    const Outcome help = place.Uhaul(std::string(command) + " --help");
    CHECK(help.code == 0);
    CHECK(help.out.find("Example:\n  uhaul ") != std::string::npos);
    CHECK(help.err.empty());
    CHECK(place.Uhaul(std::string(command) + " --no-such-option").code == 64);
  }
  // No abbreviations: --res is not --results.
  CHECK(place.Uhaul("run base --res x --dry-run").code == 64);
}

TEST_CASE("uhaul run: a dry run counts points; bad files end with 65, a bad --set or engine with 64") {
  const Place place;
  place.Write("four.yaml", kFour);
  const Outcome dry = place.Uhaul("run four.yaml --dry-run");
  CHECK(dry.code == 0);
  CHECK(
      dry.out.starts_with("four: 4 points = edm.threshold[2] x trace[2]\n4 distinct points in 2 warm-ups; 0 present"));
  CHECK_FALSE(std::filesystem::exists(place.File("uhaul-results")));
  CHECK(place.Uhaul("run four --dry-run").code == 0);
  CHECK(place.Uhaul("run table-12 --dry-run").code == 0);
  const Outcome missing = place.Uhaul("run tabel-12 --dry-run");
  CHECK(missing.code == 65);
  CHECK(missing.err.find("did you mean 'table-12'") != std::string::npos);
  place.Write("bad.yaml", "name: bad\nparameters:\n  link:\n    rate: 10Gbit\n");
  const Outcome bad = place.Uhaul("run bad.yaml");
  CHECK(bad.code == 65);
  CHECK(bad.err == "bad.yaml:4:11: error: 'link.rate' needs a unit, got '10Gbit'  (one of Gbps, Mbps, kbps, bps)\n");
  CHECK(bad.out.empty());
  const Outcome set = place.Uhaul("run four.yaml --set edm.rhoo=1");
  CHECK(set.code == 64);
  CHECK(set.err == "--set #1 'edm.rhoo=1': error: unknown parameter 'edm.rhoo'; did you mean 'edm.rho'?\n");
  CHECK(place.Uhaul("run four.yaml --engine ns2").code == 64);
  CHECK(place.Uhaul("run four.yaml --clock virtual").code == 64);
  CHECK(place.Uhaul("run four.yaml --engine runtime --clock sun").code == 64);
  // An engine that is not there is named, with the way to build it.
  const Outcome runtime = place.Uhaul("run four.yaml --engine runtime --engine-path ./uhaul-runtime");
  CHECK(runtime.code == 70);
  CHECK(runtime.err.find("UHAUL_RUNTIME=ON") != std::string::npos);
  CHECK(place.Uhaul("run four.yaml --jobs 0").code == 64);
  CHECK(place.Uhaul("run four.yaml --engine-path /nonexistent").code == 70);
  CHECK(place.Uhaul("run").code == 64);
  CHECK(place.Uhaul("sweep --dry-run").code == 64);
  CHECK(place.Uhaul("sweep --dry-run --set 'edm.threshold=1..10MB'")
            .out.starts_with("base: 10 points = edm.threshold[10]\n"));
}

TEST_CASE("uhaul run: points of the runtime have a folder of their own, by clock, and the engine is told the clock") {
  const Place place;
  place.Write("four.yaml", kFour);
  place.Prepare("four.yaml", "build-1");
  place.Engine("build-1", "echo \"$7 $8\" > told");
  const std::string command = "run four.yaml --engine runtime --engine-path ./engine --results r";
  CHECK(place.Uhaul(command).out == "4 points: 4 made, 0 present before, 0 failed; results in r/runtime\n");
  CHECK(place.Read("told") == "--clock tsc\n");
  CHECK(place.Uhaul(command + " --clock virtual").out ==
        "4 points: 4 made, 0 present before, 0 failed; results in r/runtime-virtual\n");
  CHECK(place.Read("told") == "--clock virtual\n");
  CHECK(place.Uhaul("run four.yaml --engine-path ./engine --results r").out ==
        "4 points: 4 made, 0 present before, 0 failed; results in r\n");
}

TEST_CASE("uhaul run: makes what is missing, and nothing when called again") {
  const Place place;
  place.Write("four.yaml", kFour);
  place.Prepare("four.yaml", "build-1");
  place.Engine("build-1");
  const std::string command = "run four.yaml --engine-path ./engine --results r";
  const Outcome first = place.Uhaul(command);
  CHECK(first.code == 0);
  CHECK(first.out == "4 points: 4 made, 0 present before, 0 failed; results in r\n");
  CHECK(first.err.find("4/4 points") != std::string::npos);
  const Outcome second = place.Uhaul(command);
  CHECK(second.code == 0);
  CHECK(second.out == "4 points: 0 made, 4 present before, 0 failed; results in r\n");
  // A point that another build made is not current.
  place.Prepare("four.yaml", "build-2");
  place.Engine("build-2");
  CHECK(place.Uhaul(command).out == "4 points: 4 made, 0 present before, 0 failed; results in r\n");
  for (const auto& entry : std::filesystem::directory_iterator(place.File("r"))) {
    CHECK(entry.path().filename().string().find("plan") == std::string::npos);
  }
}

TEST_CASE("uhaul run: --attempts makes points again that fell behind their rate, and those only") {
  const Place place;
  place.Write("four.yaml", kFour);
  const std::vector<std::string> ids = place.Prepare("four.yaml", "b");
  for (size_t i = 0; i < 2; ++i) {  // half of them are late
    Provenance provenance;
    provenance.id = ids[i];
    provenance.measurements["kept_rate"] = "no";
    std::filesystem::create_directories(place.File("late"));
    REQUIRE(WritePoint(place.File("late"), {ids[i], "sim", "b", {}, {}}, provenance).ok());
  }
  // The engine's first two calls fall behind.
  place.Engine("b",
               "echo \"$@\" | grep -o -- '--attempt.*' >> told; grep -c '' told > calls\n"
               "if [ $(cat calls) -le 2 ]; then cp late/*.prov.json $out; else cp prepared/*.prov.json $out; fi");
  const std::string command = "run four.yaml --engine runtime --engine-path ./engine --results r";
  const Outcome two = place.Uhaul(command + " --attempts 2");
  CHECK(two.code == 0);
  CHECK(two.out ==
        "4 points: 4 made, 0 present before, 0 failed; results in r/runtime\n"
        "2 of them fell behind their rate (provenance: kept_rate \"no\"); --attempts N makes such points again\n");
  CHECK(two.err.find("2 of 4 points fell behind their rate; attempt 2 of 2") != std::string::npos);
  CHECK(place.Read("told") == "--attempt 1\n--attempt 2\n");
  // A later call makes them again, and nothing else; without attempts they count as present.
  CHECK(place.Uhaul(command).out == "4 points: 0 made, 4 present before, 0 failed; results in r/runtime\n");
  CHECK(place.Uhaul(command + " --attempts 5").out ==
        "4 points: 2 made, 2 present before, 0 failed; results in r/runtime\n");
  CHECK(place.Read("told") == "--attempt 1\n--attempt 2\n--attempt 1\n");
  CHECK(place.Uhaul("run four.yaml --attempts 2").code == 64);
}

TEST_CASE("uhaul run: --repeat makes every point again, in a folder for each time; validate reads them as runs") {
  const Place place;
  place.Write("four.yaml", kFour);
  place.Prepare("four.yaml", "build-1");
  place.Engine("build-1");
  CHECK(place.Uhaul("run four.yaml --engine-path ./engine --results r --repeat 3").out ==
        "12 points: 12 made, 0 present before, 0 failed; results in r\n");
  CHECK(std::filesystem::exists(place.File("r/rep-3")));
  CHECK(place.Uhaul("run four.yaml --engine-path ./engine --results r --repeat 4").out ==
        "16 points: 4 made, 12 present before, 0 failed; results in r\n");
  CHECK(place.Uhaul("run four.yaml --engine-path ./engine --results r --repeat 5 --dry-run")
            .out.find("in 2 warm-ups, 5 times; 16 present, 4 to run") != std::string::npos);
  const Outcome exact = place.Uhaul("validate prepared r --exact");
  CHECK(exact.code == 0);
  CHECK(exact.out == "Verdict: equal (4 pairs, 16 records compared, 0 differ)\n");
  CHECK(place.Uhaul("run four.yaml --repeat 0").code == 64);
  CHECK(place.Uhaul("run four.yaml --repeat 2 --plan p").code == 64);
}

TEST_CASE("uhaul validate: 0 within, 2 outside, 64 usage, 65 nothing to compare") {
  const Place place;
  place.Write("four.yaml", kFour);
  const auto ids = place.Prepare("four.yaml", "b");
  const auto put = [&](const std::string& folder, int64_t downtime_ns, const std::string& kept) {
    std::filesystem::create_directories(place.File(folder));
    StoredPoint point = ReadPoint(place.File("prepared"), ids[0]).value();
    point.record.t0_ns = 1'000'000;
    point.record.steps_ns[static_cast<size_t>(OperationStep::kLastDelete)] = 1'000'000 + downtime_ns;
    Provenance provenance;
    provenance.id = point.id;
    if (!kept.empty()) provenance.measurements["kept_rate"] = kept;
    REQUIRE(WritePoint(place.File(folder), point, provenance).ok());
  };
  put("a", 1'000'000, "");
  put("b/rep-1", 1'050'000, "yes");
  put("b/rep-2", 9'000'000, "no");
  const Outcome within = place.Uhaul("validate a b --csv v.csv --svg v.svg");
  INFO(within.out << within.err);
  CHECK(within.code == 0);
  CHECK(within.out.find("Left out: 0 runs of A and 1 of B fell behind") != std::string::npos);
  CHECK(within.out.find("Verdict: within (1 pairs, 1 groups, tolerance 10 %)") != std::string::npos);
  CHECK(place.Read("v.csv").find("downtime_ms,1,1.05,") != std::string::npos);
  CHECK(place.Read("v.svg").starts_with("<svg"));
  CHECK(place.Uhaul("validate a b --include-late").code == 2);
  CHECK(place.Uhaul("validate a b --tolerance 0.01").code == 2);
  CHECK(place.Uhaul("validate a b --exact").out.find("steps_ns.last_delete: 2000000 in A, 2050000 in B") !=
        std::string::npos);
  CHECK(place.Uhaul("validate a b --exact").code == 2);
  CHECK(nlohmann::json::parse(place.Uhaul("validate a b --json").out)["verdict"] == "within");
  CHECK(place.Uhaul("validate a").code == 64);
  CHECK(place.Uhaul("validate a b --tolerance x").code == 64);
  CHECK(place.Uhaul("validate a b --metrics downtime").err.find("did you mean 'downtime_ms'") != std::string::npos);
  CHECK(place.Uhaul("validate a b --held-out edm.threshhold=1").err.find("--held-out #1") != std::string::npos);
  CHECK(place.Uhaul("validate a none").code == 65);
  CHECK(place.Uhaul("validate a b --set workload.trace=99").code == 65);
}

TEST_CASE("uhaul robustness: settings stand by profile, tables and senders, loads side by side; a point counts once") {
  const Place place;
  place.Write("few.yaml",
              "name: few\nparameters:\n  workload.load: [0.5, 1.0]\n  workload.senders: [2, window]\n"
              "  profile.name: [emulab-2016, ideal]\n"
              "  workload.name: [web_search, facebook_cache, facebook_cache_tab8]\n");
  const auto ids = place.Prepare("few.yaml", "b");
  std::filesystem::remove(place.File("prepared/" + ids[0] + ".json"));
  const Outcome asked = place.Uhaul("robustness --definition few.yaml --results prepared --out r.json");
  INFO(asked.err);
  REQUIRE(asked.code == 0);
  std::vector<std::string> settings;
  const nlohmann::json written = nlohmann::json::parse(place.Read("r.json"));
  for (const auto& s : written["settings"]) {
    settings.push_back(s["profile"].get<std::string>() + " " + s["tables"].get<std::string>() + " " +
                       s["senders"].get<std::string>() + " " + s["load"].get<std::string>());
  }
  REQUIRE(settings.size() == 16);
  CHECK(settings[0] == "emulab-2016 main 2 0.5");
  CHECK(settings[1] == "emulab-2016 main 2 1");
  CHECK(settings[2] == "emulab-2016 main window 0.5");
  CHECK(settings[4] == "emulab-2016 tab8 2 0.5");
  CHECK(settings[8] == "ideal main 2 0.5");
  CHECK_THAT(asked.err, Catch::Contains("1 of 24 points are missing in prepared; to make them: uhaul run few.yaml "
                                        "--results 'prepared'"));
}

TEST_CASE("uhaul import: a run from elsewhere becomes a point and a trace that a simulation can take") {
  const Place place;
  place.Write("flows.csv",
              "five_tuple,bytes,active,selected,moved,first_sent_ns,finished_ns\n"
              "tcp:10.0.0.1:1>10.1.0.1:80,5000000,1,1,1,1990000000,2010000000\n"
              "tcp:10.0.0.2:1>10.1.0.1:80,5000,0,0,0,2001000000,2002000000\n");
  place.Write("steps.csv", "step,time_ns\naccepted,2000000000\nlast_delete,2005000000\n");
  const std::string command = "import flows.csv --steps steps.csv --spec edm.threshold=1MB --out t";
  const Outcome made = place.Uhaul(command);
  INFO(made.err);
  REQUIRE(made.code == 0);
  CHECK(made.out.find("2 flows, 1 of them active") != std::string::npos);
  CHECK(made.out.find("--set 'workload.name=t/trace.csv' --set 'migration.after=2000000000ns'") != std::string::npos);
  const Outcome detect = place.Uhaul("trace show t/trace.csv --json");
  CHECK(nlohmann::json::parse(detect.out)["flows"] == 2);
  // The command that it names plans the very same point.
  const size_t at = made.out.find("uhaul run base") + 6;
  const std::string run = made.out.substr(at, made.out.find('\n', at) - at);
  const auto plan = nlohmann::json::parse(place.Uhaul(run + " --dry-run --json").out);
  CHECK(std::filesystem::exists(place.File("t/" + plan["points"][0]["id"].get<std::string>() + ".json")));
  const Outcome collected = place.Uhaul("collect --results t");
  CHECK(collected.out.find(",import,") != std::string::npos);
  CHECK(place.Uhaul("validate t t").code == 0);
  CHECK(place.Uhaul("import flows.csv --out t").code == 64);
  CHECK(place.Uhaul("import flows.csv --steps steps.csv").code == 64);
  CHECK(place.Uhaul("import flows.csv --steps none --out t").code == 65);
  CHECK(place.Uhaul(command + " --spec edm.thresholt=1MB").err.find("--spec #2") != std::string::npos);
  CHECK(place.Uhaul(command + " --spec workload.trace=1..2").code == 64);
  CHECK(place.Uhaul(command + " --offset sink").code == 64);
}

TEST_CASE("uhaul run: a point that failed is reported with its error, and tried again only when asked") {
  const Place place;
  place.Write("four.yaml", kFour);
  const auto ids = place.Prepare("four.yaml", "b", 1);
  place.Engine("b");
  const std::string command = "run four.yaml --engine-path ./engine --results r";
  const Outcome first = place.Uhaul(command);
  CHECK(first.code == 1);
  CHECK(first.out == "4 points: 3 made, 0 present before, 1 failed; results in r\n");
  CHECK(first.err.find("uhaul: point " + ids[0] + " failed: cannot make this one\n") != std::string::npos);
  place.Prepare("four.yaml", "b");
  const Outcome second = place.Uhaul(command);
  CHECK(second.code == 1);
  CHECK(second.out == "4 points: 0 made, 3 present before, 1 failed; results in r\n");
  const Outcome third = place.Uhaul(command + " --retry-failed --json");
  CHECK(third.code == 0);
  CHECK(nlohmann::json::parse(third.out)["made"] == 1);
}

TEST_CASE("uhaul run: Ctrl-C reaches the engine, finished points stay, and the next run makes the rest") {
  const Place place;
  place.Write("four.yaml", kFour);
  const auto ids = place.Prepare("four.yaml", "b");
  // Makes one point, tells us, and waits to be interrupted.
  place.Engine("b", "if [ ! -e once ]; then touch once; id=" + ids[2] +
                        "; cp prepared/$id.json \"$out\"/; trap 'touch told; exit 130' INT; touch ready; "
                        "i=0; while [ $i -lt 600 ]; do sleep 0.1; i=$((i+1)); done; exit 70; fi");
  const Outcome interrupted =
      place.Shell(UHAUL_BIN_DIR
                  "/uhaul run four.yaml --engine-path ./engine --results r & pid=$!; i=0; "
                  "while [ ! -e ready ] && [ $i -lt 600 ]; do sleep 0.1; i=$((i+1)); done; kill -INT $pid; wait $pid");
  CHECK(interrupted.code == 130);
  CHECK(std::filesystem::exists(place.File("told")));
  CHECK(interrupted.out == "4 points: 1 made, 0 present before, 0 failed, interrupted; results in r\n");
  const Outcome rest = place.Uhaul("run four.yaml --engine-path ./engine --results r");
  CHECK(rest.code == 0);
  CHECK(rest.out == "4 points: 3 made, 1 present before, 0 failed; results in r\n");
}

TEST_CASE(
    "uhaul table: numbers out of range are usage errors; missing points are named with the command that makes them") {
  const Place place;
  CHECK(place.Uhaul("table 14").code == 64);
  CHECK(place.Uhaul("table x").code == 64);
  CHECK(place.Uhaul("table").code == 64);
  CHECK(place.Uhaul("table 1 --format pdf").code == 64);
  const Outcome empty = place.Uhaul("table 12 --results none --set workload.trace=1..2");
  CHECK(empty.code == 0);
  CHECK(empty.err.find("to make them: uhaul run table-12 --results 'none' --set 'workload.trace=1..2'") !=
        std::string::npos);
}

TEST_CASE("uhaul trace and detect: a trace is made, shown, and asked for its elephants") {
  const Place place;
  REQUIRE(place.Uhaul("trace generate --workload web_search --load 1.0 --link 10Gbps --duration 300ms --seed 7 --out F")
              .code == 0);
  REQUIRE(place.Uhaul("trace generate --workload web_search --load 1.0 --link 10Gbps --duration 300ms --seed 7 --out G")
              .code == 0);
  CHECK(place.Read("F") == place.Read("G"));
  const Outcome show = place.Uhaul("trace show F --json");
  REQUIRE(show.code == 0);
  CHECK(nlohmann::json::parse(show.out)["about"]["seed"] == "7");
  const Outcome detect = place.Uhaul("detect --trace F --at 250ms --threshold 1MB --rho 0.8 --json");
  REQUIRE(detect.code == 0);
  const auto json = nlohmann::json::parse(detect.out);
  // Recomputed from what is printed: the greedy choice, its sums and its confusion counts.
  uint64_t total = 0;
  for (const auto& flow : json["flows"]) total += flow["bytes"].get<uint64_t>();
  CHECK(json["total_bytes"] == total);
  uint64_t sum = 0;
  uint64_t before = UINT64_MAX;
  std::map<std::string, int> counts;
  for (const auto& flow : json["flows"]) {
    CHECK(flow["bytes"].get<uint64_t>() <= before);
    before = flow["bytes"].get<uint64_t>();
    CHECK(flow["selected"].get<bool>() == (static_cast<double>(sum) < 0.8 * static_cast<double>(total)));
    if (flow["selected"].get<bool>()) sum += before;
    const bool elephant = flow["final_bytes"].get<uint64_t>() >= 1'000'000;
    ++counts[elephant ? (flow["selected"].get<bool>() ? "tp" : "fn") : (flow["selected"].get<bool>() ? "fp" : "tn")];
  }
  CHECK(json["selected_bytes"] == sum);
  for (const char* name : {"tp", "fp", "tn", "fn"}) CHECK(json["confusion"][name] == counts[name]);
  CHECK(place.Uhaul("detect --trace F --at 250ms").code == 0);
  CHECK(place.Uhaul("detect --trace F --at 250ms --detector size").code == 0);
  CHECK(place.Uhaul("detect --trace F --at 250ms --rho snapshot --senders unlimited --window 50ms").code == 0);
}

TEST_CASE("uhaul trace and detect: bad values end with 64, bad files with 65") {
  const Place place;
  CHECK(place.Uhaul("trace").code == 64);
  CHECK(place.Uhaul("trace generate").code == 64);
  CHECK(place.Uhaul("trace generate --out F --load -1").code == 64);
  CHECK(place.Uhaul("trace generate --out F --link 10").err.find("--link needs a unit, got '10'") != std::string::npos);
  CHECK(place.Uhaul("trace generate --out F --workload none.csv").code == 65);
  CHECK(place.Uhaul("trace generate --out /nonexistent/F --duration 10ms").code == 65);
  CHECK(place.Uhaul("trace show none").code == 65);
  place.Write("garbage", "\x01\x02 not a trace\n");
  CHECK(place.Uhaul("trace show garbage").code == 65);
  CHECK(place.Uhaul("detect --trace garbage --at 1s").code == 65);
  CHECK(place.Uhaul("detect --trace garbage --at 1").code == 64);
  CHECK(place.Uhaul("detect --trace garbage --at 1s --rho 1.5").code == 64);
  CHECK(place.Uhaul("detect --at 1s").code == 64);
}

TEST_CASE("uhaul figure: the same SVG each time, a PDF, and what to do where there is no gnuplot") {
  const Place place;
  const Outcome without = place.Shell("PATH= " UHAUL_BIN_DIR "/uhaul figure 1a --out f.svg");
  CHECK(without.code == 65);
  CHECK_THAT(without.err, Catch::Contains("gnuplot-nox"));
  CHECK(place.Uhaul("figure 1a --format png").code == 64);
  CHECK(place.Uhaul("figure 3").code == 64);
  CHECK_THAT(place.Uhaul("figure 1a --format csv").out, Catch::Contains("paper: azure_wan,10000,0.6,,printed"));
  CHECK(place.Uhaul("figure 1a --out none/f.csv").code == 65);
  if (place.Shell("command -v gnuplot").code != 0) return;
  REQUIRE(place.Uhaul("figure 1a --out f.svg").code == 0);
  CHECK(place.Uhaul("figure 1a --format svg").out == place.Read("f.svg"));
  CHECK_THAT(place.Read("f.svg"), Catch::Contains("Web search"));
  CHECK_THAT(place.Uhaul("figure 1a --format pdf").out, Catch::StartsWith("%PDF"));
  // Without points there are no panels, and still a picture.
  CHECK(place.Uhaul("figure 7 --results . --out g.svg").code == 0);
}

TEST_CASE("uhaul report: a page even from nothing, which asks for nothing; a run that is not there is an error") {
  const Place place;
  std::filesystem::create_directories(place.File("none"));
  REQUIRE(place.Uhaul("report --results none --out page.html").code == 0);
  const std::string page = place.Read("page.html");
  CHECK_THAT(page, Catch::StartsWith("<!DOCTYPE html>"));
  CHECK_THAT(page, Catch::Contains("Table 13:") && Catch::Contains("The paper against itself") &&
                       Catch::Contains("Missing: ") && Catch::EndsWith("</html>\n"));
  const auto text = place.Uhaul("report --results none --out page.html --text");
  CHECK_THAT(text.out, Catch::Contains("Table 13:") && Catch::Contains("Figure 2b:") &&
                           Catch::Contains("The paper's claims") && Catch::Contains("by class of evidence"));
  CHECK(place.Uhaul("report --results none --run 0123").code == 64);
  CHECK(place.Uhaul("report --results none --against nowhere").code == 65);
  CHECK(place.Uhaul("report --results none --out no/page.html").code == 65);
  CHECK(place.Uhaul("report no-such-experiment").code == 65);
}

TEST_CASE("uhaul schema: the JSON schema is JSON, and lists every key") {
  const Place place;
  const Outcome json = place.Uhaul("schema --json");
  REQUIRE(json.code == 0);
  const auto properties = nlohmann::json::parse(json.out)["$defs"]["parameters"]["properties"];
  const Outcome text = place.Uhaul("schema");
  for (const std::string& key : ParameterKeys()) {
    CAPTURE(key);
    CHECK(properties.contains(key));
    CHECK(text.out.find(key + " ") != std::string::npos);
  }
}

TEST_CASE("uhaul schemes: each with its promise; of one when it holds, and the scenario that breaks it") {
  const Place place;
  const Outcome list = place.Uhaul("schemes");
  REQUIRE(list.code == 0);
  for (const std::string& name : SchemeNames()) {
    CAPTURE(name);
    CHECK(list.out.find(name + " ") != std::string::npos);
    CHECK(place.Uhaul("schemes " + name).code == 0);
  }
  const Outcome ordered = place.Uhaul("schemes opennf-op");
  for (const char* said : {"in the switch's order", "one queue", "every flow goes on sending", "O4",
                           "the move never ends", "faults search O4 --trace"}) {
    CHECK_THAT(ordered.out, Catch::Contains(said));
  }
  CHECK_THAT(place.Uhaul("schemes opennf-ng").out, !Catch::Contains("Holds while") && Catch::Contains("are lost"));
  CHECK(place.Uhaul("schemes no-such-scheme").code == 64);
}
