// libFuzzer on profile files. What is read has a name and costs that are no less than nothing.
#include "experiments/profile_file.h"
#include "tests/fuzz/input_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const uhaul::fuzz::InputFile file(data, size);
  const auto profile = uhaul::LoadProfile(file.path());
  if (!profile.ok()) {
    UHAUL_CHECK(!profile.error().message.empty());
    return 0;
  }
  UHAUL_CHECK(!profile->profile.name.empty());
  UHAUL_CHECK(profile->profile.get.per_item >= uhaul::Duration());
  UHAUL_CHECK(profile->profile.control_delay >= uhaul::Duration());
  const std::string yaml = uhaul::ProfileYaml(*profile);
  const uhaul::fuzz::InputFile written(reinterpret_cast<const uint8_t*>(yaml.data()), yaml.size());
  const auto again = uhaul::LoadProfile(written.path());
  UHAUL_CHECK(again.ok());
  UHAUL_CHECK(uhaul::ProfileYaml(*again) == yaml);
  return 0;
}
