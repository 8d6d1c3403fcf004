// A grid of texts as aligned columns, Markdown, CSV, LaTeX or an HTML table; headings and sentences in the same
// formats.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "results/paper_tables.h"

namespace uhaul {

struct GridColumn {
  std::string title;
  bool left = false;  // text; numbers stand right
};

struct TextGrid {
  std::vector<GridColumn> columns;
  std::vector<std::vector<std::string>> rows;
};

// Text, Markdown, LaTeX and HTML. With `color` texts that are verdicts are coloured; in HTML they have a class of their
// own.
std::string RenderGrid(const TextGrid& grid, const RenderOptions& options);
// Fields with commas, quotes or line ends are quoted (RFC 4180).
std::string RenderCsv(const TextGrid& grid);

// '-' for what is missing; a fixed number of decimals.
std::string Fixed(std::optional<double> value, int decimals);
// Empty for what is missing; shortest round trip: for CSV.
std::string Exact(std::optional<double> value);
// "[1.0, 2.0]".
std::string BandText(const std::optional<Band>& band, int decimals);
// `level` 2 for a table or figure, 3 for its parts.
std::string Heading(int level, const std::string& text, RenderFormat format);
// The sentence in lines of at most 118 octets, the first under "- ", the others indented; Markdown leaves it whole,
// HTML makes it a paragraph of class "note", LaTeX a comment.
std::string Bullet(const std::string& sentence, RenderFormat format);
// A column's title as a name for scripts: lower case, digits and underscores.
std::string ScriptName(const std::string& title);

}  // namespace uhaul
