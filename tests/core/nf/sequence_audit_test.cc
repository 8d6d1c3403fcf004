#include "core/nf/sequence_audit.h"

#include <catch2/catch.hpp>

#include "core/base/random.h"

namespace uhaul {
namespace {

using namespace literals;

constexpr HashKey kKey{5, 6};

FlowKey Client(uint32_t n) {
  FiveTuple tuple;
  tuple.source = FiveTuple::Ipv4(10, 0, 0, static_cast<uint8_t>(n));
  tuple.destination = FiveTuple::Ipv4(10, 1, 0, 1);
  tuple.destination_port = 80;
  return FlowHasher(kKey).Key(tuple);
}
FlowKey Reversed(const FlowKey& flow) { return FlowHasher(kKey).Key(flow.tuple.Reversed()); }

TimePoint At(Duration since_start) { return TimePoint() + since_start; }

SequenceAudit Audit(Duration timeout = 60_s) { return SequenceAudit({.timeout = timeout, .hash_key = kKey}); }

void Feed(SequenceAudit* audit, const FlowKey& flow, std::initializer_list<uint64_t> digests,
          TimePoint now = At(1_ms)) {
  for (const uint64_t digest : digests) {
    Packet packet;
    packet.flow = flow;
    packet.digest = digest;
    audit->Process(now, {&packet, 1});
  }
}

void Move(SequenceAudit* from, SequenceAudit* to, const FlowKey& flow) {
  REQUIRE(to->Import(At(2_ms), flow, *from->Export(flow)).ok());
  REQUIRE(from->Delete(flow));
}

}  // namespace

TEST_CASE("SequenceAudit: packets in order are no violation, in either direction") {
  SequenceAudit audit = Audit();
  Feed(&audit, Client(1), {0, 1});
  Feed(&audit, Reversed(Client(1)), {0, 1, 2});
  Feed(&audit, Client(1), {2});
  CHECK(audit.violations() == 0);
  CHECK(audit.flow_count() == 1);
  CHECK(audit.Totals().packets == 6);
  CHECK(audit.CountsOf(Client(1)).packets == 3);
  CHECK(audit.ChainOf(Client(1)) == audit.ChainOf(Reversed(Client(1))));
}

TEST_CASE("SequenceAudit: gaps, reorders and repeats are told apart") {
  SequenceAudit audit = Audit();
  Feed(&audit, Client(1), {0, 1, 5});
  CHECK(audit.Totals() == AuditCounts{.packets = 3, .gaps = 1, .lost = 3});
  Feed(&audit, Client(1), {3});
  CHECK(audit.Totals() == AuditCounts{.packets = 4, .gaps = 1, .reorders = 1, .lost = 2});
  Feed(&audit, Client(1), {3, 0, 5});
  CHECK(audit.Totals() == AuditCounts{.packets = 7, .gaps = 1, .repeats = 3, .reorders = 1, .lost = 2});
  Feed(&audit, Client(1), {2, 4, 6});
  CHECK(audit.Totals() == AuditCounts{.packets = 10, .gaps = 1, .repeats = 3, .reorders = 3, .lost = 0});
  CHECK(audit.violations() == 7);
}

TEST_CASE("SequenceAudit: random arrivals are counted as a plain set counts them") {
  Random random(1, 1);
  for (int round = 0; round < 50; ++round) {
    SequenceAudit audit = Audit();
    Feed(&audit, Client(1), {0});
    std::vector<bool> seen(100, false);
    seen[0] = true;
    AuditCounts want{.packets = 1};
    uint64_t next = 1;
    for (int i = 0; i < 80; ++i) {
      const uint64_t digest = random.Below(100);
      Feed(&audit, Client(1), {digest});
      ++want.packets;
      if (digest > next) ++want.gaps;
      if (digest < next) ++(seen[digest] ? want.repeats : want.reorders);
      next = std::max(next, digest + 1);
      seen[digest] = true;
    }
    for (uint64_t digest = 0; digest < next; ++digest) want.lost += seen[digest] ? 0 : 1;
    CAPTURE(round);
    REQUIRE(audit.Totals() == want);
  }
}

TEST_CASE("SequenceAudit: a later packet of a flow without state is a violation, its first is none") {
  SequenceAudit audit = Audit();
  Feed(&audit, Client(1), {4, 5});
  Feed(&audit, Client(2), {0, 1});
  CHECK(audit.Totals() == AuditCounts{.packets = 4, .state_missing = 1});
}

TEST_CASE("SequenceAudit: processing split over two instances equals processing in one") {
  SequenceAudit single = Audit(), a = Audit(), b = Audit();
  for (SequenceAudit* audit : {&single, &a}) {
    Feed(audit, Client(1), {0, 1, 4, 2});
    Feed(audit, Reversed(Client(1)), {0, 3});
  }
  Move(&a, &b, Reversed(Client(1)));
  CHECK(a.Totals() == AuditCounts{});
  for (SequenceAudit* audit : {&single, &b}) {
    Feed(audit, Client(1), {3, 5, 5});
    Feed(audit, Reversed(Client(1)), {1});
  }
  CHECK(*b.Export(Client(1)) == *single.Export(Client(1)));
  CHECK(b.Totals() == single.Totals());
  CHECK(b.Flows() == single.Flows());
  StateHash x, y;
  b.Hash(x);
  single.Hash(y);
  CHECK(x.value() == y.value());
}

TEST_CASE("SequenceAudit: a packet processed at the source after its export shows at the destination") {
  SequenceAudit src = Audit(), dst = Audit();
  Feed(&src, Client(1), {0, 1});
  const std::vector<uint8_t> chunk = *src.Export(Client(1));
  Feed(&src, Client(1), {2});
  REQUIRE(dst.Import(At(2_ms), Client(1), chunk).ok());
  REQUIRE(src.Delete(Client(1)));
  Feed(&dst, Client(1), {3});
  CHECK(dst.Totals() == AuditCounts{.packets = 3, .gaps = 1, .lost = 1});
}

TEST_CASE("SequenceAudit: state that an import replaces is counted, and its counts are kept") {
  SequenceAudit src = Audit(), dst = Audit();
  Feed(&src, Client(1), {0, 1});
  Feed(&dst, Client(1), {2});
  REQUIRE(dst.Import(At(2_ms), Client(1), *src.Export(Client(1))).ok());
  CHECK(dst.Totals() == AuditCounts{.packets = 3, .state_missing = 1, .overwritten = 1});
  CHECK(dst.violations() == 2);
}

TEST_CASE("SequenceAudit: the order of packets shows in the chain") {
  SequenceAudit a = Audit(), b = Audit();
  Feed(&a, Client(1), {0, 1, 2});
  Feed(&b, Client(1), {0, 2, 1});
  CHECK(a.ChainOf(Client(1)) != b.ChainOf(Client(1)));
  CHECK(a.ChainOf(Client(2)) == 0);
}

TEST_CASE("SequenceAudit: skipped ranges are bounded, and their number survives a move") {
  SequenceAudit a = Audit(), b = Audit();
  Feed(&a, Client(1), {0});
  for (uint64_t digest = 2; digest <= 400; digest += 2) Feed(&a, Client(1), {digest});
  CHECK(a.Totals() == AuditCounts{.packets = 201, .gaps = 200, .lost = 200});
  CHECK(a.Export(Client(1))->size() < 1300);
  Move(&a, &b, Client(1));
  Feed(&b, Client(1), {399, 1});  // remembered, forgotten
  CHECK(b.Totals() == AuditCounts{.packets = 203, .gaps = 200, .repeats = 1, .reorders = 1, .lost = 199});
}

TEST_CASE("SequenceAudit: malformed chunks are refused and change nothing") {
  SequenceAudit src = Audit(), dst = Audit();
  Feed(&src, Client(1), {0, 1, 5, 9});
  Feed(&dst, Client(1), {0});
  const std::vector<uint8_t> chunk = *src.Export(Client(1));
  const std::vector<uint8_t> before = *dst.Export(Client(1));
  std::vector<std::vector<uint8_t>> bad;
  for (size_t size = 0; size < chunk.size(); ++size) bad.emplace_back(chunk.begin(), chunk.begin() + long(size));
  bad.push_back(chunk);
  bad.back().push_back(0);
  // schema, version, five-tuple; next below its ranges; fewer lost than skipped; the number of ranges, their order
  for (const size_t at : {0, 2, 3, 5, 41, 41 + 56, 41 + 65, 41 + 66 + 16 + 7}) {
    bad.push_back(chunk);
    bad.back()[at] = at == 41 || at == 41 + 56 ? 1 : 0xff;
  }
  for (const std::vector<uint8_t>& wrong : bad) {
    CAPTURE(wrong.size());
    REQUIRE_FALSE(dst.Import(At(2_ms), Client(1), wrong).ok());
    REQUIRE(*dst.Export(Client(1)) == before);
  }
  CHECK_FALSE(dst.Import(At(2_ms), Client(2), chunk).ok());
  CHECK(dst.flow_count() == 1);
}

TEST_CASE("SequenceAudit: counts of flows that time out stay in the sum") {
  SequenceAudit audit = Audit(10_s);
  Feed(&audit, Client(1), {0, 2}, At(1_s));
  audit.Expire(At(11_s) + 1_ns);
  CHECK(audit.flow_count() == 0);
  CHECK(audit.Totals() == AuditCounts{.packets = 2, .gaps = 1, .lost = 1});
}

}  // namespace uhaul
