// libFuzzer on the section 'testbed' of a file: which nodes there are, and what they get from whom.
#include "experiments/testbed_config.h"
#include "tests/fuzz/input_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const uhaul::fuzz::InputFile file(data, size);
  const auto testbed = uhaul::LoadTestbed(file.path());
  if (!testbed.ok()) UHAUL_CHECK(!testbed.error().message.empty());
  return 0;
}
