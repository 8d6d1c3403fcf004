#include "runtime/link_captures.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace uhaul::runtime {
namespace {

// Those of Plane::MakeLinks.
constexpr const char* kLinks[] = {"generator-switch", "switch-nf1", "switch-nf2", "nf1-switch",
                                  "nf2-switch",       "nf1-sink",   "nf2-sink",   "sink-generator"};

}  // namespace

Status AddCapture(const std::string& text, std::map<std::string, std::string>* files) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    return Error{fmt::format("--capture needs NAME=FILE.pcap, got '{}'", text.substr(0, 200))};
  }
  if (files->emplace(text.substr(0, equals), text.substr(equals + 1)).second) return {};
  return Error{fmt::format("--capture names '{}' twice", text.substr(0, equals))};
}

Result<LinkCaptures> LinkCaptures::Open(const std::map<std::string, std::string>& files, int64_t epoch_ns) {
  LinkCaptures captures;
  for (const auto& [name, file] : files) {
    if (std::find(std::begin(kLinks), std::end(kLinks), name) == std::end(kLinks)) {
      return Error{fmt::format("--capture: there is no link '{}' (one of {})", name, fmt::join(kLinks, ", "))};
    }
    Result<std::unique_ptr<Capture>> capture = Capture::Open(file, {.epoch_ns = epoch_ns});
    if (!capture) return capture.error();
    captures.captures_[name] = std::move(capture).value();
  }
  return captures;
}

std::unique_ptr<DataLink> LinkCaptures::Wrap(const std::string& name, std::unique_ptr<DataLink> link,
                                             PacketStore* store) {
  const auto found = captures_.find(name);
  if (found == captures_.end()) return link;
  return std::make_unique<CapturedLink>(std::move(link), store, found->second.get());
}

Status LinkCaptures::Close() {
  for (const auto& [name, capture] : captures_) {
    if (const Status closed = capture->Close(); !closed) return closed;
  }
  return {};
}

uint64_t LinkCaptures::captured() const {
  uint64_t frames = 0;
  for (const auto& [name, capture] : captures_) frames += capture->captured();
  return frames;
}

uint64_t LinkCaptures::lost() const {
  uint64_t frames = 0;
  for (const auto& [name, capture] : captures_) frames += capture->lost();
  return frames;
}

}  // namespace uhaul::runtime
