// What the commands that read stored points share: their options, and how the points of a definition are found.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "experiments/cli.h"
#include "experiments/point_reader.h"
#include "results/paper_tables.h"

namespace uhaul {

// --set, --results, --definition, --resamples, --seed.
void AddPointOptions(CommandLine* line);
// --format text, md, csv or latex.
void AddFormatOption(CommandLine* line);
std::optional<RenderFormat> FormatNamed(std::string_view name);
Result<RenderFormat> ReadFormat(const CommandLine& line);

// --resamples, --seed; colour if stdout is a terminal.
Result<RenderOptions> ReadResampling(const CommandLine& line);
// The same with --format.
Result<RenderOptions> ReadRendering(const CommandLine& line);

// The definition's points; where its traces were not set by hand, also the further traces (6, 7, ...) that are there
// completely, so that `uhaul table` sees all that an earlier `uhaul run --set workload.trace=1..30` made. Says on
// stderr how many are missing, and how to make them; `what` is what they are read for.
Result<PointReader> ReadDefinition(const std::string& directory, const std::string& name,
                                   const std::vector<std::string>& sets, const std::string& what);
// The same as the command line says; --definition replaces `name`.
Result<PointReader> ReadDefinition(const CommandLine& line, const std::string& name, const std::string& what);

// That points are missing, if any are, and the command that makes them.
void SayMissing(const std::string& what, size_t missing, size_t of, const std::string& directory,
                const std::string& definition, const std::vector<std::string>& sets);

using RenderPoints = std::function<Result<std::string>(std::span<const StoredPoint>, const RenderOptions&)>;
// The definition whose points a figure is made from.
std::string DefinitionOfFigure(const std::string& figure);
// Reads, renders, prints; the exit code.
int PrintFrom(const CommandLine& line, const std::string& what, const std::string& definition,
              const RenderPoints& render);

}  // namespace uhaul
