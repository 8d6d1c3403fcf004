// libFuzzer on distribution files. What is read is a distribution: its quantiles do not fall, and it can be sampled.
#include "tests/fuzz/input_file.h"
#include "workloads/distribution.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const uhaul::fuzz::InputFile file(data, size);
  const auto sizes = uhaul::SizeDistribution::Load(file.path());
  if (!sizes.ok()) {
    UHAUL_CHECK(!sizes.error().message.empty());
    return 0;
  }
  uint64_t last = 1;
  for (int i = 0; i <= 16; ++i) {
    const uint64_t quantile = sizes->Quantile(i / 16.0);
    UHAUL_CHECK(quantile >= last);
    last = quantile;
  }
  uhaul::Random random(1, 1);
  UHAUL_CHECK(sizes->Sample(random) >= 1);
  return 0;
}
