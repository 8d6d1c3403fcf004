// Captures: packets with their octets and times, in files as tcpdump and wireshark write them. libpcap reads pcap (in
// microseconds or nanoseconds, of either byte order) and pcapng; we write pcap, in nanoseconds unless asked otherwise.
// Ethernet only.
//
// A reader holds one packet at a time, so a file may be larger than the memory. Files come from anybody: a packet has
// at most 262,144 octets here, a time lies between 1970 and 2262, and every error names the file and the packet (from
// 1, as wireshark counts them). A file that ends inside a packet is an error at that packet; those before it were
// given.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/base/result.h"

struct pcap;
struct pcap_dumper;

namespace uhaul {

struct CapturePacket {
  uint64_t number = 0;       // in the file, from 1
  int64_t time_ns = 0;       // since 1970
  uint32_t wire_octets = 0;  // the frame's length on the wire, of which `octets` are here
  std::span<const uint8_t> octets;
};

class CaptureReader {
 public:
  static Result<CaptureReader> Open(const std::string& path);

  // The next packet, whose octets are valid until the next call; false at the end of the file.
  Result<bool> Next(CapturePacket* packet);
  const std::string& path() const { return path_; }

 private:
  struct Close {
    void operator()(pcap* file) const;
  };
  CaptureReader(std::string path, pcap* file) : path_(std::move(path)), file_(file) {}

  std::string path_;
  std::unique_ptr<pcap, Close> file_;
  uint64_t read_ = 0;
};

struct CaptureWriterOptions {
  bool nanoseconds = true;
  uint32_t snap_octets = 262'144;  // of each frame, at most so many are written
};

// The file appears under its name when Commit succeeds: whole or not at all.
class CaptureWriter {
 public:
  static Result<CaptureWriter> Create(const std::string& path, CaptureWriterOptions options = {});
  CaptureWriter(CaptureWriter&&) noexcept;
  ~CaptureWriter();

  // `wire_octets`: at least as many as are here. `time_ns`: from 0, the file's seconds have 32 bits.
  void Write(int64_t time_ns, std::span<const uint8_t> octets, uint32_t wire_octets);
  Status Commit();

 private:
  struct State;
  explicit CaptureWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace uhaul
