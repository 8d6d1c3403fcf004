// libFuzzer on the decoder of messages. What it accepts has one encoding only.
#include <algorithm>

#include "core/base/check.h"
#include "core/protocol/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> in(data, size);
  const auto announced = uhaul::NextMessageSize(in);
  const auto decoded = uhaul::Decode(in);
  if (!decoded.ok()) return 0;
  UHAUL_CHECK(announced.ok());
  UHAUL_CHECK(*announced == decoded->consumed);
  std::vector<uint8_t> again;
  uhaul::Encode(decoded->message, &again);
  UHAUL_CHECK(again.size() == decoded->consumed);
  UHAUL_CHECK(std::equal(again.begin(), again.end(), in.begin()));
  UHAUL_CHECK(uhaul::WireSize(decoded->message).count() >= again.size());
  return 0;
}
