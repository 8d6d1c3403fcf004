// NodeMail: a node's mail between runs: admin frames from the controller, kept until they are asked for.
#pragma once

#include <deque>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/base/result.h"
#include "runtime/transport/channel.h"

namespace uhaul::runtime {

// A whole number of a frame; nothing if it is absent or something else.
std::optional<int64_t> Integer(const nlohmann::json& object, const char* key);

class NodeMail final : public FrameHandler {
 public:
  void OnMessage(TimePoint, Message&&, std::span<const uint8_t>) override {}  // of a run that is over
  void OnAdmin(std::string_view text) override;
  void OnBlob(uint8_t, std::span<const uint8_t>) override {}

  // The next one; nothing if none comes in that time. An error: the controller has gone.
  Result<std::optional<nlohmann::json>> Next(Channel& channel, int wait_ms);
  // The controller's clock in the answer to ping `number`; what else comes meanwhile stays.
  Result<std::optional<int64_t>> AwaitPong(Channel& channel, int number, int wait_ms);
  // Whether this run has been given up already, in a frame that waits behind the one in hand.
  bool HasStop(int64_t run) const;

 private:
  Status Fetch(Channel& channel, int wait_ms);
  std::deque<nlohmann::json> mail_;
};

}  // namespace uhaul::runtime
