// Outside tools on our captures: tshark must see the same frames, prads the same hosts and services. Where a tool is
// not installed its tests say so and pass.
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

#include "core/flow/address_text.h"
#include "core/flow/flow_table.h"
#include "core/nf/asset_text.h"
#include "tests/workloads/capture_maker.h"
#include "tests/workloads/temporary_directory.h"
#include "workloads/capture_replay.h"

using namespace uhaul;        // NOLINT
using namespace uhaul::test;  // NOLINT

namespace {

bool Installed(const std::string& tool) {
  if (std::system(("command -v " + tool + " >/dev/null 2>&1").c_str()) == 0) return true;
  WARN(tool << " is not installed: nothing was compared with it");
  return false;
}

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

struct TsharkFrame {
  FiveTuple tuple;
  uint64_t bytes = 0;
};

constexpr const char* kFields[] = {"frame.number",
                                   "ip.src",
                                   "ip.dst",
                                   "ip.proto",
                                   "ip.len",
                                   "ip.flags.mf",
                                   "ip.frag_offset",
                                   "ipv6.src",
                                   "ipv6.dst",
                                   "ipv6.plen",
                                   "ipv6.fraghdr.offset",
                                   "ipv6.fraghdr.more",
                                   "ipv6.fraghdr.nxt",
                                   "tcp.srcport",
                                   "tcp.dstport",
                                   "udp.srcport",
                                   "udp.dstport"};

// What tshark says of each IP frame. A fragment keeps its ports to itself, as with us.
std::map<uint64_t, TsharkFrame> Tshark(const TemporaryDirectory& directory, const std::string& path) {
  std::string command = "tshark -r " + path +
                        " -n -o ip.defragment:FALSE -o ipv6.defragment:FALSE -T fields -E separator=, -E occurrence=f";
  for (const char* field : kFields) command += std::string(" -e ") + field;
  REQUIRE(std::system((command + " >" + directory.File("fields") + " 2>" + directory.File("errors")).c_str()) == 0);
  std::map<uint64_t, TsharkFrame> frames;
  for (const std::string& line : Split(directory.Read("fields"), '\n')) {
    const std::vector<std::string> columns = Split(line + ",.", ',');
    REQUIRE(columns.size() == std::size(kFields) + 1);
    std::map<std::string, std::string> f;
    for (size_t i = 0; i < std::size(kFields); ++i) f[kFields[i]] = columns[i];
    const auto number = [&](const char* field) { return std::strtoull(f[field].c_str(), nullptr, 0); };
    const bool v4 = !f["ip.src"].empty();
    if (!v4 && f["ipv6.src"].empty()) continue;
    const bool fragment = v4 ? f["ip.flags.mf"] == "1" || f["ip.flags.mf"] == "True" || number("ip.frag_offset") > 0
                             : !f["ipv6.fraghdr.nxt"].empty();
    TsharkFrame frame;
    frame.tuple.version = v4 ? 4 : 6;
    frame.tuple.source = v4 ? ParseIpv4(f["ip.src"]).value() : ParseIpv6(f["ipv6.src"]).value();
    frame.tuple.destination = v4 ? ParseIpv4(f["ip.dst"]).value() : ParseIpv6(f["ipv6.dst"]).value();
    const bool tcp = !f["tcp.srcport"].empty();
    const bool udp = !f["udp.srcport"].empty();
    frame.tuple.protocol = static_cast<uint8_t>(v4         ? number("ip.proto")
                                                : fragment ? number("ipv6.fraghdr.nxt")
                                                : tcp      ? kProtocolTcp
                                                           : kProtocolUdp);
    if (!fragment && (tcp || udp)) {
      frame.tuple.source_port = static_cast<uint16_t>(number(tcp ? "tcp.srcport" : "udp.srcport"));
      frame.tuple.destination_port = static_cast<uint16_t>(number(tcp ? "tcp.dstport" : "udp.dstport"));
    }
    frame.bytes = v4 ? number("ip.len") : 40 + number("ipv6.plen");
    frames[number("frame.number")] = frame;
  }
  return frames;
}

// What prads calls an asset, a line each: host, kind (SYN, SYNACK, SERVER, ...) and what it recognised.
struct Asset {
  std::string host, port, kind, info;
};
std::vector<Asset> Prads(const TemporaryDirectory& directory, const std::string& path) {
  const std::string log = directory.File("asset.log");
  std::system(("timeout 30 prads -r " + path + " -l " + log + " >" + directory.File("prads") + " 2>&1").c_str());
  std::vector<Asset> assets;
  for (const std::string& line : Split(directory.Read("asset.log"), '\n')) {
    const std::vector<std::string> columns = Split(line, ',');
    if (columns.size() >= 6 && columns[0] != "asset")
      assets.push_back({columns[0], columns[2], columns[4], columns[5]});
  }
  return assets;
}

std::vector<AssetRecord> Ours(const std::string& path) {
  const FlowHasher hasher(HashKey{1, 2});
  AssetMonitor monitor({.timeout = Duration::Seconds(1'000'000), .hash_key = HashKey{1, 2}});
  Result<CaptureReplay> replay = CaptureReplay::Open(path);
  REQUIRE(replay.ok());
  while (replay->NextTime() != TimePoint::Never()) {
    const CaptureReplayPacket p = replay->Pop();
    Packet packet;
    packet.flow = hasher.Key(replay->flows()[p.flow].tuple);
    packet.bytes = p.ip_octets;
    packet.tcp_flags = p.tcp_flags;
    monitor.Process(p.recorded, {&packet, 1});
  }
  return AssetRecords(monitor);
}

}  // namespace

