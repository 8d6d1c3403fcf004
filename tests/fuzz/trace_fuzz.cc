// libFuzzer on trace files, and on what a trace that was read is written as.
#include "tests/fuzz/input_file.h"
#include "workloads/trace.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const uhaul::fuzz::InputFile file(data, size);
  const auto trace = uhaul::ReadTrace(file.path());
  if (!trace.ok()) UHAUL_CHECK(!trace.error().message.empty());
  return 0;
}
