#include "runtime/transport/northbound.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <chrono>

namespace uhaul::runtime {
namespace {

using Json = nlohmann::json;
using SteadyClock = std::chrono::steady_clock;

class Deadline {
 public:
  explicit Deadline(Duration patience) : at_(SteadyClock::now() + std::chrono::nanoseconds(patience.nanos())) {}
  Duration left() const {
    const int64_t nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(at_ - SteadyClock::now()).count();
    return Duration::Nanos(std::max<int64_t>(nanos, 0));
  }

 private:
  SteadyClock::time_point at_;
};

struct Inbox final : FrameHandler {
  void OnMessage(TimePoint, Message&&, std::span<const uint8_t>) override {}
  void OnAdmin(std::string_view text) override {
    if (Result<Json> json = ParseAdmin(text)) arrived.push_back(*std::move(json));
  }
  void OnBlob(uint8_t, std::span<const uint8_t>) override {}
  std::deque<Json> arrived;
};

}  // namespace

Result<Northbound> Northbound::Connect(const Address& address, Duration patience) {
  Result<Channel> channel = Join(address, {PeerRole::kDriver, 0, ""}, patience);
  if (!channel) return channel.error();
  return Northbound(*std::move(channel));
}

Status Northbound::Wait(Duration patience) {
  const Deadline deadline(patience);
  for (bool first = true;; first = false) {
    if (const Status flushed = channel_.Flush(); !flushed) return flushed;
    if (!first) {
      pollfd waiting{channel_.fd(), static_cast<short>(POLLIN | (channel_.wants_write() ? POLLOUT : 0)), 0};
      ::poll(&waiting, 1, static_cast<int>(std::min<int64_t>(deadline.left().nanos() / 1'000'000 + 1, 1000)));
    }
    Inbox inbox;
    const auto received = channel_.Receive(inbox);
    if (!received) return received.error();
    inbox_.insert(inbox_.end(), inbox.arrived.begin(), inbox.arrived.end());
    if (!inbox_.empty() || deadline.left() == Duration()) return {};
    if (received->closed) return Error{channel_.peer() + " closed the connection"};
  }
}

Result<Json> Northbound::Call(Json call, Duration patience) {
  const uint64_t id = next_id_++;
  call["id"] = id;
  if (const Status queued = channel_.QueueAdmin(call.dump()); !queued) return queued.error();
  const Deadline deadline(patience);
  std::deque<Json> others;
  Result<Json> reply = Error{channel_.peer() + " does not answer"};
  for (bool replied = false; !replied && deadline.left() > Duration();) {
    if (const Status waited = Wait(deadline.left()); !waited) {
      reply = waited.error();
      break;
    }
    while (!inbox_.empty()) {
      Json json = std::move(inbox_.front());
      inbox_.pop_front();
      if (json.value("reply", Json()) == id) {
        replied = true;
        reply = std::move(json);
      } else if (!json.contains("reply")) {
        others.push_back(std::move(json));
      }
    }
  }
  inbox_ = std::move(others);
  if (reply && reply->contains("error")) return Error{fmt::format("refused: {}", (*reply)["error"].get<std::string>())};
  return reply;
}

Result<std::optional<Json>> Northbound::Next(Duration patience) {
  if (inbox_.empty()) {
    if (const Status waited = Wait(patience); !waited) return waited.error();
  }
  if (inbox_.empty()) return std::optional<Json>();
  std::optional<Json> next(std::move(inbox_.front()));
  inbox_.pop_front();
  return next;
}

Status Northbound::AwaitStep(uint64_t operation, const std::string& step, Duration patience) {
  const Deadline deadline(patience);
  while (deadline.left() > Duration()) {
    const Result<std::optional<Json>> next = Next(deadline.left());
    if (!next) return next.error();
    if (!*next) break;
    if ((*next)->contains("lost")) return Error{fmt::format("the controller lost {}", (**next)["lost"].dump())};
    if ((*next)->value("operation", Json()) == operation && (*next)->value("step", Json()) == step) return {};
  }
  return Error{fmt::format("operation {} is not {} in time", operation, step)};
}

}  // namespace uhaul::runtime
