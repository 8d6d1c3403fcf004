// Section 4.3 and the abstract: migration time, buffer, mice latency.
#include <fmt/format.h>

#include "results/claim_builders.h"
#include "results/text_grid.h"

namespace uhaul {
namespace {

constexpr auto kController = static_cast<size_t>(BufferPlace::kController);

double ToReduction(double ratio) { return 100 * (1 - ratio); }
double ToLatencyReduction(double ratio) { return 100 * (1 - 1 / ratio); }

std::optional<double> OpenNfDowntime(const TraceRuns& trace) {
  return trace.opennf == nullptr ? std::nullopt : trace.opennf_metrics.downtime_ms;
}

using BufferMember = std::array<uint64_t, kBufferPlaces> RunMetrics::*;

RunFigure OpenNfBuffer(BufferMember member) {
  return [member](const TraceRuns& trace) -> std::optional<double> {
    if (trace.opennf == nullptr) return std::nullopt;
    return static_cast<double>((trace.opennf_metrics.*member)[kController]);
  };
}

// In percent, at each of the paper's thresholds.
std::vector<Sampled> DowntimeReductions(const ClaimList& list, const std::string& workload) {
  const WorkloadRuns& runs = list.study.Of(workload);
  std::vector<Sampled> all;
  for (const uint64_t threshold : PaperThresholds(list.paper, workload)) {
    const auto downtime = AtThreshold(threshold, [](const UhaulRun& run) { return run.metrics.downtime_ms; });
    all.push_back(Transform(Sample(runs, RatioOfMeans(runs, downtime, OpenNfDowntime)), ToReduction));
  }
  return all;
}

std::vector<Sampled> BufferSavings(const ClaimList& list, const std::string& workload, BufferMember member) {
  const WorkloadRuns& runs = list.study.Of(workload);
  std::vector<Sampled> all;
  for (const uint64_t threshold : PaperThresholds(list.paper, workload)) {
    const auto buffer = AtThreshold(threshold, [member](const UhaulRun& run) -> std::optional<double> {
      return static_cast<double>((run.metrics.*member)[kController]);
    });
    all.push_back(Transform(Sample(runs, RatioOfMeans(runs, buffer, OpenNfBuffer(member))), ToReduction));
  }
  return all;
}

// Mice's FCT under OpenNF over that under U-HAUL, as Tables 6 and 7 have it.
std::vector<Sampled> RatiosOf(const ClaimList& list, const std::string& workload, MicePopulation population,
                              std::optional<double> FctRatio::*member) {
  const WorkloadRuns& runs = list.study.Of(workload);
  std::vector<Sampled> all;
  for (const uint64_t threshold : PaperThresholds(list.paper, workload)) {
    all.push_back(Sample(runs, MeanOf(runs, AtThreshold(threshold, [=](const UhaulRun& run) {
                                        return run.fct ? (*run.fct)[static_cast<size_t>(population)].*member
                                                       : std::nullopt;
                                      }))));
  }
  return all;
}

std::string Of(const Sampled& sampled, const char* unit) {
  const std::string text = Fixed(sampled.value, 1);
  return sampled.value ? text + unit : text;
}

void AddTime(ClaimList& list) {
  std::vector<Sampled> means;
  std::vector<Sampled> every;
  for (const char* workload : kPaperWorkloads) {
    const auto reductions = DowntimeReductions(list, workload);
    means.push_back(Mean(reductions));
    every.insert(every.end(), reductions.begin(), reductions.end());
  }
  const Sampled best_mean = Largest(means);
  list.claims.push_back(MakeClaim(
      "time-reduction", "Average migration time less by up to", "%",
      list.paper.Find("Abstract", "migration_time_reduction_avg_max", ""), best_mean, DirectionOf(best_mean),
      fmt::format("Migration time: averaged over the thresholds, U-HAUL's downtime is below OpenNF's by {} in the "
                  "workload where that is most (web search {}, Facebook {}, Azure {}); the largest single cell is {}.",
                  Of(best_mean, " %"), Of(means[0], " %"), Of(means[1], " %"), Of(means[2], " %"),
                  Of(Largest(every), " %"))));
  const auto web = DowntimeReductions(list, "web_search");
  const Sampled least = Least(web);
  const Sampled most = Largest(web);
  list.claims.push_back(MakeClaim("downtime-reduction-min.web_search", "Web search: downtime less by at least", "%",
                                  list.paper.Find("Section 4.3", "downtime_reduction_min", "web_search"), least,
                                  DirectionOf(least), ""));
  list.claims.push_back(MakeClaim("downtime-reduction-max.web_search", "Web search: downtime less by up to", "%",
                                  list.paper.Find("Section 4.3", "downtime_reduction_max", "web_search"), most,
                                  DirectionOf(most),
                                  fmt::format("Downtime, web search: less than OpenNF's by {} to {} over the "
                                              "thresholds, {} on average over them.",
                                              Of(least, " %"), Of(most, " %"), Of(Mean(web), " %"))));
}

void AddBuffer(ClaimList& list) {
  std::vector<Sampled> peaks;
  std::vector<Sampled> volumes;
  for (const char* workload : kPaperWorkloads) {
    for (const Sampled& s : BufferSavings(list, workload, &RunMetrics::buffer_peak)) peaks.push_back(s);
    for (const Sampled& s : BufferSavings(list, workload, &RunMetrics::buffer_volume)) volumes.push_back(s);
  }
  const Sampled most = Largest(peaks);
  list.claims.push_back(
      MakeClaim("buffer-saving", "Buffer at the controller less by up to", "%",
                list.paper.Find("Section 1", "buffer_usage_reduction_max", ""), most, DirectionOf(most),
                fmt::format("Buffer at the controller, all workloads: the most bytes held at once fall by up to {}, "
                            "the bytes ever held by up to {}.",
                            Of(most, " %"), Of(Largest(volumes), " %"))));
  const auto web = BufferSavings(list, "web_search", &RunMetrics::buffer_peak);
  const auto web_volume = BufferSavings(list, "web_search", &RunMetrics::buffer_volume);
  list.claims.push_back(MakeClaim("buffer-saving-min.web_search", "Web search: buffer less by at least", "%",
                                  list.paper.Find("Section 4.3", "buffer_saving_min", "web_search"), Least(web),
                                  DirectionOf(Least(web)), ""));
  list.claims.push_back(MakeClaim(
      "buffer-saving-max.web_search", "Web search: buffer less by up to", "%",
      list.paper.Find("Section 4.3", "buffer_saving_max", "web_search"), Largest(web), DirectionOf(Largest(web)),
      fmt::format("Buffer, web search: by peak {} to {}, by volume {} to {} less than OpenNF's.", Of(Least(web), " %"),
                  Of(Largest(web), " %"), Of(Least(web_volume), " %"), Of(Largest(web_volume), " %"))));
}

void AddLatency(ClaimList& list) {
  using enum MicePopulation;
  std::vector<Sampled> every;
  std::vector<Claim> least_claims;
  for (const char* workload : kPaperWorkloads) {
    const auto measured = RatiosOf(list, workload, kUnselected, &FctRatio::ratio_of_means);
    for (const Sampled& ratio : measured) every.push_back(Transform(ratio, ToLatencyReduction));
    const Sampled ratio = Least(measured);
    const Sampled least = Transform(ratio, ToLatencyReduction);
    const Sampled reckoned = Least(RatiosOf(list, workload, kUnselected, &FctRatio::arithmetic));
    const Sampled arrived = Least(RatiosOf(list, workload, kArrived, &FctRatio::ratio_of_means));
    const std::string title = WorkloadTitle(workload);
    least_claims.push_back(MakeClaim(
        fmt::format("latency-reduction-min.{}", workload), title + ": mice latency less by at least", "%",
        list.paper.Find("Section 4.3", "mice_latency_reduction_min", workload), least, DirectionOf(least),
        fmt::format("Mice latency, {}: measured on the paper's population, OpenNF's FCT is at least {} that of U-HAUL; "
                    "by the paper's arithmetic, which adds OpenNF's downtime to every mouse, {}; for the mice that "
                    "arrive during OpenNF's move, measured, {}.",
                    title, Of(ratio, " times"), Of(reckoned, " times"), Of(arrived, " times"))));
  }
  const Sampled most = Largest(every);
  list.claims.push_back(MakeClaim("latency-reduction", "Latency to mice less by up to", "%",
                                  list.paper.Find("Abstract", "mice_latency_reduction_max", ""), most,
                                  DirectionOf(most), ""));
  for (Claim& claim : least_claims) list.claims.push_back(std::move(claim));
}

}  // namespace

std::vector<uint64_t> PaperThresholds(const PaperNumbers& paper, const std::string& workload) {
  std::vector<uint64_t> thresholds;
  for (const PaperNumber& number : paper.numbers) {
    if (number.metric == "total_time" && number.workload == workload) thresholds.push_back(number.threshold_bytes);
  }
  return thresholds;
}

Claim MakeClaim(std::string key, std::string text, std::string unit, const PaperNumber* number, const Sampled& ours,
                Direction direction, std::string sentence) {
  Claim claim;
  claim.key = std::move(key);
  claim.text = std::move(text);
  claim.unit = std::move(unit);
  claim.ours = ours.value;
  claim.band = ours.band();
  claim.direction = direction;
  claim.sentence = std::move(sentence);
  if (number == nullptr) return claim;
  claim.paper = number->value;
  claim.evidence = number->evidence;
  if (claim.paper) claim.verdict = Judge(*claim.paper, claim.band, number->mark);
  return claim;
}

void AddPerformanceClaims(ClaimList& list) {
  AddTime(list);
  AddBuffer(list);
  AddLatency(list);
}

}  // namespace uhaul
