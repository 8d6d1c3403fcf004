#include "runtime/capture.h"

#include <rte_lcore.h>
#include <time.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/check.h"

namespace uhaul::runtime {

Result<std::unique_ptr<Capture>> Capture::Open(const std::string& path, const CaptureOptions& options) {
  Result<CaptureWriter> writer = CaptureWriter::Create(path, {.snap_octets = options.snap_octets});
  if (!writer) return writer.error();
  std::unique_ptr<Capture> capture(new Capture(std::move(writer).value(), options));
  if (rte_ctrl_thread_create(&capture->thread_, "uhaul-capture", nullptr, RunWriter, capture.get()) != 0) {
    return Error{"capture " + path + ": no thread for it"};
  }
  capture->running_ = true;
  return capture;
}

Capture::Capture(CaptureWriter writer, const CaptureOptions& options)
    : writer_(std::move(writer)), options_(options), ring_(size_t{1} << options.room_bits) {}

Capture::~Capture() {
  ending_ = true;
  if (running_) pthread_join(thread_, nullptr);
}

Status Capture::Close() {
  UHAUL_CHECK(running_);
  ending_ = true;
  pthread_join(thread_, nullptr);
  running_ = false;
  return writer_.Commit();
}

void Capture::Put(uint64_t at, const void* from, size_t octets) {
  const size_t place = at & (ring_.size() - 1), before_end = std::min(octets, ring_.size() - place);
  std::memcpy(ring_.data() + place, from, before_end);
  std::memcpy(ring_.data(), static_cast<const uint8_t*>(from) + before_end, octets - before_end);
}

void Capture::Get(uint64_t at, void* to, size_t octets) const {
  const size_t place = at & (ring_.size() - 1), before_end = std::min(octets, ring_.size() - place);
  std::memcpy(to, ring_.data() + place, before_end);
  std::memcpy(static_cast<uint8_t*>(to) + before_end, ring_.data(), octets - before_end);
}

void Capture::Stage(TimePoint now, std::span<const uint8_t> octets, uint32_t wire_octets) {
  UHAUL_CHECK(staged_count_ < kMostStaged);
  octets = octets.first(std::min<size_t>(octets.size(), options_.snap_octets));
  const Header header{options_.epoch_ns + now.nanos(), static_cast<uint32_t>(octets.size()), wire_octets};
  const uint64_t end = stage_end_ + sizeof header + octets.size();
  const bool fits = end - tail_.load(std::memory_order_acquire) <= ring_.size();
  if (fits) {
    Put(stage_end_, &header, sizeof header);
    Put(stage_end_ + sizeof header, octets.data(), octets.size());
    stage_end_ = end;
  }
  staged_[staged_count_++] = {stage_end_, !fits};
}

void Capture::Commit(size_t frames) {
  UHAUL_CHECK(frames <= staged_count_);
  for (size_t i = 0; i < frames; ++i) ++(staged_[i].lost ? lost_ : captured_);
  if (frames > 0) head_.store(staged_[frames - 1].end, std::memory_order_release);
  stage_end_ = head_.load(std::memory_order_relaxed);
  staged_count_ = 0;
}

void* Capture::RunWriter(void* capture) {
  static_cast<Capture*>(capture)->Write();
  return nullptr;
}

void Capture::Write() {
  std::vector<uint8_t> octets(options_.snap_octets);
  for (uint64_t at = 0;;) {
    const bool ending = ending_;  // before the head is read, so that nothing comes after the last look
    const uint64_t head = head_.load(std::memory_order_acquire);
    if (at == head) {
      if (ending) return;
      const timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
      nanosleep(&pause, nullptr);
    }
    while (at != head) {
      Header header;
      Get(at, &header, sizeof header);
      Get(at + sizeof header, octets.data(), header.octets);
      at += sizeof header + header.octets;
      tail_.store(at, std::memory_order_release);
      writer_.Write(header.time_ns, std::span(octets).first(header.octets), header.wire_octets);
    }
  }
}

}  // namespace uhaul::runtime
