// Messages for people and for sets: a line of text for the event log, a number for the search. Both go through the
// fields as the codec describes them (core/protocol/fields.h), so that a new message needs nothing here.
#pragma once

#include <cstdint>
#include <string>

#include "core/protocol/journal_record.h"
#include "core/protocol/message.h"

namespace uhaul::faults {

// The flow's number in these worlds, whose flows come from 10.0.0.0/8: "f3".
uint32_t FlowNumber(const FiveTuple& tuple);
std::string FlowText(const FiveTuple& tuple);
// "NF 1"
std::string NodeText(NodeId node);
// "f3 #2": the third packet of its flow; "f3 #2'": it comes by the second port.
std::string PacketText(const Packet& packet);
// "PutPerflow op1 f3 2 [57] 300 0"
std::string MessageText(const Message& message);

// Folds the message, and which packet it carries (Packet::handle, which is not on the wire).
uint64_t HashOf(const Message& message);
uint64_t HashOf(const Packet& packet);
uint64_t HashOf(const Marker& marker);
uint64_t HashOf(const JournalRecord& record);

}  // namespace uhaul::faults
