// A point as JSON text, to the byte the same for the same values. Line 1 names the point, its engine and build, so that
// a caller that only asks "is it current?" reads no more. Flows are arrays, one a line, under a header that names
// the columns; a time that never came is null. The last line is a checksum of all before it: a file that was cut,
// overwritten or edited is no result.
//
//   {"uhaul_point":1,"id":"...","engine":"sim","build":"...",
//   "spec":{...},
//   "record":{...,
//   "flow_columns":["five_tuple","arrival_ns",...],
//   "flows":[
//   ["tcp:10.0.0.1:1>10.1.0.1:2",12,...],
//   ...]},
//   "checksum":"0123456789abcdef"}
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "results/point_store.h"

namespace uhaul {

// The reader is strict: every key is there once, none is unknown, every value is in the range of its field. Errors name
// the place in the file ("record.flows[12].t0_bytes").
Result<StoredPoint> DecodePoint(std::string_view text);
// All but the record, from the beginning of a point's file: at least up to the line "record". What follows is not
// checked.
Result<StoredPoint> DecodeHead(std::string_view text);
// The build in the first line of a point's file.
Result<std::string> DecodeBuild(std::string_view first_line);

std::string EncodeProvenance(const Provenance& provenance);
Result<Provenance> DecodeProvenance(std::string_view text);

}  // namespace uhaul
