// Where every number came from.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "results/markup.h"
#include "results/report/parts.h"
#include "results/text_grid.h"

namespace uhaul {
namespace {

struct Origin {
  size_t points = 0;
  double cpu_seconds = 0;
  std::string first;  // ISO 8601: text order is time order
  std::string last;
};

std::string Versions(const Provenance& provenance) {
  std::string out;
  for (const auto& [what, version] : provenance.versions) {
    if (!version.empty()) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", what, version);
  }
  return out;
}

}  // namespace

std::string ProvenancePart(const ReportInput& input) {
  std::map<std::vector<std::string>, Origin> origins;
  std::map<std::string, size_t> commands;
  for (const Provenance& p : input.provenance) {
    Origin& origin = origins[{p.engine, p.build, p.host, Versions(p)}];
    ++origin.points;
    origin.cpu_seconds += p.cpu_seconds;
    if (origin.first.empty() || p.started < origin.first) origin.first = p.started;
    origin.last = std::max(origin.last, p.finished);
    ++commands[p.command];
  }
  TextGrid grid;
  grid.columns = {{"engine", true}, {"build", true}, {"host", true},        {"made with", true},
                  {"points"},       {"CPU, s"},      {"first began", true}, {"last ended", true}};
  for (const auto& [key, origin] : origins) {
    grid.rows.push_back({key[0], key[1], key[2], key[3], fmt::to_string(origin.points), Fixed(origin.cpu_seconds, 1),
                         origin.first, origin.last});
  }
  RenderOptions html;
  html.format = RenderFormat::kHtml;
  std::string body = RenderGrid(grid, html) + "<p>The commands that made the points:</p>\n<ul>\n";
  for (const auto& [command, points] : commands) {
    body += fmt::format("<li><code>{}</code> ({} points)</li>\n", EscapeMarkup(command), points);
  }
  body += fmt::format("</ul>\n<p>This page: <code>{}</code></p>\n", EscapeMarkup(input.command));
  return Section("provenance", "Provenance", body);
}

}  // namespace uhaul
