#include "workloads/capture_file.h"

#include <catch2/catch.hpp>

#include "tests/workloads/capture_maker.h"
#include "tests/workloads/temporary_directory.h"

using namespace uhaul;        // NOLINT
using namespace uhaul::test;  // NOLINT

namespace {

std::vector<MadePacket> ReadAll(const std::string& path) {
  Result<CaptureReader> reader = CaptureReader::Open(path);
  INFO((reader.ok() ? "" : reader.error().message));
  REQUIRE(reader.ok());
  std::vector<MadePacket> packets;
  CapturePacket packet;
  for (;;) {
    const Result<bool> more = reader->Next(&packet);
    INFO((more.ok() ? "" : more.error().message));
    REQUIRE(more.ok());
    if (!*more) return packets;
    CHECK(packet.number == packets.size() + 1);
    packets.push_back({packet.time_ns, {packet.octets.begin(), packet.octets.end()}, packet.wire_octets});
  }
}

void CheckEqual(const std::vector<MadePacket>& read, const std::vector<MadePacket>& made, int64_t unit_ns) {
  REQUIRE(read.size() == made.size());
  for (size_t i = 0; i < made.size(); ++i) {
    CAPTURE(i);
    CHECK(read[i].time_ns == made[i].time_ns / unit_ns * unit_ns);
    CHECK(read[i].octets == made[i].octets);
    CHECK(read[i].wire_octets == std::max<size_t>(made[i].wire_octets, made[i].octets.size()));
  }
}

std::string FailureOf(const std::string& path) {
  Result<CaptureReader> reader = CaptureReader::Open(path);
  if (!reader.ok()) return reader.error().message;
  CapturePacket packet;
  for (;;) {
    const Result<bool> more = reader->Next(&packet);
    if (!more.ok()) return more.error().message;
    if (!*more) return "none";
  }
}

CaptureMaker Mixed() {
  CaptureMaker maker;
  AddConnections(10, 1, &maker);
  AddOddities(&maker);
  return maker;
}

void Append32(uint32_t v, std::string* out) { out->append(reinterpret_cast<const char*>(&v), 4); }

// A block of pcapng, in this machine's byte order.
std::string Block(uint32_t type, const std::string& body) {
  std::string block;
  const auto length = static_cast<uint32_t>(12 + body.size());
  Append32(type, &block);
  Append32(length, &block);
  block += body;
  Append32(length, &block);
  return block;
}

std::string Pcapng(const std::vector<MadePacket>& packets) {
  std::string section;
  Append32(0x1a2b3c4d, &section);
  Append32(1, &section);  // version 1.0
  section.append(8, '\xff');
  std::string interface;
  Append32(1, &interface);                                                                 // Ethernet
  Append32(0, &interface);                                                                 // no snap length
  interface += std::string("\x09\x00\x01\x00\x09\x00\x00\x00", 8) + std::string(4, '\0');  // times in nanoseconds
  std::string file = Block(0x0a0d0d0a, section) + Block(1, interface);
  for (const MadePacket& p : packets) {
    std::string body;
    Append32(0, &body);
    Append32(static_cast<uint32_t>(p.time_ns >> 32), &body);
    Append32(static_cast<uint32_t>(p.time_ns), &body);
    Append32(static_cast<uint32_t>(p.octets.size()), &body);
    Append32(static_cast<uint32_t>(std::max<size_t>(p.wire_octets, p.octets.size())), &body);
    body.append(p.octets.begin(), p.octets.end());
    body.resize((body.size() + 3) / 4 * 4);
    file += Block(6, body);
  }
  return file;
}

}  // namespace

TEST_CASE("CaptureFile: what is written is read back: octets, lengths, nanoseconds") {
  const TemporaryDirectory directory;
  Mixed().Write(directory.File("a.pcap"));
  CheckEqual(ReadAll(directory.File("a.pcap")), Mixed().Sorted(), 1);
}

TEST_CASE("CaptureFile: a file of microseconds keeps microseconds") {
  const TemporaryDirectory directory;
  Mixed().Write(directory.File("a.pcap"), {.nanoseconds = false});
  CheckEqual(ReadAll(directory.File("a.pcap")), Mixed().Sorted(), 1000);
}

TEST_CASE("CaptureFile: pcapng is read, too") {
  const TemporaryDirectory directory;
  const std::string path = directory.Write("a.pcapng", Pcapng(Mixed().Sorted()));
  CheckEqual(ReadAll(path), Mixed().Sorted(), 1);
}

TEST_CASE("CaptureFile: a snap length cuts what is stored, not what is said of the wire") {
  const TemporaryDirectory directory;
  Mixed().Write(directory.File("a.pcap"), {.snap_octets = 64});
  const std::vector<MadePacket> read = ReadAll(directory.File("a.pcap"));
  const std::vector<MadePacket> made = Mixed().Sorted();
  REQUIRE(read.size() == made.size());
  for (size_t i = 0; i < made.size(); ++i) {
    CHECK(read[i].octets.size() == std::min<size_t>(64, made[i].octets.size()));
    CHECK(read[i].wire_octets == std::max<size_t>(made[i].wire_octets, made[i].octets.size()));
  }
}

