// Trace files: written at once or not at all, read with every line checked.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <numeric>
#include <system_error>

#include "workloads/line_reader.h"
#include "workloads/trace.h"

namespace uhaul {
namespace {

constexpr size_t kMaxLine = 512;
constexpr size_t kMaxAbout = 100;
constexpr size_t kMaxFlows = 100'000'000;
constexpr std::string_view kFirstLine = "# uhaul-trace 1";
constexpr std::string_view kColumns = "flow,arrival_ns,bytes,five_tuple";

// ---- writing

// A file that appears under its name complete, or not at all.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path) : path_(path), temporary_(fmt::format("{}.tmp.{}", path, getpid())) {
    fd_ = open(temporary_.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0666);
    if (fd_ < 0) failure_ = errno;
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() {
    if (fd_ < 0) return;
    close(fd_);
    unlink(temporary_.c_str());
  }

  void Write(std::string_view text) {
    while (failure_ == 0 && !text.empty()) {
      const ssize_t wrote = write(fd_, text.data(), text.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) failure_ = errno;
      if (wrote >= 0) text.remove_prefix(static_cast<size_t>(wrote));
    }
  }

  Status Commit() {
    if (failure_ == 0 && fsync(fd_) != 0) failure_ = errno;
    if (failure_ == 0 && rename(temporary_.c_str(), path_.c_str()) != 0) failure_ = errno;
    if (failure_ != 0) {
      return Error{fmt::format("{}: cannot be written: {}", path_, std::generic_category().message(failure_))};
    }
    close(fd_);
    fd_ = -1;
    return {};
  }

 private:
  std::string path_;
  std::string temporary_;
  int fd_ = -1;
  int failure_ = 0;
};

// What is written must be read back as the same: no line ends, a key that is a word, a value without outer spaces.
Status CheckAbout(const std::string& path, const std::string& key, const std::string& value) {
  const std::string line = fmt::format("# {}: {}", key, value);
  std::string_view read_key, read_value;
  const bool printable =
      std::none_of(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  if (printable && line.size() <= kMaxLine && ParseAbout(line, &read_key, &read_value) && read_key == key &&
      read_value == value) {
    return {};
  }
  return Error{
      fmt::format("{}: the comment '{}' cannot be written in one line of at most {} octets", path, key, kMaxLine)};
}

// ---- reading

Result<TraceFlow> ParseRow(std::string_view line, size_t number, TimePoint before, const LineReader& reader) {
  std::array<std::string_view, 4> fields;
  for (size_t i = 0; i < 3; ++i) {
    const size_t comma = line.find(',');
    if (comma == std::string_view::npos) return reader.At(fmt::format("expected four columns, `{}`", kColumns));
    fields[i] = line.substr(0, comma);
    line.remove_prefix(comma + 1);
  }
  fields[3] = line;
  uint64_t flow = 0;
  uint64_t arrival = 0;
  TraceFlow row;
  if (!ParseWhole(fields[0], kMaxFlows, &flow) || flow != number) {
    return reader.At(
        fmt::format("flow number '{}', expected {}: flows are numbered from 0, line by line", fields[0], number));
  }
  if (!ParseWhole(fields[1], kMaxTraceNanos, &arrival)) {
    return reader.At(fmt::format("'{}' is not an arrival time: whole nanoseconds up to {}", fields[1], kMaxTraceNanos));
  }
  row.arrival = TimePoint::FromNanos(static_cast<int64_t>(arrival));
  if (row.arrival < before) {
    return reader.At(fmt::format("arrival {} comes after {}; sort the flows by arrival", arrival, before.nanos()));
  }
  if (!ParseWhole(fields[2], kMaxTraceFlowBytes, &row.bytes) || row.bytes == 0) {
    return reader.At(fmt::format("'{}' is not a flow's size: whole bytes from 1 to {}", fields[2], kMaxTraceFlowBytes));
  }
  const Result<FiveTuple> tuple = FiveTuple::Parse(fields[3]);
  if (!tuple) return reader.At(tuple.error().message);
  row.tuple = *tuple;
  return row;
}

// The comments and the line of column names. *flows: how many the file says it has, or none.
Status ReadHead(LineReader& reader, Trace* trace, std::string* flows) {
  std::string_view line;
  Result<bool> more = reader.Next(&line);
  if (!more) return more.error();
  if (!*more || line != kFirstLine) {
    return reader.At(fmt::format("not a trace: the first line must be `{}`", kFirstLine));
  }
  for (;;) {
    more = reader.Next(&line);
    if (!more) return more.error();
    if (!*more) return reader.At(fmt::format("the file ends before the line `{}`", kColumns));
    if (line == kColumns) return {};
    std::string_view key, value;
    if (!ParseAbout(line, &key, &value)) {
      return reader.At(fmt::format("expected `# key: value` or the column names `{}`", kColumns));
    }
    if (trace->about.size() >= kMaxAbout) return reader.At(fmt::format("more than {} comments", kMaxAbout));
    if (!trace->about.emplace(key, value).second) return reader.At(fmt::format("'{}' is given twice", key));
    if (key == "flows") *flows = value;
  }
}

// The first flow, in order of the file, whose five-tuple an earlier one has; and that earlier one.
bool FindRepeated(const std::vector<TraceFlow>& flows, size_t* earlier, size_t* later) {
  std::vector<uint32_t> order(flows.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    const auto by_tuple = flows[a].tuple <=> flows[b].tuple;
    return by_tuple != 0 ? by_tuple < 0 : a < b;
  });
  *later = flows.size();
  for (size_t i = 1; i < order.size(); ++i) {
    if (flows[order[i - 1]].tuple != flows[order[i]].tuple || order[i] >= *later) continue;
    *earlier = order[i - 1];
    *later = order[i];
  }
  return *later < flows.size();
}

}  // namespace

