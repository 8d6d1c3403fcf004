// The robustness matrix as a picture.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "results/markup.h"
#include "results/palette.h"
#include "results/robustness.h"

namespace uhaul {
namespace {

constexpr double kLeft = 400;
constexpr double kTop = 96;
constexpr double kCell = 7;
constexpr double kRow = 19;
constexpr double kSendersGap = 3;
constexpr double kLetter = 8.2;  // of a heading, about
constexpr double kLegend = 960;
constexpr double kGroupGap = 14;  // between tables and between profiles

struct Colored {
  Direction direction;
  const char* color;
  const char* name;
};
// Told apart without colour, too: by how much of the cell is filled.
constexpr std::array<Colored, 3> kColored = {{{Direction::kHolds, kPalette[0], "holds"},
                                              {Direction::kReverses, kPalette[1], "reverses"},
                                              {Direction::kUndecided, "#9a9a9a", "undecided"}}};

double HeightOf(Direction direction) {
  switch (direction) {
    case Direction::kHolds:
      return kRow - 3;
    case Direction::kReverses:
      return (kRow - 3) / 2;
    case Direction::kUndecided:
      return 2;
    case Direction::kNone:
      break;
  }
  return 0;
}

class Picture {
 public:
  explicit Picture(const Robustness& robustness) : robustness_(robustness) { Place(); }

  std::string Draw() {
    Headings();
    for (size_t i = 0; i < robustness_.claims.size(); ++i)
      Claim(robustness_.claims[i], kTop + kRow * static_cast<double>(i));
    const double bottom = kTop + kRow * static_cast<double>(robustness_.claims.size());
    Legend(bottom + 26);
    const double width = std::max((xs_.empty() ? kLeft : xs_.back()) + 140, kLeft + kLegend);
    const double height = bottom + 44;
    const char* about = "Each claim of the paper in each setting: holds, reverses or undecided";
    return fmt::format(
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
               "height=\"{1:.0f}\" role=\"img\" aria-label=\"{2}\" fill=\"currentColor\" "
               "font-family=\"DejaVu Sans, Helvetica, Arial, sans-serif\" font-size=\"12\">\n<title>{2}</title>\n",
               width, height, about) +
           out_ + "</svg>\n";
  }

 private:
  const RobustnessSetting& Setting(size_t i) const { return robustness_.settings[i]; }
  bool SameGroup(size_t a, size_t b) const {
    return Setting(a).profile == Setting(b).profile && Setting(a).tables == Setting(b).tables;
  }

  std::string GroupName(size_t i) const { return Setting(i).profile + ", " + Setting(i).tables; }

  void Place() {
    double x = kLeft;
    double heading_end = 0;
    for (size_t i = 0; i < robustness_.settings.size(); ++i) {
      if (i > 0) x += kCell;
      if (i == 0 || !SameGroup(i - 1, i)) {
        if (i > 0) x = std::max(x, heading_end) + kGroupGap;
        heading_end = x + kLetter * static_cast<double>(GroupName(i).size());
      } else if (Setting(i - 1).senders != Setting(i).senders) {
        x += kSendersGap;
      }
      xs_.push_back(x);
    }
  }

  template <class... Args>
  void Add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }
  void Text(double x, double y, const char* anchor, const std::string& text, const char* more = "") {
    Add("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" {}>{}</text>\n", x, y, anchor, more, EscapeMarkup(text));
  }

  void Headings() {
    Text(kLeft - 12, 34, "end", "profile, tables of sizes", "font-weight=\"bold\"");
    Text(kLeft - 12, kTop - 26, "end", "senders at a time (left to right in each: load)", "font-weight=\"bold\"");
    std::string loads;
    for (size_t i = 0; i < xs_.size(); ++i) {
      const bool group = i == 0 || !SameGroup(i - 1, i);
      const bool senders = group || Setting(i - 1).senders != Setting(i).senders;
      if (group) Text(xs_[i], 34, "start", GroupName(i), "font-weight=\"bold\"");
      if (senders) {
        Add("<text x=\"{0:.1f}\" y=\"{1:.1f}\" font-size=\"10\" transform=\"rotate(-45 {0:.1f} {1:.1f})\">{2}</text>\n",
            xs_[i] + kCell, kTop - 10, EscapeMarkup(Setting(i).senders));
      }
      if (i == 0 || (!loads.empty() && Setting(i).senders == Setting(0).senders && SameGroup(0, i))) {
        loads += (loads.empty() ? "" : ", ") + Setting(i).load;
      }
    }
    loads_ = loads;
  }

  void Claim(const RobustClaim& claim, double y) {
    Text(kLeft - 12, y + kRow - 6, "end", claim.text);
    for (const Colored& colored : kColored) {
      std::string path;
      const double height = HeightOf(colored.direction);
      for (size_t i = 0; i < claim.cells.size(); ++i) {
        if (claim.cells[i].direction != colored.direction) continue;
        path += fmt::format("M{:.0f} {:.1f}h{:.0f}v{:.1f}h-{:.0f}z", xs_[i], y + (kRow - height) / 2, kCell - 1, height,
                            kCell - 1);
      }
      if (!path.empty()) Add("<path fill=\"{}\" d=\"{}\"/>\n", colored.color, path);
    }
    const double end = xs_.empty() ? kLeft : xs_.back();
    Text(end + 20, y + kRow - 6, "start",
         fmt::format("{}/{}/{}", claim.Count(Direction::kHolds), claim.Count(Direction::kReverses),
                     claim.Count(Direction::kUndecided)));
  }

  void Legend(double y) {
    double x = kLeft;
    for (const Colored& colored : kColored) {
      const double height = HeightOf(colored.direction);
      Add("<rect x=\"{:.0f}\" y=\"{:.1f}\" width=\"14\" height=\"{:.1f}\" fill=\"{}\"/>\n", x, y - 4 - height / 2,
          height, colored.color);
      Text(x + 20, y, "start", colored.name);
      x += 130;
    }
    Text(x, y, "start",
         fmt::format("at the right: how often; loads, left to right: {}; {} traces", loads_, robustness_.traces));
  }

  const Robustness& robustness_;
  std::vector<double> xs_;
  std::string loads_;
  std::string out_;
};

}  // namespace

std::string RobustnessSvg(const Robustness& robustness) { return Picture(robustness).Draw(); }

}  // namespace uhaul
