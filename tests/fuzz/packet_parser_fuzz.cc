// libFuzzer on the packet parser: the first octet says how much longer the frame was on the wire than what is here.
// What parses must lie inside the frame.
#include "core/base/check.h"
#include "workloads/packet_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::span<const uint8_t> octets(data + 1, size - 1);
  const auto wire = static_cast<uint32_t>(octets.size() + data[0] * size_t{8});
  uhaul::ParsedFrame frame;
  uhaul::ParseCounters counters;
  const uhaul::ParseOutcome outcome = uhaul::ParseFrame(octets, wire, &frame);
  counters.Count(outcome, frame);
  UHAUL_CHECK(counters.total() == 1);
  if (outcome != uhaul::ParseOutcome::kOk) return 0;
  UHAUL_CHECK(frame.tuple.version == 4 || frame.tuple.version == 6);
  UHAUL_CHECK(frame.ip_offset + frame.ip_octets <= wire);
  UHAUL_CHECK(frame.l4_offset <= octets.size());
  UHAUL_CHECK(!frame.fragment || (frame.tuple.source_port == 0 && frame.tuple.destination_port == 0));
  return 0;
}