TEST_CASE("Tools: tshark sees the same five-tuple and IP octets in every frame, and so in every flow and FIT entry") {
  if (!Installed("tshark")) return;
  const TemporaryDirectory directory;
  CaptureMaker maker;
  AddConnections(100, 7, &maker);
  AddOddities(&maker);
  const std::string path = directory.File("a.pcap");
  maker.Write(path);
  const std::map<uint64_t, TsharkFrame> theirs = Tshark(directory, path);

  Result<CaptureReader> reader = CaptureReader::Open(path);
  REQUIRE(reader.ok());
  CaptureFlows flows(*std::move(reader));
  CaptureFlows::Seen seen;
  const FlowHasher hasher(HashKey{1, 2});
  FlowTable table({.capacity = 4096, .window = Duration::Seconds(4)});
  std::map<FiveTuple, std::pair<uint64_t, uint64_t>> sums;  // packets and bytes, theirs
  while (flows.Next(&seen).value()) {
    CAPTURE(seen.packet.number);
    REQUIRE(theirs.count(seen.packet.number) == 1);
    const TsharkFrame& frame = theirs.at(seen.packet.number);
    CHECK(seen.frame.tuple.ToString() == frame.tuple.ToString());
    CHECK(seen.frame.ip_octets == frame.bytes);
    ++sums[frame.tuple].first;
    sums[frame.tuple].second += frame.bytes;
    Packet packet;
    packet.flow = hasher.Key(seen.frame.tuple);
    packet.bytes = seen.frame.ip_octets;
    table.Record(seen.at, packet);
  }
  // Ours leave out two frames of IP: one cut short in its TCP header, one with three tags.
  CHECK(theirs.size() == flows.totals().packets + 2);
  REQUIRE(flows.flows().size() == sums.size());
  for (const CaptureFlow& flow : flows.flows()) {
    CHECK(sums.at(flow.tuple) == std::pair(flow.packets, flow.bytes));
  }
  const std::vector<ActiveFlow> entries = table.Snapshot(flows.totals().end);
  REQUIRE(entries.size() == sums.size());
  for (const ActiveFlow& entry : entries) CHECK(sums.at(entry.flow.tuple).second == entry.bytes.count());
}

TEST_CASE("Tools: prads finds the same TCP clients and servers, and services that we know by their ports") {
  if (!Installed("prads")) return;
  const TemporaryDirectory directory;
  CaptureMaker maker;
  AddConnections(60, 8, &maker, true);
  CaptureMaker::Connection web;
  web.request = Text("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: Mozilla/5.0\r\n\r\n");
  web.response = Text("HTTP/1.1 200 OK\r\nServer: Apache/2.4.54 (Debian)\r\nContent-Length: 2\r\n\r\nok");
  maker.Tcp(Client(9000, 80), web);
  CaptureMaker::Connection shell;
  shell.request = Text("SSH-2.0-OpenSSH_9.2p1\r\n");
  shell.response = Text("SSH-2.0-OpenSSH_8.4p1 Debian-5\r\n");
  maker.Tcp(Client(9001, 22), shell);
  const std::string path = directory.File("a.pcap");
  maker.Write(path, {.nanoseconds = false});
  const std::vector<Asset> theirs = Prads(directory, path);
  if (theirs.empty()) {
    WARN("prads wrote no assets, nothing was compared: " << directory.Read("prads").substr(0, 500));
    return;
  }

  std::set<std::string> clients, servers, hosts;           // who sent a SYN; who answered one; who sent anything
  std::set<std::pair<std::string, std::string>> services;  // host, name
  for (const AssetRecord& record : Ours(path)) {
    const std::string client = AddressToString(record.tuple.version, record.tuple.source);
    const std::string server = AddressToString(record.tuple.version, record.tuple.destination);
    hosts.insert(client);
    if (record.responder.packets() > 0) hosts.insert(server);
    if (record.initiator.syns > 0) clients.insert(client);
    if (record.responder.syns > 0) servers.insert(server);
    services.emplace(server, AssetServiceName(record.service));
  }
  std::set<std::string> their_clients, their_servers;
  size_t recognised = 0;
  for (const Asset& asset : theirs) {
    CAPTURE(asset.host, asset.kind, asset.info);
    CHECK(hosts.count(asset.host) == 1);
    if (asset.kind == "SYN") their_clients.insert(asset.host);
    if (asset.kind == "SYNACK") their_servers.insert(asset.host);
    // What it recognised by contents, "[http:Apache ...]"; what it only guesses by the port begins with "@".
    if (asset.kind == "SERVER" && asset.info.find("[@") != 0 && asset.info.find("unknown") == std::string::npos) {
      ++recognised;
      CHECK(services.count({asset.host, asset.info.substr(1, asset.info.find(':') - 1)}) == 1);
    }
  }
  CHECK(their_clients == clients);
  CHECK(their_servers == servers);
  CHECK(recognised >= 2);
}
