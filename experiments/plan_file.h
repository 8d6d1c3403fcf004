// PlanFile: a plan's file (plan.h), read group by group.
//
// A sweep of 80,000 points is a file of 140 MB. Its specs in memory would be copied (their page tables) by each of the
// 80,000 forks that make the points, so an engine keeps only where in the file each group stands; the group's process
// reads its own. Open() checks every point once, so that a bad plan is refused before anything is made.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "experiments/plan.h"

namespace uhaul {

// What an engine is given to make.
class PlanSource {
 public:
  virtual ~PlanSource() = default;
  virtual const std::string& out() const = 0;
  virtual size_t groups() const = 0;
  virtual size_t points(size_t group) const = 0;
  virtual Result<std::vector<PlannedPoint>> Group(size_t index) const = 0;
};

class PlanFile final : public PlanSource {
 public:
  // Errors name the file, and the group and point.
  static Result<std::unique_ptr<PlanFile>> Open(const std::string& path);
  ~PlanFile() override;
  PlanFile(const PlanFile&) = delete;
  PlanFile& operator=(const PlanFile&) = delete;

  const std::string& out() const override { return out_; }
  size_t groups() const override { return ranges_.size(); }
  size_t points(size_t group) const override { return ranges_[group].points; }
  // An error if the file has changed since Open.
  Result<std::vector<PlannedPoint>> Group(size_t index) const override;

 private:
  struct Range {
    size_t begin = 0;  // octets
    size_t length = 0;
    size_t points = 0;
  };

  PlanFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  Status Read();

  std::string path_;
  int fd_;
  std::string out_;
  std::vector<Range> ranges_;
};

// One that is in memory already.
class PlanInMemory final : public PlanSource {
 public:
  explicit PlanInMemory(Plan plan) : plan_(std::move(plan)) {}
  const std::string& out() const override { return plan_.out; }
  size_t groups() const override { return plan_.groups.size(); }
  size_t points(size_t group) const override { return plan_.groups[group].size(); }
  Result<std::vector<PlannedPoint>> Group(size_t index) const override { return plan_.groups[index]; }

 private:
  Plan plan_;
};

}  // namespace uhaul
