// Northbound: a driver's end of the controller's calls (controller_service.h). Blocking, for one thread.
#pragma once

#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "runtime/transport/hello.h"

namespace uhaul::runtime {

class Northbound {
 public:
  static Result<Northbound> Connect(const Address& address, Duration patience);

  // The reply; an error if the controller refused, is gone, or does not answer in time. "id" is ours.
  Result<nlohmann::json> Call(nlohmann::json call, Duration patience);
  // The next thing that the controller says unasked: a step, a loss. Nothing in that time: nullopt.
  Result<std::optional<nlohmann::json>> Next(Duration patience);
  // Waits for a step of an operation ("closed"). An error that says so if a peer is lost before it.
  Status AwaitStep(uint64_t operation, const std::string& step, Duration patience);

 private:
  explicit Northbound(Channel channel) : channel_(std::move(channel)) {}
  // One more frame into inbox_, or nothing in that time.
  Status Wait(Duration patience);

  Channel channel_;
  std::deque<nlohmann::json> inbox_;
  uint64_t next_id_ = 1;
};

}  // namespace uhaul::runtime
