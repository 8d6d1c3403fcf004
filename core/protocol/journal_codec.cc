#include "core/protocol/journal_codec.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "core/base/check.h"
#include "core/protocol/fields.h"

namespace uhaul {
namespace wire {

template <class Wire>
void Fields(Wire& w, Of<journal::Generation> auto& r) {
  w.Int(r.generation);
  w.Int(r.next_operation);
}
template <class Wire>
void Fields(Wire& w, Of<journal::Begin> auto& r) {
  w.Int(r.operation);
  w.Int(r.src);
  w.Int(r.dst);
  w.Int(r.src_incarnation);
  w.Int(r.dst_incarnation);
  Fields(w, r.flows);
}
template <class Wire>
void Fields(Wire& w, Of<journal::EndedFlow> auto& r) {
  Fields(w, r.tuple);
  w.Int(r.epoch);
  w.Int(r.nf);
}
template <class Wire>
void Fields(Wire& w, Of<journal::End> auto& r) {
  w.Int(r.operation);
  Count(w, r.flows, kMaxFlowsPerMessage, kLeastTuple + sizeof(Epoch) + 1);
  for (auto& flow : r.flows) Fields(w, flow);
}

}  // namespace wire

namespace {

constexpr size_t kKinds = std::variant_size_v<JournalRecord>;

template <size_t I>
bool ReadAs(size_t type, wire::Reader& reader, JournalRecord* record) {
  if (type != I) return false;
  Fields(reader, record->emplace<I>());
  return true;
}

template <class Flow>
std::vector<Flow> BatchAt(const std::vector<Flow>& flows, size_t i) {
  const auto from = flows.begin() + static_cast<std::ptrdiff_t>(i);
  return {from, from + static_cast<std::ptrdiff_t>(std::min(kMaxFlowsPerMessage, flows.size() - i))};
}

struct Rule {
  OperationId operation = 0;
  journal::EndedFlow ended;
};

}  // namespace

void EncodeRecord(const JournalRecord& record, std::vector<uint8_t>* out) {
  wire::Counter counter;
  std::visit([&](const auto& r) { Fields(counter, r); }, record);
  const size_t begin = out->size();
  out->resize(begin + 1 + counter.size());
  UHAUL_CHECK(out->size() - begin <= kMaxRecordBytes);
  wire::Writer writer(out->data() + begin);
  writer.Int(static_cast<uint8_t>(record.index()));
  std::visit([&](const auto& r) { Fields(writer, r); }, record);
}

Result<JournalRecord> DecodeRecord(std::span<const uint8_t> in) {
  wire::Reader reader(in);
  uint8_t type = 0;
  reader.Int(type);
  JournalRecord record;
  static_assert(kKinds == 3);
  const bool known =
      ReadAs<0>(type, reader, &record) || ReadAs<1>(type, reader, &record) || ReadAs<2>(type, reader, &record);
  if (!known) return Error{"journal record of unknown type " + std::to_string(type)};
  if (!reader.ok()) return Error{"journal record of type " + std::to_string(type) + " " + reader.fault()};
  if (reader.left() != 0) return Error{"journal record of type " + std::to_string(type) + " has octets too many"};
  return record;
}

std::vector<JournalRecord> CompactJournal(std::span<const JournalRecord> records) {
  journal::Generation last;
  std::map<OperationId, std::pair<journal::Begin, std::set<FiveTuple>>> begun;  // with what is open of it
  std::map<FiveTuple, Rule> rules;
  for (const JournalRecord& record : records) {
    if (const auto* generation = std::get_if<journal::Generation>(&record)) {
      last.generation = std::max(last.generation, generation->generation);
      last.next_operation = std::max(last.next_operation, generation->next_operation);
    } else if (const auto* begin = std::get_if<journal::Begin>(&record)) {
      last.next_operation = std::max(last.next_operation, begin->operation + 1);
      auto& [first, open] = begun.try_emplace(begin->operation, *begin, std::set<FiveTuple>()).first->second;
      open.insert(begin->flows.begin(), begin->flows.end());
    } else if (const auto* end = std::get_if<journal::End>(&record)) {
      last.next_operation = std::max(last.next_operation, end->operation + 1);
      for (const journal::EndedFlow& ended : end->flows) {
        if (ended.epoch != 0) rules[ended.tuple] = {end->operation, ended};
        if (const auto it = begun.find(end->operation); it != begun.end()) it->second.second.erase(ended.tuple);
      }
    }
  }
  std::vector<JournalRecord> compact = {last};
  std::map<OperationId, std::vector<journal::EndedFlow>> ends;
  for (const auto& [tuple, rule] : rules) ends[rule.operation].push_back(rule.ended);
  for (const auto& [operation, flows] : ends) {
    for (size_t i = 0; i < flows.size(); i += kMaxFlowsPerMessage) {
      compact.push_back(journal::End{operation, BatchAt(flows, i)});
    }
  }
  for (const auto& [operation, entry] : begun) {
    const std::vector<FiveTuple> open(entry.second.begin(), entry.second.end());
    for (size_t i = 0; i < open.size(); i += kMaxFlowsPerMessage) {
      journal::Begin begin = entry.first;
      begin.flows = BatchAt(open, i);
      compact.push_back(std::move(begin));
    }
  }
  return compact;
}

}  // namespace uhaul
