#include "results/markup.h"

#include <catch2/catch.hpp>

#include "results/text_grid.h"

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

TEST_CASE("Markup: what LaTeX would take for its own is escaped") {
  CHECK(EscapeLatex("90 % of a_b & c#1 {x} [1, 2]") == "90 \\% of a\\_b \\& c\\#1 \\{x\\} {[}1, 2]");
  CHECK(EscapeLatex("a<b>~^\\\n") ==
        "a\\textless{}b\\textgreater{}\\textasciitilde{}\\textasciicircum{}\\textbackslash{} ");
}

TEST_CASE("Text grid: LaTeX is a tabular of booktabs, headings and sentences are comments") {
  TextGrid grid;
  grid.columns = {{"definition", true}, {"90 % band"}};
  grid.rows = {{"3 MB", "[1.0, 2.0]"}};
  RenderOptions latex;
  latex.format = RenderFormat::kLatex;
  CHECK(RenderGrid(grid, latex) ==
        "\\begin{tabular}{@{}lr@{}}\n\\toprule\ndefinition & 90 \\% band \\\\\n\\midrule\n3 MB & {[}1.0, 2.0] \\\\\n"
        "\\bottomrule\n\\end{tabular}\n");
  CHECK(Heading(2, "Table 1: x", RenderFormat::kLatex) == "% Table 1: x\n");
  CHECK(Bullet("a sentence.", RenderFormat::kLatex) == "% a sentence.\n");
}

}  // namespace
}  // namespace uhaul
