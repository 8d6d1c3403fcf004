#include "experiments/flow_sizes.h"

#include "workloads/distribution.h"

namespace uhaul {
namespace {

Status AddDistribution(const std::string& name, FigureData* figure) {
  const Result<SizeDistribution> sizes = SizeDistribution::Load(name);
  if (!sizes.ok()) return sizes.error();
  const auto evidence = sizes->about().find("evidence");
  const std::string known = evidence == sizes->about().end() ? "" : evidence->second;
  for (const SizeDistribution::Point& point : sizes->points()) {
    const Bytes bytes(static_cast<uint64_t>(point.bytes));
    figure->rows.push_back({{name, {}},
                            {"", static_cast<double>(bytes.count())},
                            {"", point.probability},
                            {"", sizes->ByteShareAbove(bytes)},
                            {known, {}}});
  }
  return {};
}

}  // namespace

Result<FigureData> BuildFlowSizes() {
  FigureData figure{"1a",
                    "Flow sizes of the three workloads",
                    {{"workload", FigureUnit::kText},
                     {"bytes"},
                     {"share of flows up to", FigureUnit::kNumber, 4},
                     {"share of bytes from", FigureUnit::kNumber, 4},
                     {"evidence", FigureUnit::kText}},
                    {},
                    {}};
  for (const char* name : kPaperWorkloads) {
    if (Status s = AddDistribution(name, &figure); !s.ok()) return s.error();
  }
  if (Status s = AddPaperShares(&figure); !s.ok()) return s.error();
  const auto contradictions = ContradictionsOf("Figure 1a");
  if (!contradictions.ok()) return contradictions.error();
  figure.notes = *contradictions;
  return figure;
}

}  // namespace uhaul
