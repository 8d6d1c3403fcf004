// Workloads that are files: a distribution or a trace (PATH.csv, or any path with a slash), a capture (pcap:PATH).
// Their canonical name ends in a hash of what the file held when it was named, PATH#0123456789abcdef, so that a point's
// identity depends on the contents, and an engine, wherever it runs, notices another file under that name.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace uhaul {

bool IsCapture(std::string_view workload);
bool IsWorkloadFile(std::string_view workload);  // a capture, too
// Without "pcap:" and hash.
std::string PathOf(std::string_view workload);

// The name with its hash; as it is if it has one, or if the file cannot be read: then no run can be made of it.
std::string WithHash(std::string_view workload);
// Whether the file is still what the name says; names without hash always are.
Status CheckHash(std::string_view workload);

}  // namespace uhaul
