#include "results/text_grid.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "results/markup.h"

namespace uhaul {
namespace {

constexpr size_t kLineWidth = 118;

// For verdicts and directions; "" for any other text.
std::string_view ColorOf(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kColors = {{
      {"in", "\x1b[32m"},
      {"holds", "\x1b[32m"},
      {"out", "\x1b[31m"},
      {"model fails", "\x1b[31m"},
      {"reverses", "\x1b[31m"},
      {"uninformative", "\x1b[33m"},
      {"undecided", "\x1b[33m"},
      {"not comparable", "\x1b[35m"},
  }};
  for (const auto& [word, color] : kColors) {
    if (word == text) return color;
  }
  return "";
}

std::string Padded(const std::string& text, size_t width, bool left, bool color) {
  const std::string padding(width - std::min(width, text.size()), ' ');
  const std::string_view code = color ? ColorOf(text) : "";
  const std::string shown = code.empty() ? text : fmt::format("{}{}\x1b[0m", code, text);
  return left ? shown + padding : padding + shown;
}

std::vector<size_t> Widths(const TextGrid& grid) {
  std::vector<size_t> widths;
  for (const GridColumn& column : grid.columns) widths.push_back(column.title.size());
  for (const auto& row : grid.rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  return widths;
}

std::string RenderMarkdown(const TextGrid& grid) {
  std::string out = "|";
  for (const GridColumn& column : grid.columns) out += " " + column.title + " |";
  out += "\n|";
  for (const GridColumn& column : grid.columns) out += column.left ? "---|" : "---:|";
  out += "\n";
  for (const auto& row : grid.rows) {
    out += "|";
    for (const std::string& text : row) out += " " + text + " |";
    out += "\n";
  }
  return out;
}

// "model fails" as a class: "is-model-fails".
std::string ClassOf(const std::string& text) {
  if (ColorOf(text).empty()) return "";
  std::string name = text;
  std::replace(name.begin(), name.end(), ' ', '-');
  return fmt::format(" class=\"is-{}\"", name);
}

// Wide tables scroll in a box of their own, which the keyboard can reach.
std::string RenderHtml(const TextGrid& grid) {
  std::string titles;
  for (const GridColumn& column : grid.columns) titles += (titles.empty() ? "" : ", ") + column.title;
  std::string out = fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Table: {}\">\n<table>\n"
      "<thead><tr>",
      EscapeMarkup(titles));
  for (const GridColumn& column : grid.columns) {
    out += fmt::format("<th scope=\"col\"{}>{}</th>", column.left ? " class=\"left\"" : "", EscapeMarkup(column.title));
  }
  out += "</tr></thead>\n<tbody>\n";
  for (const auto& row : grid.rows) {
    out += "<tr>";
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string text = EscapeMarkup(row[i]);
      if (i == 0) {
        out += fmt::format("<th scope=\"row\">{}</th>", text);
      } else if (grid.columns[i].left) {
        const std::string shown =
            ColorOf(row[i]).empty() ? text : fmt::format("<span{}>{}</span>", ClassOf(row[i]), text);
        out += fmt::format("<td class=\"left\">{}</td>", shown);
      } else {
        out += fmt::format("<td>{}</td>", text);
      }
    }
    out += "</tr>\n";
  }
  return out + "</tbody>\n</table>\n</div>\n";
}

std::string RenderLatex(const TextGrid& grid) {
  std::string out = "\\begin{tabular}{@{}";
  for (const GridColumn& column : grid.columns) out += column.left ? 'l' : 'r';
  out += "@{}}\n\\toprule\n";
  const auto line = [&](auto text_of) {
    for (size_t i = 0; i < grid.columns.size(); ++i) out += (i == 0 ? "" : " & ") + EscapeLatex(text_of(i));
    out += " \\\\\n";
  };
  line([&](size_t i) { return grid.columns[i].title; });
  out += "\\midrule\n";
  for (const auto& row : grid.rows) line([&](size_t i) { return row[i]; });
  return out + "\\bottomrule\n\\end{tabular}\n";
}

std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace

std::string RenderGrid(const TextGrid& grid, const RenderOptions& options) {
  if (options.format == RenderFormat::kMarkdown) return RenderMarkdown(grid);
  if (options.format == RenderFormat::kHtml) return RenderHtml(grid);
  if (options.format == RenderFormat::kLatex) return RenderLatex(grid);
  const auto widths = Widths(grid);
  std::string out;
  const auto line = [&](auto text_of, bool color) {
    std::string text;
    for (size_t i = 0; i < grid.columns.size(); ++i) {
      text += "  " + Padded(text_of(i), widths[i], grid.columns[i].left, color);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  };
  line([&](size_t i) { return grid.columns[i].title; }, false);
  for (const auto& row : grid.rows) line([&](size_t i) { return row[i]; }, options.color);
  return out;
}

std::string RenderCsv(const TextGrid& grid) {
  std::string out;
  const char* separator = "";
  for (const GridColumn& column : grid.columns) {
    out += separator + CsvField(column.title);
    separator = ",";
  }
  out += "\n";
  for (const auto& row : grid.rows) {
    separator = "";
    for (const std::string& text : row) {
      out += separator + CsvField(text);
      separator = ",";
    }
    out += "\n";
  }
  return out;
}

std::string Fixed(std::optional<double> value, int decimals) {
  if (!value) return "-";
  std::string text = fmt::format("{:.{}f}", *value, decimals);
  // "-0.0" says nothing that "0.0" does not.
  if (text[0] == '-' && text.find_first_not_of("-0.") == std::string::npos) text.erase(0, 1);
  return text;
}

std::string Exact(std::optional<double> value) { return value ? fmt::format("{}", *value) : ""; }

std::string BandText(const std::optional<Band>& band, int decimals) {
  if (!band) return "-";
  return fmt::format("[{}, {}]", Fixed(band->low, decimals), Fixed(band->high, decimals));
}

std::string Heading(int level, const std::string& text, RenderFormat format) {
  switch (format) {
    case RenderFormat::kText:
    case RenderFormat::kCsv:
      return text + "\n";
    case RenderFormat::kMarkdown:
      return fmt::format("{} {}\n\n", std::string(static_cast<size_t>(level), '#'), text);
    case RenderFormat::kHtml:
      return fmt::format("<h{0}>{1}</h{0}>\n", level + 1, EscapeMarkup(text));
    case RenderFormat::kLatex:
      return "% " + text + "\n";
  }
  UHAUL_CHECK(format <= RenderFormat::kLatex);
  return "";
}

std::string Bullet(const std::string& sentence, RenderFormat format) {
  if (format == RenderFormat::kHtml) return fmt::format("<p class=\"note\">{}</p>\n", EscapeMarkup(sentence));
  if (format == RenderFormat::kMarkdown) return "- " + sentence + "\n";
  if (format == RenderFormat::kLatex) return "% " + sentence + "\n";
  std::string out;
  std::string line = "  -";
  size_t at = 0;
  while (at < sentence.size()) {
    const size_t space = std::min(sentence.find(' ', at), sentence.size());
    const std::string word = sentence.substr(at, space - at);
    if (line.size() + 1 + word.size() > kLineWidth) {
      out += line + "\n";
      line = "   ";
    }
    line += " " + word;
    at = space + 1;
  }
  return out + line + "\n";
}

std::string ScriptName(const std::string& title) {
  std::string name;
  for (const char c : title) {
    if (c == '%') {
      name += "pct";
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      name += c;
    } else if (c >= 'A' && c <= 'Z') {
      name += static_cast<char>(c - 'A' + 'a');
    } else if (!name.empty() && name.back() != '_') {
      name += '_';
    }
  }
  if (!name.empty() && name.back() == '_') name.pop_back();
  return name;
}

}  // namespace uhaul