TEST_CASE("CaptureFile: nothing appears under the name before Commit, and nothing is left without it") {
  const TemporaryDirectory directory;
  {
    Result<CaptureWriter> writer = CaptureWriter::Create(directory.File("a.pcap"));
    REQUIRE(writer.ok());
    writer->Write(0, FrameOctets(60), 60);
    CHECK_FALSE(std::filesystem::exists(directory.File("a.pcap")));
  }
  CHECK(std::filesystem::is_empty(directory.path()));
  const Result<CaptureWriter> nowhere = CaptureWriter::Create(directory.File("no/such/place.pcap"));
  REQUIRE_FALSE(nowhere.ok());
  CHECK_THAT(nowhere.error().message, Catch::Contains("no/such/place.pcap: cannot be written: No such file"));
}

TEST_CASE("CaptureFile: a file cut inside a packet is an error at that packet, after those before it") {
  const TemporaryDirectory directory;
  CaptureMaker maker;
  for (int i = 0; i < 3; ++i) maker.Udp(Client(1, 53, 4, kProtocolUdp), i, FrameOctets(100));
  maker.Write(directory.File("whole.pcap"));
  const std::string whole = directory.Read("whole.pcap");
  REQUIRE(whole.size() == 24 + 3 * (16 + 142));
  for (size_t cut = 1; cut < 16 + 142; ++cut) {
    const std::string path = directory.Write("cut.pcap", whole.substr(0, whole.size() - cut));
    CHECK_THAT(FailureOf(path), Catch::Contains("cut.pcap: packet 3: ") && Catch::Contains("truncated"));
  }
  CHECK(FailureOf(directory.Write("two.pcap", whole.substr(0, whole.size() - 16 - 142))) == "none");
}

TEST_CASE("CaptureFile: what is not a capture of Ethernet is refused, and the error says why") {
  const TemporaryDirectory directory;
  CHECK_THAT(FailureOf(directory.File("none.pcap")), Catch::Contains("none.pcap: cannot be read: No such file"));
  CHECK_THAT(FailureOf(directory.path()), Catch::Contains(directory.path()));
  CHECK_THAT(FailureOf(directory.Write("empty.pcap", "")), Catch::Contains("empty.pcap: not a capture"));
  CHECK_THAT(FailureOf(directory.Write("text.pcap", "flow,arrival_ns,bytes,five_tuple\n0,1,2,3\n")),
             Catch::Contains("text.pcap: not a capture that can be read (pcap or pcapng)"));
  CaptureMaker maker;
  maker.Udp(Client(1, 53, 4, kProtocolUdp), 0, FrameOctets(100));
  maker.Write(directory.File("a.pcap"));
  std::string raw = directory.Read("a.pcap");
  raw[20] = 101;  // LINKTYPE_RAW
  CHECK_THAT(FailureOf(directory.Write("raw.pcap", raw)),
             Catch::Contains("raw.pcap: its packets are of link type RAW"));
  raw[20] = 113;
  CHECK_THAT(FailureOf(directory.Write("sll.pcap", raw)), Catch::Contains("LINUX_SLL, not Ethernet"));
}

TEST_CASE("CaptureFile: lengths and times that cannot be are errors with the packet's number") {
  const TemporaryDirectory directory;
  CaptureMaker maker;
  for (int i = 0; i < 2; ++i) maker.Udp(Client(1, 53, 4, kProtocolUdp), i, FrameOctets(100));
  maker.Write(directory.File("a.pcap"));
  const std::string whole = directory.Read("a.pcap");
  const size_t second = 24 + 16 + 142;
  std::string huge = whole;
  for (size_t i = 0; i < 4; ++i) huge[second + 8 + i] = '\x7f';  // 2 GB captured
  CHECK_THAT(FailureOf(directory.Write("huge.pcap", huge)), Catch::Contains("huge.pcap: packet 2: "));
  std::string late = whole;
  for (size_t i = 0; i < 4; ++i) late[second + 4 + i] = '\x7f';  // as many nanoseconds
  CHECK_THAT(FailureOf(directory.Write("late.pcap", late)), Catch::Contains("late.pcap: packet 2: "));
}

TEST_CASE("CaptureFile: any mutation of a file ends in packets or in an error") {
  const TemporaryDirectory directory;
  Mixed().Write(directory.File("a.pcap"));
  const std::string sources[] = {directory.Read("a.pcap").substr(0, 3000), Pcapng(Mixed().Sorted()).substr(0, 3000)};
  Random random(20160804, 2);
  int refused = 0;
  for (int i = 0; i < 400; ++i) {
    std::string mutated = sources[i % 2];
    for (uint64_t n = 1 + random.Below(4); n > 0; --n) {
      mutated[random.Below(random.Below(2) == 0 ? 60 : mutated.size())] = static_cast<char>(random.Next());
    }
    if (FailureOf(directory.Write("m.pcap", mutated)) != "none") ++refused;
  }
  CHECK(refused > 100);
}
