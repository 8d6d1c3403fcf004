#include "runtime/node_mail.h"

#include <poll.h>

#include <algorithm>
#include <utility>

#include "runtime/transport/hello.h"
#include "runtime/transport/raw_time.h"

namespace uhaul::runtime {

using Json = nlohmann::json;

std::optional<int64_t> Integer(const Json& object, const char* key) {
  if (!object.is_object()) return std::nullopt;
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<int64_t>();
}

void NodeMail::OnAdmin(std::string_view text) {
  if (Result<Json> json = ParseAdmin(text)) mail_.push_back(std::move(json).value());
}

Result<std::optional<Json>> NodeMail::Next(Channel& channel, int wait_ms) {
  if (mail_.empty()) {
    if (Status fetched = Fetch(channel, wait_ms); !fetched) return fetched.error();
  }
  if (mail_.empty()) return std::optional<Json>();
  std::optional<Json> first(std::move(mail_.front()));
  mail_.pop_front();
  return first;
}

Result<std::optional<int64_t>> NodeMail::AwaitPong(Channel& channel, int number, int wait_ms) {
  for (const int64_t until = RawNanos() + int64_t{wait_ms} * 1'000'000; RawNanos() < until;) {
    if (Status fetched = Fetch(channel, wait_ms); !fetched) return fetched.error();
    const auto pong = std::find_if(mail_.begin(), mail_.end(), [&](const Json& json) {
      return Integer(json, "pong") == number && Integer(json, "at").has_value();
    });
    if (pong == mail_.end()) continue;
    const std::optional<int64_t> at = Integer(*pong, "at");
    mail_.erase(pong);
    return at;
  }
  return std::optional<int64_t>();
}

bool NodeMail::HasStop(int64_t run) const {
  return std::any_of(mail_.begin(), mail_.end(), [run](const Json& json) { return Integer(json, "stop") == run; });
}

Status NodeMail::Fetch(Channel& channel, int wait_ms) {
  if (Status flushed = channel.Flush(); !flushed) return flushed;
  pollfd poll_for{channel.fd(), static_cast<short>(POLLIN | (channel.wants_write() ? POLLOUT : 0)), 0};
  if (poll(&poll_for, 1, wait_ms) <= 0 || (poll_for.revents & ~POLLOUT) == 0) return {};
  const Result<Channel::Received> received = channel.Receive(*this);
  if (!received) return received.error();
  return received->closed ? Status(Error{"the controller has gone"}) : Status();
}

}  // namespace uhaul::runtime
