#include "workloads/capture_replay.h"

#include <catch2/catch.hpp>
#include <set>

#include "tests/workloads/capture_maker.h"
#include "tests/workloads/temporary_directory.h"

using namespace uhaul;        // NOLINT
using namespace uhaul::test;  // NOLINT
using Pace = CaptureReplayOptions::Pace;
using Digest = CaptureReplayOptions::Digest;

namespace {

struct Played {
  CaptureReplayPacket packet;
  FrameOctets octets;
  FiveTuple tuple;
};

class Fixture {
 public:
  Fixture() {
    AddConnections(20, 5, &maker);
    AddOddities(&maker);
    maker.Write(path);
  }
  std::vector<Played> Play(CaptureReplayOptions options = {}) const {
    Result<CaptureReplay> replay = CaptureReplay::Open(path, options);
    REQUIRE(replay.ok());
    std::vector<Played> played;
    while (replay->NextTime() != TimePoint::Never()) {
      const TimePoint at = replay->NextTime();
      const CaptureReplayPacket p = replay->Pop();
      CHECK(p.at == at);
      played.push_back({p, {p.octets.begin(), p.octets.end()}, replay->flows()[p.flow].tuple});
      CHECK(replay->flows()[p.connection].reverse == false);
    }
    CHECK(replay->status().ok());
    CHECK(replay->totals().frames == maker.size());
    return played;
  }

  TemporaryDirectory directory;
  CaptureMaker maker;
  std::string path = directory.File("a.pcap");
};

}  // namespace

TEST_CASE("CaptureReplay: every packet that parses, with its octets, at its time") {
  const Fixture f;
  const std::vector<Played> played = f.Play();
  const std::vector<MadePacket> made = f.maker.Sorted();
  size_t next = 0;
  for (const MadePacket& m : made) {
    ParsedFrame frame;
    const auto wire = std::max(m.wire_octets, static_cast<uint32_t>(m.octets.size()));
    if (ParseFrame(m.octets, wire, &frame) != ParseOutcome::kOk) continue;
    REQUIRE(next < played.size());
    const CaptureReplayPacket& p = played[next].packet;
    CHECK(played[next].octets == m.octets);
    CHECK(played[next].tuple == frame.tuple);
    CHECK(p.recorded.nanos() == m.time_ns - made[0].time_ns);
    CHECK(p.at == p.recorded);
    CHECK(p.wire_octets == wire);
    CHECK(p.ip_octets == frame.ip_octets);
    CHECK(p.tcp_flags == frame.tcp_flags);
    ++next;
  }
  CHECK(next == played.size());
}

TEST_CASE("CaptureReplay: packets of a flow are numbered, the responder's are marked") {
  const Fixture f;
  std::map<uint32_t, uint32_t> next;
  std::map<uint32_t, FiveTuple> initiator;
  std::map<uint32_t, uint64_t> digests;
  for (const Played& p : f.Play()) {
    CHECK(p.packet.sequence == next[p.packet.flow]++);
    CHECK(p.packet.first == (p.packet.sequence == 0));
    CHECK(p.packet.digest == digests[p.packet.connection]++);
    const auto [known, first] = initiator.try_emplace(p.packet.connection, p.tuple);
    CHECK(p.packet.reverse == (p.tuple != known->second));
    if (p.packet.reverse) CHECK(p.tuple.Reversed() == known->second);
  }
}

TEST_CASE("CaptureReplay: the digest of contents is the same for the same octets, and for no others") {
  const Fixture f;
  std::map<FrameOctets, uint64_t> by_octets;
  std::set<uint64_t> digests;
  for (const Played& p : f.Play({.digest = Digest::kContents})) {
    const auto [known, added] = by_octets.try_emplace(p.octets, p.packet.digest);
    CHECK(known->second == p.packet.digest);
    if (added) CHECK(digests.insert(p.packet.digest).second);
  }
  CHECK(digests.size() > 100);
}

TEST_CASE("CaptureReplay: twice as fast takes half the time; at once takes none") {
  const Fixture f;
  const std::vector<Played> recorded = f.Play();
  const std::vector<Played> twice = f.Play({.speed = 2});
  const std::vector<Played> at_once = f.Play({.pace = Pace::kAtOnce});
  REQUIRE(twice.size() == recorded.size());
  REQUIRE(at_once.size() == recorded.size());
  for (size_t i = 0; i < recorded.size(); ++i) {
    CHECK(twice[i].packet.at.nanos() == recorded[i].packet.at.nanos() / 2);
    CHECK(at_once[i].packet.at == TimePoint());
    CHECK(at_once[i].packet.recorded == recorded[i].packet.recorded);
    CHECK(at_once[i].octets == recorded[i].octets);
  }
  for (const double speed : {0.0, -1.0, 1e9}) CHECK_FALSE(CaptureReplay::Open(f.path, {.speed = speed}).ok());
}

TEST_CASE("CaptureReplay: a file that breaks off ends the traffic and says where") {
  const Fixture f;
  const std::string whole = f.directory.Read("a.pcap");
  f.directory.Write("cut.pcap", whole.substr(0, whole.size() - 1));
  Result<CaptureReplay> replay = CaptureReplay::Open(f.directory.File("cut.pcap"));
  REQUIRE(replay.ok());
  size_t packets = 0;
  for (; replay->NextTime() != TimePoint::Never(); ++packets) replay->Pop();
  CHECK(packets == f.Play().size() - 1);
  REQUIRE_FALSE(replay->status().ok());
  CHECK_THAT(replay->status().error().message,
             Catch::Contains("cut.pcap: packet " + std::to_string(f.maker.size()) + ": "));
}
