// Capture: what a port or a link saw, as a pcap file, without ever making the lcore wait. The lcore copies frames into
// a ring that is bounded in octets; a thread of its own, on processors that are no lcore's, writes them. What finds no
// room is counted as lost. The file appears when Close succeeds.
//
// A frame is staged before it is offered to a driver, which may free it, and committed when it was taken:
//
//   capture.Stage(now, octets, wire_octets);  // of each frame of the burst
//   capture.Commit(sent);                     // the first so many; the others were not seen
#pragma once

#include <pthread.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/base/units.h"
#include "workloads/capture_file.h"

namespace uhaul::runtime {

struct CaptureOptions {
  int64_t epoch_ns = 0;         // the time since 1970 at which `now` was 0
  uint32_t room_bits = 24;      // the ring has 2 to so many octets
  uint32_t snap_octets = 2048;  // of each frame, at most so many
};

class Capture {
 public:
  static constexpr size_t kMostStaged = 64;
  static Result<std::unique_ptr<Capture>> Open(const std::string& path, const CaptureOptions& options = {});
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  // At most kMostStaged between two commits. One thread stages and commits.
  void Stage(TimePoint now, std::span<const uint8_t> octets, uint32_t wire_octets);
  void Commit(size_t frames);
  // Writes what is in the ring and ends the file. Once; the lcore must be done.
  Status Close();

  uint64_t captured() const { return captured_; }
  uint64_t lost() const { return lost_; }

 private:
  struct Header {
    int64_t time_ns;
    uint32_t octets, wire_octets;
  };
  struct Staged {
    uint64_t end;
    bool lost;
  };
  Capture(CaptureWriter writer, const CaptureOptions& options);
  static void* RunWriter(void* capture);
  void Write();
  void Put(uint64_t at, const void* from, size_t octets);
  void Get(uint64_t at, void* to, size_t octets) const;

  CaptureWriter writer_;
  CaptureOptions options_;
  std::vector<uint8_t> ring_;
  std::array<Staged, kMostStaged> staged_;
  size_t staged_count_ = 0;
  uint64_t stage_end_ = 0;
  uint64_t captured_ = 0;
  uint64_t lost_ = 0;
  std::atomic<uint64_t> head_ = 0;  // octets ever committed
  std::atomic<uint64_t> tail_ = 0;  // octets ever written out
  std::atomic<bool> ending_ = false;
  pthread_t thread_{};
  bool running_ = false;
};

}  // namespace uhaul::runtime
