// What documents say that is also elsewhere: the table of keys, and code that is part of an example.
#include "experiments/schema.h"
#include "tests/experiments/place.h"
#include "tests/places.h"

using namespace uhaul;        // NOLINT
using namespace uhaul::test;  // NOLINT
using Catch::Contains;

namespace {

std::string ReadSource(const std::string& path) {
  std::ifstream in(std::string(UHAUL_SOURCE_DIR "/") + path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// The fenced blocks of a language.
std::vector<std::string> Blocks(const std::string& document, const std::string& language) {
  std::vector<std::string> blocks;
  const std::string open = "\n```" + language + "\n";
  for (size_t at = document.find(open); at != std::string::npos; at = document.find(open, at + 1)) {
    const size_t begin = at + open.size();
    blocks.push_back(document.substr(begin, document.find("```", begin) - begin));
  }
  return blocks;
}

}  // namespace

TEST_CASE("experiments/README.md: its table of keys is what `uhaul schema --markdown` prints") {
  const std::string readme = ReadSource("experiments/README.md");
  const std::string begin = "<!-- begin: uhaul schema --markdown -->\n";
  const size_t from = readme.find(begin);
  REQUIRE(from != std::string::npos);
  const size_t to = readme.find("<!-- end -->", from);
  REQUIRE(to != std::string::npos);
  CHECK(readme.substr(from + begin.size(), to - from - begin.size()) == SchemaMarkdown());
}

TEST_CASE("READMEs: the code in them is part of the worked examples, to the letter") {
  std::string examples;
  for (const char* example : {"network_function/main.cc", "detector/main.cc", "scheme/main.cc", "own_topology/main.cc",
                              "workload/sizes.csv", "workload/run.sh"}) {
    const std::string text = ReadSource(std::string("tests/examples/") + example);
    REQUIRE_FALSE(text.empty());
    examples += text;
  }
  size_t blocks = 0;
  for (const auto& [document, language] :
       {std::pair("core/README.md", "cpp"), std::pair("sim/README.md", "cpp"), std::pair("workloads/README.md", "csv"),
        std::pair("workloads/README.md", "sh")}) {
    for (const std::string& block : Blocks(ReadSource(document), language)) {
      INFO(document << "\n" << block);
      CHECK(examples.find(block) != std::string::npos);
      ++blocks;
    }
  }
  CHECK(blocks == 6);
}

TEST_CASE("uhaul manual: every command, option and key; groff has nothing to say against it") {
  const Place place;
  const Outcome manual = place.Uhaul("manual");
  REQUIRE(manual.code == 0);
  CHECK_THAT(manual.out,
             Contains(".SS uhaul trace generate") && Contains("\\-\\-executor") && Contains(".SS uhaul abort"));
  for (const std::string& key : ParameterKeys()) {
    CAPTURE(key);
    CHECK(manual.out.find("\\fB" + key + "\\fR") != std::string::npos);
  }
  place.Write("uhaul.1", manual.out);
  if (place.Shell("command -v groff").code != 0) return;
  // A word longer than a line is no error.
  const Outcome groff = place.Shell("groff -man -Tutf8 -ww -Wbreak uhaul.1");
  INFO(groff.err);
  CHECK(groff.code == 0);
  CHECK(groff.err.empty());
}

TEST_CASE("uhaul completion: bash completes commands, options, keys and definitions") {
  const Place place;
  if (place.Shell("command -v bash").code != 0) return;
  REQUIRE(place.Uhaul("completion > completion").code == 0);
  const auto complete = [&](const std::string& words, int at) {
    place.Write("ask", "source ./completion 2>/dev/null\nCOMP_WORDS=(" + words + ")\nCOMP_CWORD=" + std::to_string(at) +
                           "\n_uhaul\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n");
    return place.Shell("bash ask").out;
  };
  CHECK(complete("uhaul rob", 1) == "robustness\n");
  CHECK(complete("uhaul run --exec", 2) == "--executor\n");
  CHECK(complete("uhaul run web --set edm.thr", 4) == "edm.threshold=\n");
  CHECK(complete("uhaul run table-0", 2).starts_with("table-01\ntable-02\n"));
  CHECK(complete("uhaul trace fr", 2) == "from-pcap\n");
  CHECK(complete("uhaul trace generate --wor", 3) == "--workload\n");
}