Status WriteTrace(const Trace& trace, const std::string& path) {
  for (const auto& [key, value] : trace.about) {
    const Status status = CheckAbout(path, key, value);
    if (!status) return status.error();
  }
  AtomicFile file(path);
  fmt::memory_buffer text;
  fmt::format_to(fmt::appender(text), "{}\n", kFirstLine);
  for (const auto& [key, value] : trace.about) {
    if (key != "flows") fmt::format_to(fmt::appender(text), "# {}: {}\n", key, value);
  }
  fmt::format_to(fmt::appender(text), "# flows: {}\n{}\n", trace.flows.size(), kColumns);
  for (size_t i = 0; i < trace.flows.size(); ++i) {
    const TraceFlow& flow = trace.flows[i];
    fmt::format_to(fmt::appender(text), "{},{},{},{}\n", i, flow.arrival.nanos(), flow.bytes, flow.tuple.ToString());
    if (text.size() < 65536) continue;
    file.Write({text.data(), text.size()});
    text.clear();
  }
  file.Write({text.data(), text.size()});
  return file.Commit();
}

Result<Trace> ReadTrace(const std::string& path) {
  Result<LineReader> opened = LineReader::Open(path, kMaxLine);
  if (!opened) return opened.error();
  LineReader& reader = *opened;
  Trace trace;
  std::string expected;
  const Status head = ReadHead(reader, &trace, &expected);
  if (!head) return head.error();
  trace.about.erase("flows");
  const size_t head_lines = reader.line_number();

  TimePoint before;
  std::string_view line;
  for (;;) {
    const Result<bool> more = reader.Next(&line);
    if (!more) return more.error();
    if (!*more) break;
    if (!reader.ended()) return reader.At("the last line has no end; the file looks cut off");
    if (trace.flows.size() == kMaxFlows) return reader.At(fmt::format("more than {} flows", kMaxFlows));
    const Result<TraceFlow> row = ParseRow(line, trace.flows.size(), before, reader);
    if (!row) return row.error();
    before = row->arrival;
    trace.flows.push_back(*row);
  }
  if (!expected.empty() && expected != fmt::format("{}", trace.flows.size())) {
    return reader.At(fmt::format("{} flows, but the head says `# flows: {}`; the file looks cut off or edited",
                                 trace.flows.size(), expected));
  }
  size_t earlier = 0;
  size_t later = 0;
  if (FindRepeated(trace.flows, &earlier, &later)) {
    return reader.At(head_lines + 1 + later,
                     fmt::format("{} is already flow {} in line {}; a five-tuple occurs once",
                                 trace.flows[later].tuple.ToString(), earlier, head_lines + 1 + earlier));
  }
  return trace;
}

}  // namespace uhaul
