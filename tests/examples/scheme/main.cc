// A scheme of one's own: a scheme is a row of choices. This one moves elephants in order, and sends new flows to the
// destination from then on; it is run beside U-HAUL's on the same traffic.
#include <cstdio>

#include "core/nf/sequence_audit.h"
#include "tests/examples/small_testbed.h"

using namespace uhaul::literals;

uhaul::SchemeOptions InOrderAndFlip() {
  uhaul::SchemeOptions scheme = *uhaul::FindScheme("uhaul");
  scheme.name = "in-order-and-flip";
  scheme.guarantee = uhaul::Guarantee::kOrderPreserving;
  scheme.idle_timeout_us = 10'000;  // an elephant may have ended: do not wait for its next packet for ever
  scheme.after = uhaul::AfterMove::kFlip;
  scheme.relay_end = uhaul::RelayEnd::kMarked;  // new flows keep their order, too
  return scheme;
}

struct Outcome {
  uint64_t violations = 0;
  size_t moved = 0;
  double ms = 0;
};

// Twenty flows of different rates for 40 ms; the move begins after 10 ms.
Outcome Run(const uhaul::SchemeOptions& scheme) {
  const uhaul::HashKey key{1, 2};
  SmallTestbed testbed(*uhaul::FindProfile("emulab-2016"), key, [&] {
    return std::make_unique<uhaul::SequenceAudit>(uhaul::SequenceAuditOptions{.hash_key = key});
  });
  uhaul::MoveRequest request;  // from instance 0 to 1
  request.scheme = scheme;
  std::vector<uint64_t> sent(20);
  bool asked = false;
  for (int64_t us = 0; us < 40'000; us += 10) {
    const uhaul::TimePoint now = uhaul::TimePoint::FromNanos(us * 1000);
    for (uint8_t n = 0; n < 20; ++n) {
      if (us % (10 * (n + 1)) != 0) continue;
      testbed.Send(now, SmallTestbed::PacketOf(testbed.Flow(n), sent[n]++));
    }
    if (us < 10'000 || asked) continue;
    asked = testbed.MoveElephant(request, {uhaul::DetectorSpec::Kind::kProportion, 0.8, {}}).ok();
  }
  testbed.RunUntil(uhaul::TimePoint::FromNanos(2'000'000'000));
  Outcome outcome;
  for (size_t nf = 0; nf < 2; ++nf) {
    outcome.violations += static_cast<const uhaul::SequenceAudit&>(testbed.function(nf)).violations();
  }
  outcome.moved = testbed.function(1).flow_count();
  const uhaul::TimePoint done = testbed.At(uhaul::OperationStep::kDone);
  if (done != uhaul::TimePoint::Never()) outcome.ms = (done - testbed.At(uhaul::OperationStep::kAccepted)).millis();
  std::printf("%-18s %zu flows moved in %.2f ms, %llu packets out of turn\n", scheme.name.c_str(), outcome.moved,
              outcome.ms, static_cast<unsigned long long>(outcome.violations));
  return outcome;
}

int main() {
  const Outcome loss_free = Run(*uhaul::FindScheme("uhaul"));
  const Outcome in_order = Run(InOrderAndFlip());
  const bool moved = loss_free.moved > 0 && loss_free.ms > 0 && in_order.moved > 0 && in_order.ms > 0;
  return moved && in_order.violations == 0 ? 0 : 1;
}
