// Asset records as text: CSV, one line per connection, in a form that depends on nothing but the records. Two monitors
// that saw the same packets print the same.
//
// Columns: five_tuple,service,first_ns,last_ns, then for each direction (initiator_..., responder_...) packets, those
// of up to 128, 512, 1024 octets and larger, bytes, last_ns, largest_gap_ns, the sizes of the first, the smallest and
// the largest packet, the TCP flags seen and those of the first packet (two hexadecimal digits), and the number of
// SYNs. A direction without packets has zeros.
#pragma once

#include <string>
#include <vector>

#include "core/nf/asset_monitor.h"

namespace uhaul {

// Every record of a monitor, in five-tuple order.
std::vector<AssetRecord> AssetRecords(const AssetMonitor& monitor);
// Of two, likewise; where both have a record of a connection, a's comes first.
std::vector<AssetRecord> AssetRecords(const AssetMonitor& a, const AssetMonitor& b);

std::string AssetHeader();                                       // without the line's end
std::string AssetLine(const AssetRecord& record);                // likewise
std::string AssetText(const std::vector<AssetRecord>& records);  // header and lines

}  // namespace uhaul
