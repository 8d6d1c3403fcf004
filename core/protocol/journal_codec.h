// Journal records as octets, and a journal without what is over.
//
//   u8 type | fields, as in messages (wire.h)
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "core/protocol/journal_record.h"

namespace uhaul {

// Enough for any record.
inline constexpr size_t kMaxRecordBytes = 64 * 1024;

// Appends the record to `out`.
void EncodeRecord(const JournalRecord& record, std::vector<uint8_t>* out);
// All of `in`.
Result<JournalRecord> DecodeRecord(std::span<const uint8_t> in);

// Records that tell a controller the same as these: the last generation, what is open, and the last rule of each flow.
std::vector<JournalRecord> CompactJournal(std::span<const JournalRecord> records);

}  // namespace uhaul
