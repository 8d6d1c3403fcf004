// libFuzzer on experiment definitions (YAML): loading, and counting their points.
#include "experiments/definition.h"
#include "tests/fuzz/input_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const uhaul::fuzz::InputFile file(data, size);
  const auto definition = uhaul::LoadDefinition(file.path());
  if (!definition.ok()) {
    UHAUL_CHECK(!definition.error().message.empty());
    return 0;
  }
  size_t points = 0;
  for (const uhaul::Grid& grid : definition->grids) points += grid.PointCount();
  if (points > 1000) return 0;  // expansion is quick enough for a thousand
  const auto expanded = uhaul::Expand(*definition);
  if (expanded.ok()) UHAUL_CHECK(expanded->size() == points);
  return 0;
}
