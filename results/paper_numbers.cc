#include "results/paper_numbers.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "results/csv_text.h"

namespace uhaul {
namespace {

constexpr const char* kHeader = "source,metric,system,workload,threshold,epoch,value,text,unit,evidence,mark";
constexpr size_t kColumns = 11;

template <class T>
bool ParseWhole(const std::string& text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// What is wrong with a line; empty if nothing.
std::string ReadLine(const std::string& line, PaperNumber& number) {
  const auto fields = SplitCommas(line);
  if (fields.size() != kColumns) return fmt::format("expected {} columns, found {}", kColumns, fields.size());
  number.source = fields[0];
  number.metric = fields[1];
  number.system = fields[2];
  number.workload = fields[3];
  if (number.source.empty() || number.metric.empty()) return "source and metric may not be empty";
  if (!fields[4].empty() && !ParseWhole(fields[4], number.threshold_bytes)) return "threshold is not a number of bytes";
  if (!fields[5].empty() && !ParseWhole(fields[5], number.epoch)) return "epoch is not a number";
  if (!fields[6].empty()) {
    double value = 0;
    if (!ParseWhole(fields[6], value)) return "value is not a number";
    number.value = value;
  }
  number.text = fields[7];
  number.unit = fields[8];
  const auto evidence = ParseEvidence(fields[9]);
  const auto mark = ParseMark(fields[10]);
  if (!evidence) return "unknown class of evidence '" + fields[9] + "'";
  if (!mark) return "unknown mark '" + fields[10] + "'";
  number.evidence = *evidence;
  number.mark = *mark;
  return "";
}

Result<std::vector<PaperNumber>> ReadNumbers(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Error{path + ": cannot open (set UHAUL_PAPER to the directory of the paper's numbers)"};
  std::vector<PaperNumber> numbers;
  std::string line;
  bool header_seen = false;
  for (int at = 1; std::getline(file, line); ++at) {
    if (line.empty() || line[0] == '#') continue;
    if (!header_seen) {
      if (line != kHeader) return Error{fmt::format("{}:{}: expected the header '{}'", path, at, kHeader)};
      header_seen = true;
      continue;
    }
    PaperNumber number;
    if (const std::string problem = ReadLine(line, number); !problem.empty()) {
      return Error{fmt::format("{}:{}: {}", path, at, problem)};
    }
    numbers.push_back(std::move(number));
  }
  if (!header_seen) return Error{path + ": no header"};
  return numbers;
}

Result<std::vector<Contradiction>> ReadContradictions(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Error{path + ": cannot open"};
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array()) return Error{path + ": not a JSON array"};
  std::vector<Contradiction> all;
  for (const auto& item : json) {
    const std::string where = fmt::format("{}: item {}", path, all.size() + 1);
    if (!item.is_object() || !item.contains("number") || !item["number"].is_number_integer() ||
        !item.contains("sentence") || !item["sentence"].is_string() || !item.contains("touches") ||
        !item["touches"].is_array()) {
      return Error{where + ": expected number, touches and sentence"};
    }
    Contradiction contradiction;
    contradiction.number = item["number"].get<int>();
    contradiction.sentence = item["sentence"].get<std::string>();
    for (const auto& touched : item["touches"]) {
      if (!touched.is_string()) return Error{where + ": touches holds names"};
      contradiction.touches.push_back(touched.get<std::string>());
    }
    all.push_back(std::move(contradiction));
  }
  return all;
}

}  // namespace

std::vector<PaperNumber> PaperNumbers::From(const std::string& source, const std::string& metric) const {
  std::vector<PaperNumber> found;
  for (const PaperNumber& number : numbers) {
    if (number.source == source && (metric.empty() || number.metric == metric)) found.push_back(number);
  }
  return found;
}

const PaperNumber* PaperNumbers::Find(const std::string& source, const std::string& metric, const std::string& workload,
                                      uint64_t threshold_bytes) const {
  for (const PaperNumber& number : numbers) {
    if (number.source == source && number.metric == metric && number.workload == workload &&
        number.threshold_bytes == threshold_bytes) {
      return &number;
    }
  }
  return nullptr;
}

Result<PaperNumbers> LoadPaperNumbers(const std::string& directory) {
  auto numbers = ReadNumbers(directory + "/numbers.csv");
  if (!numbers) return numbers.error();
  auto contradictions = ReadContradictions(directory + "/contradictions.json");
  if (!contradictions) return contradictions.error();
  return PaperNumbers{std::move(*numbers), std::move(*contradictions)};
}

Result<PaperNumbers> LoadPaperNumbers() {
  const char* directory = std::getenv("UHAUL_PAPER");
  return LoadPaperNumbers(directory != nullptr && *directory != '\0' ? directory : UHAUL_PAPER_DIR);
}

}  // namespace uhaul
