// libFuzzer on captures (pcap and pcapng): reading their frames, and making flows and a trace of them.
#include "tests/fuzz/input_file.h"
#include "workloads/capture_flows.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const uhaul::fuzz::InputFile file(data, size);
  const auto capture = uhaul::ReadCaptureFlows(file.path());
  if (!capture.ok()) return 0;
  const auto trace = uhaul::TraceOf(*capture, file.path());
  if (!trace.ok()) UHAUL_CHECK(!trace.error().message.empty());
  return 0;
}
