// uhaul figure: the data of a figure as text, or drawn.
#include <fmt/format.h>

#include <algorithm>

#include "experiments/cli_points.h"
#include "experiments/flow_sizes.h"
#include "experiments/gnuplot_process.h"

namespace uhaul {
namespace {

namespace po = boost::program_options;

struct Request {
  std::string name;
  RenderOptions options;
  std::optional<PictureFormat> picture;
  std::string out;
};

std::optional<PictureFormat> PictureNamed(const std::string& format) {
  if (format == "svg") return PictureFormat::kSvg;
  if (format == "pdf") return PictureFormat::kPdf;
  return std::nullopt;
}

Result<Request> ReadRequest(const CommandLine& line) {
  Request request;
  request.name = line.Get<std::vector<std::string>>("name").front();
  request.out = line.Get<std::string>("out");
  std::vector<std::string> names = FigureNames();
  names.insert(names.begin(), "1a");
  if (std::find(names.begin(), names.end(), request.name) == names.end()) {
    return Error{fmt::format("there is no figure {} (one of {})", Quoted(request.name), fmt::join(names, ", "))};
  }
  // What is written to FIGURE.svg is an SVG.
  std::string format = line.Get<std::string>("format");
  if (!line.Has("format")) {
    const size_t dot = request.out.rfind('.');
    const std::string ending = dot == std::string::npos ? "" : request.out.substr(dot + 1);
    if (PictureNamed(ending) || FormatNamed(ending)) format = ending;
    if (ending == "tex") format = "latex";
  }
  request.picture = PictureNamed(format);
  const std::optional<RenderFormat> text = FormatNamed(format);
  if (!request.picture && !text) {
    return Error{fmt::format("--format has no value {} (one of text, md, csv, latex, svg, pdf)", Quoted(format))};
  }
  const Result<RenderOptions> options = ReadResampling(line);
  if (!options.ok()) return options.error();
  request.options = *options;
  if (text) request.options.format = *text;
  const Result<double> share = ParseShare("shift-at-least", 1, line.Get<std::string>("shift-at-least"));
  if (!share.ok()) return share.error();
  request.options.least_shifted_percent = 100 * *share;
  if (!request.out.empty()) request.options.color = false;
  return request;
}

Result<FigureData> ReadFigure(const CommandLine& line, const Request& request) {
  if (request.name == "1a") return BuildFlowSizes();
  const Result<PointReader> points = ReadDefinition(line, DefinitionOfFigure(request.name), "figure " + request.name);
  if (!points.ok()) return points.error();
  return BuildFigure(request.name, points->points(), request.options);
}

}  // namespace

int FigureCommand(const Arguments& arguments) {
  CommandLine line(
      "uhaul figure NAME [options]",
      "Draws a figure of the paper with the paper's numbers beside ours (svg, pdf: takes gnuplot), or prints "
      "its data, one line per bar or point.",
      "uhaul figure 7 --out figure-7.svg");
  AddPointOptions(&line);
  line.options().add_options()("format,f", po::value<std::string>()->default_value("text"),
                               "text, md, csv, latex, svg or pdf; without it, as --out ends")(
      "out,o", po::value<std::string>()->default_value(""), "write to this file")(
      "shift-at-least", po::value<std::string>()->default_value("25%"),
      "sweet-spot: the best threshold also among those that shift this share of the traffic");
  line.Positional("name", 1);
  if (const std::optional<int> done = line.Parse(arguments)) return *done;
  if (!line.Has("name")) return line.Usage("which figure?");
  const Result<Request> request = ReadRequest(line);
  if (!request.ok()) return line.Usage(request.error().message);
  const Result<FigureData> figure = ReadFigure(line, *request);
  if (!figure.ok()) return FailFor(figure.error());
  const Result<std::string> text = request->picture
                                       ? DrawPicture(FigureTitle(*figure), ChartsOf(*figure), *request->picture)
                                       : Result<std::string>(RenderFigure(*figure, request->options));
  if (!text.ok()) return Fail(exit_code::kBadInput, text.error().message);
  if (request->out.empty()) {
    fmt::print("{}", *text);
    return exit_code::kOk;
  }
  const Status written = WriteTextFile(request->out, *text);
  return written.ok() ? exit_code::kOk : FailFor(written.error());
}

}  // namespace uhaul
