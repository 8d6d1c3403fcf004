#include "core/nf/asset_text.h"

#include <algorithm>

namespace uhaul {
namespace {

std::string Hex(uint8_t v) {
  constexpr char kDigits[] = "0123456789abcdef";
  return {kDigits[v >> 4], kDigits[v & 15]};
}

std::string DirectionText(const AssetDirection& d) {
  std::string text = "," + std::to_string(d.packets());
  for (const uint64_t count : d.packets_by_size) text += "," + std::to_string(count);
  for (const uint64_t v : {d.bytes, static_cast<uint64_t>(d.last.nanos()), static_cast<uint64_t>(d.largest_gap.nanos()),
                           uint64_t{d.first_bytes}, uint64_t{d.least_bytes}, uint64_t{d.most_bytes}}) {
    text += "," + std::to_string(v);
  }
  return text + "," + Hex(d.flags_seen) + "," + Hex(d.first_flags) + "," + std::to_string(d.syns);
}

}  // namespace

std::vector<AssetRecord> AssetRecords(const AssetMonitor& monitor) {
  std::vector<AssetRecord> records;
  for (const FlowKey& flow : monitor.Flows()) records.push_back(*monitor.Find(flow));
  return records;
}

std::vector<AssetRecord> AssetRecords(const AssetMonitor& a, const AssetMonitor& b) {
  std::vector<AssetRecord> records = AssetRecords(a);
  const auto middle = static_cast<std::ptrdiff_t>(records.size());
  for (const FlowKey& flow : b.Flows()) records.push_back(*b.Find(flow));
  std::inplace_merge(records.begin(), records.begin() + middle, records.end(),
                     [](const AssetRecord& x, const AssetRecord& y) { return x.tuple < y.tuple; });
  return records;
}

std::string AssetHeader() {
  std::string header = "five_tuple,service,first_ns,last_ns";
  for (const std::string side : {"initiator_", "responder_"}) {
    for (const char* column : {"packets", "to_128", "to_512", "to_1024", "larger", "bytes", "last_ns", "largest_gap_ns",
                               "first_bytes", "least_bytes", "most_bytes", "flags", "first_flags", "syns"}) {
      header += "," + side + column;
    }
  }
  return header;
}

std::string AssetLine(const AssetRecord& record) {
  return record.tuple.ToString() + "," + std::string(AssetServiceName(record.service)) + "," +
         std::to_string(record.first.nanos()) + "," + std::to_string(record.last.nanos()) +
         DirectionText(record.initiator) + DirectionText(record.responder);
}

std::string AssetText(const std::vector<AssetRecord>& records) {
  std::string text = AssetHeader() + "\n";
  for (const AssetRecord& record : records) text += AssetLine(record) + "\n";
  return text;
}

}  // namespace uhaul
