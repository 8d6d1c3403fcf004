#include "workloads/capture_points.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace uhaul {
namespace {

constexpr HashKey kKey{0x706f696e, 0x7473};

// What a packet is recognised by within its flow.
uint64_t DigestOf(const CaptureFlows::Seen& seen, uint32_t compared_octets) {
  const std::span<const uint8_t> octets = seen.packet.octets;
  const size_t begin = std::min<size_t>(seen.frame.l4_offset, octets.size());
  // Padding behind the packet is the link's.
  const size_t end = std::min<size_t>(
      {octets.size(), size_t{seen.frame.ip_offset} + seen.frame.ip_octets, begin + size_t{compared_octets}});
  StateHash hash;
  hash.Add(SipHash24(kKey, octets.subspan(begin, std::max(begin, end) - begin)));
  hash.Add(seen.frame.ip_octets);
  return hash.value();
}

class Comparison {
 public:
  explicit Comparison(PointOptions options) : options_(options) {}

  Status Before(const std::string& path) {
    return Read(path, [&](const CaptureFlows::Seen& seen, const CaptureFlows& flows) -> Status {
      if (++packets_ > options_.max_packets) {
        return Error{
            fmt::format("{}: more than {} packets to compare; split it (editcap -c)", path, options_.max_packets)};
      }
      start_ns_ = flows.totals().start_ns;
      bool inserted = false;
      uint32_t& number = numbers_.Get(hasher_.Key(seen.frame.tuple), &inserted);
      if (inserted) {
        number = static_cast<uint32_t>(result_.flows.size());
        result_.flows.emplace_back();
        result_.flows.back().tuple = seen.frame.tuple;
        result_.flows.back().first_sent = seen.at;
        waiting_.emplace_back();
        next_.push_back(0);
      }
      PointFlow& flow = result_.flows[number];
      flow.last_sent = seen.at;
      waiting_[number][DigestOf(seen, options_.compared_octets)].numbers.push_back(flow.sent++);
      return {};
    });
  }

  Status Behind(const std::string& path) {
    return Read(path, [&](const CaptureFlows::Seen& seen, const CaptureFlows&) -> Status {
      const uint32_t* number = numbers_.Find(hasher_.Key(seen.frame.tuple));
      if (number == nullptr) {
        ++result_.unsent;
        return {};
      }
      Received(*number, DigestOf(seen, options_.compared_octets),
               TimePoint::FromNanos(seen.packet.time_ns - start_ns_));
      return {};
    });
  }

  PointComparison Take() { return std::move(result_); }

 private:
  struct Alike {
    std::vector<uint64_t> numbers;  // in the flow, ascending
    size_t taken = 0;               // of them received
  };

  template <class Each>
  static Status Read(const std::string& path, Each each) {
    Result<CaptureReader> reader = CaptureReader::Open(path);
    if (!reader.ok()) return reader.error();
    CaptureFlows flows(*std::move(reader));
    CaptureFlows::Seen seen;
    for (;;) {
      const Result<bool> more = flows.Next(&seen);
      if (!more.ok()) return more.error();
      if (!*more) return {};
      if (const Status status = each(seen, flows); !status.ok()) return status;
    }
  }

  void Received(uint32_t number, uint64_t digest, TimePoint at) {
    PointFlow& flow = result_.flows[number];
    const auto found = waiting_[number].find(digest);
    if (found == waiting_[number].end() || found->second.taken == found->second.numbers.size()) {
      ++flow.repeated;
      return;
    }
    const uint64_t sequence = found->second.numbers[found->second.taken++];
    ++flow.received;
    flow.reordered += sequence < next_[number] ? 1 : 0;
    next_[number] = std::max(next_[number], sequence + 1);
    flow.finished = at;
  }

  PointOptions options_;
  FlowHasher hasher_{kKey};
  FlowMap<uint32_t> numbers_;
  // By flow: the packets sent, by what they are recognised by. Looked up, never iterated.
  std::vector<std::unordered_map<uint64_t, Alike>> waiting_;
  std::vector<uint64_t> next_;  // by flow: one above the latest received
  size_t packets_ = 0;
  int64_t start_ns_ = 0;
  PointComparison result_;
};

}  // namespace

Result<PointComparison> CompareCaptures(const std::string& before, const std::string& behind, PointOptions options) {
  Comparison comparison(options);
  if (const Status read = comparison.Before(before); !read.ok()) return read.error();
  if (const Status read = comparison.Behind(behind); !read.ok()) return read.error();
  return comparison.Take();
}

}  // namespace uhaul
