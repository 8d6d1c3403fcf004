#include "results/markup.h"

#include <catch2/catch.hpp>

namespace uhaul {
namespace {

TEST_CASE("markup: text cannot become markup, in content or in attributes") {
  CHECK(EscapeMarkup("<a href=\"x\" b='y'>&amp;</a>") ==
        "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;");
  CHECK(EscapeMarkup(std::string("a\0b\nc", 5)) == "a b c");
  CHECK(EscapeMarkup("\xc3\xa4") == "\xc3\xa4");
}

TEST_CASE("markup: JSON in a script cannot end it") {
  CHECK(EscapeScriptJson(R"({"a":"</script><!--"})") == R"({"a":"\u003c/script>\u003c!--"})");
}

}  // namespace
}  // namespace uhaul
