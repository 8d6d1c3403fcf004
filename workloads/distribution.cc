#include "workloads/distribution.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/check.h"

namespace uhaul {
namespace {

constexpr size_t kMaxPoints = 100'000;
constexpr double kMaxBytes = 1e11;  // a flow's greatest size; the FIT counts to 2^37

std::string CheckPoint(const SizeDistribution::Point& point, const SizeDistribution::Point* before) {
  if (!std::isfinite(point.bytes) || point.bytes < 0 || point.bytes > kMaxBytes) {
    return fmt::format("a size of {} bytes; sizes lie between 0 and {}", point.bytes, kMaxBytes);
  }
  if (!std::isfinite(point.probability) || point.probability < 0 || point.probability > 1) {
    return fmt::format("a probability of {}; write it between 0 and 1 (not in per cent)", point.probability);
  }
  if (before == nullptr) return {};
  if (point.bytes <= before->bytes) {
    return fmt::format("{} bytes after {}; sizes must increase from point to point", point.bytes, before->bytes);
  }
  if (point.probability < before->probability) {
    return fmt::format("probability {} after {}; it is cumulative and may not fall", point.probability,
                       before->probability);
  }
  return {};
}

// Integral of x over the part of a segment at or above `threshold`, its probability spread evenly over its sizes.
double SegmentBytes(const SizeDistribution::Point& low, const SizeDistribution::Point& high, double threshold) {
  const double from = std::max(low.bytes, threshold);
  if (from >= high.bytes) return 0;
  const double density = (high.probability - low.probability) / (high.bytes - low.bytes);
  return density * (high.bytes - from) * (high.bytes + from) / 2;
}

}  // namespace

Result<SizeDistribution> SizeDistribution::FromPlacedPoints(std::vector<Point> points, const std::string& whole,
                                                            const std::function<std::string(size_t)>& place) {
  if (points.size() < 2) {
    return Error{fmt::format("{}: {} points; a distribution needs at least two `bytes,cumulative_probability` lines",
                             whole, points.size())};
  }
  if (points.size() > kMaxPoints) {
    return Error{fmt::format("{}: {} points; at most {} are read", whole, points.size(), kMaxPoints)};
  }
  for (size_t i = 0; i < points.size(); ++i) {
    const std::string wrong = CheckPoint(points[i], i == 0 ? nullptr : &points[i - 1]);
    if (!wrong.empty()) return Error{fmt::format("{}: {}", place(i), wrong)};
  }
  if (points.back().probability != 1) {
    return Error{fmt::format("{}: the last probability is {}; the table must end at exactly 1",
                             place(points.size() - 1), points.back().probability)};
  }
  SizeDistribution distribution;
  distribution.points_ = std::move(points);
  if (!(distribution.MeanBytes() > 0)) {
    return Error{fmt::format("{}: every flow has 0 bytes; give the sizes above 0 a probability", whole)};
  }
  return distribution;
}

Result<SizeDistribution> SizeDistribution::FromPoints(std::vector<Point> points, std::string where) {
  return FromPlacedPoints(std::move(points), where,
                          [&where](size_t i) { return fmt::format("{}: point {}", where, i + 1); });
}

double SizeDistribution::MeanBytes() const {
  double mean = points_.front().bytes * points_.front().probability;
  for (size_t i = 1; i < points_.size(); ++i) mean += SegmentBytes(points_[i - 1], points_[i], 0);
  return mean;
}

double SizeDistribution::ByteShareAbove(Bytes threshold) const {
  const auto least = static_cast<double>(threshold.count());
  // A first point above probability 0 is an atom: that share of flows has exactly its size.
  const Point& first = points_.front();
  double above = first.bytes >= least ? first.bytes * first.probability : 0;
  for (size_t i = 1; i < points_.size(); ++i) above += SegmentBytes(points_[i - 1], points_[i], least);
  return above / MeanBytes();
}

uint64_t SizeDistribution::Sample(Random& random) const { return Quantile(random.Uniform()); }

uint64_t SizeDistribution::Quantile(double u) const {
  UHAUL_CHECK(u >= 0 && u <= 1);
  const auto high = std::lower_bound(points_.begin(), points_.end(), u,
                                     [](const Point& point, double p) { return point.probability < p; });
  double bytes = high->bytes;
  if (high != points_.begin()) {
    const auto low = high - 1;
    const double part = (u - low->probability) / (high->probability - low->probability);
    bytes = low->bytes + part * (high->bytes - low->bytes);
  }
  return static_cast<uint64_t>(std::max<long long>(1, std::llround(bytes)));
}

double SizeDistribution::Cumulative(double bytes) const {
  if (bytes < points_.front().bytes) return 0;
  if (bytes >= points_.back().bytes) return 1;
  const auto high = std::upper_bound(points_.begin(), points_.end(), bytes,
                                     [](double b, const Point& point) { return b < point.bytes; });
  const auto low = high - 1;
  const double part = (bytes - low->bytes) / (high->bytes - low->bytes);
  return low->probability + part * (high->probability - low->probability);
}

}  // namespace uhaul
