#include "workloads/capture_file.h"

#include <fmt/format.h>
#include <pcap/pcap.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

namespace uhaul {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr int64_t kMaxSeconds = INT64_MAX / kNanosPerSecond - 1;
constexpr uint32_t kMaxSnap = 262'144;  // libpcap's own bound for Ethernet
constexpr size_t kReadBuffer = 1 << 20;

std::string Reason(int error) { return std::generic_category().message(error); }

}  // namespace

// ---- reading

void CaptureReader::Close::operator()(pcap* file) const { pcap_close(file); }

Result<CaptureReader> CaptureReader::Open(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");  // libpcap would read stdin for "-", and say less
  if (file == nullptr) return Error{fmt::format("{}: cannot be read: {}", path, Reason(errno))};
  std::setvbuf(file, nullptr, _IOFBF, kReadBuffer);
  char why[PCAP_ERRBUF_SIZE] = "";
  pcap* capture = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, why);
  if (capture == nullptr) {
    std::fclose(file);
    return Error{fmt::format("{}: not a capture that can be read (pcap or pcapng): {}", path, why)};
  }
  CaptureReader reader(path, capture);
  const int link = pcap_datalink(capture);
  if (link != DLT_EN10MB) {
    const char* name = pcap_datalink_val_to_name(link);
    return Error{
        fmt::format("{}: its packets are of link type {}, not Ethernet; capture on an Ethernet interface, or add "
                    "Ethernet headers (tcprewrite --dlt=enet does)",
                    path, name != nullptr ? name : fmt::to_string(link))};
  }
  return reader;
}

Result<bool> CaptureReader::Next(CapturePacket* packet) {
  pcap_pkthdr* header = nullptr;
  const u_char* octets = nullptr;
  const int got = pcap_next_ex(file_.get(), &header, &octets);
  if (got == PCAP_ERROR_BREAK) return false;
  ++read_;
  if (got != 1) return Error{fmt::format("{}: packet {}: {}", path_, read_, pcap_geterr(file_.get()))};
  const auto seconds = static_cast<int64_t>(header->ts.tv_sec);
  const auto nanos = static_cast<int64_t>(header->ts.tv_usec);  // nanoseconds, as we asked for them
  if (seconds < 0 || seconds > kMaxSeconds || nanos < 0 || nanos >= kNanosPerSecond) {
    return Error{
        fmt::format("{}: packet {}: {} s and {} ns is not a time between 1970 and 2262", path_, read_, seconds, nanos)};
  }
  packet->number = read_;
  packet->time_ns = seconds * kNanosPerSecond + nanos;
  packet->wire_octets = std::max(header->len, header->caplen);
  packet->octets = {octets, header->caplen};
  return true;
}

// ---- writing

struct CaptureWriter::State {
  std::string path;
  std::string temporary;
  bool nanoseconds = true;
  uint32_t snap = kMaxSnap;
  pcap* link = nullptr;
  pcap_dumper* file = nullptr;

  ~State() {
    if (file != nullptr) {
      pcap_dump_close(file);
      unlink(temporary.c_str());
    }
    if (link != nullptr) pcap_close(link);
  }
};

CaptureWriter::CaptureWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
CaptureWriter::CaptureWriter(CaptureWriter&&) noexcept = default;
CaptureWriter::~CaptureWriter() = default;

Result<CaptureWriter> CaptureWriter::Create(const std::string& path, CaptureWriterOptions options) {
  auto state = std::make_unique<State>();
  state->path = path;
  state->temporary = fmt::format("{}.tmp.{}", path, getpid());
  state->nanoseconds = options.nanoseconds;
  state->snap = std::clamp<uint32_t>(options.snap_octets, 1, kMaxSnap);
  state->link = pcap_open_dead_with_tstamp_precision(
      DLT_EN10MB, static_cast<int>(state->snap),
      options.nanoseconds ? PCAP_TSTAMP_PRECISION_NANO : PCAP_TSTAMP_PRECISION_MICRO);
  UHAUL_CHECK(state->link != nullptr);
  std::FILE* file = std::fopen(state->temporary.c_str(), "wb");
  if (file == nullptr) return Error{fmt::format("{}: cannot be written: {}", path, Reason(errno))};
  state->file = pcap_dump_fopen(state->link, file);
  if (state->file == nullptr) {
    std::fclose(file);
    unlink(state->temporary.c_str());
    return Error{fmt::format("{}: cannot be written: {}", path, pcap_geterr(state->link))};
  }
  return CaptureWriter(std::move(state));
}

void CaptureWriter::Write(int64_t time_ns, std::span<const uint8_t> octets, uint32_t wire_octets) {
  UHAUL_CHECK(time_ns >= 0 && wire_octets >= octets.size());
  pcap_pkthdr header{};
  header.ts.tv_sec = time_ns / kNanosPerSecond;
  header.ts.tv_usec = time_ns % kNanosPerSecond / (state_->nanoseconds ? 1 : 1000);
  header.len = wire_octets;
  header.caplen = std::min(static_cast<uint32_t>(octets.size()), state_->snap);
  pcap_dump(reinterpret_cast<u_char*>(state_->file), &header, octets.data());
}

Status CaptureWriter::Commit() {
  State& s = *state_;
  UHAUL_CHECK(s.file != nullptr);
  std::FILE* file = pcap_dump_file(s.file);
  const bool written = std::fflush(file) == 0 && std::ferror(file) == 0 && fsync(fileno(file)) == 0;
  if (!written || std::rename(s.temporary.c_str(), s.path.c_str()) != 0) {
    return Error{fmt::format("{}: cannot be written: {}", s.path, Reason(errno))};
  }
  pcap_dump_close(s.file);
  s.file = nullptr;
  return {};
}

}  // namespace uhaul
