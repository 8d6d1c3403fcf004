// The numbers that the paper prints, as data: results/paper/numbers.csv (190 that it prints, 20 differences of two of
// them) and results/paper/contradictions.json (where it disagrees with itself). Read from $UHAUL_PAPER if set, else
// from the directory given at build time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "results/verdict.h"

namespace uhaul {

struct PaperNumber {
  std::string source;            // "Table 1", "s4.2", "derived", ...
  std::string metric;            // "false_negative_rate", ...
  std::string system;            // "uhaul", "size-based", "opennf" or ""
  std::string workload;          // as in workload.name, "all" or ""
  uint64_t threshold_bytes = 0;  // 0: none
  int epoch = 0;                 // 0: none
  std::optional<double> value;   // none where the paper prints words or a list
  std::string text;              // as printed
  std::string unit;
  Evidence evidence = Evidence::kPredicted;
  Mark mark = Mark::kNone;
};

struct Contradiction {
  int number = 0;
  std::vector<std::string> touches;  // "Table 8", "claims", ...
  std::string sentence;
};

struct PaperNumbers {
  std::vector<PaperNumber> numbers;
  std::vector<Contradiction> contradictions;

  std::vector<PaperNumber> From(const std::string& source, const std::string& metric = "") const;
  // The one number of that description; nullptr if there is none.
  const PaperNumber* Find(const std::string& source, const std::string& metric, const std::string& workload,
                          uint64_t threshold_bytes = 0) const;
};

// Errors name file and line.
Result<PaperNumbers> LoadPaperNumbers(const std::string& directory);
Result<PaperNumbers> LoadPaperNumbers();

}  // namespace uhaul
