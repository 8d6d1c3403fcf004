#include "runtime/remote_engine.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "results/record_json.h"
#include "runtime/transport/hello.h"
#include "runtime/transport/raw_time.h"

namespace uhaul {
const BuildInfo& RuntimeBuildInfo();  // made at build time
}  // namespace uhaul

namespace uhaul::runtime {
namespace {

using Json = nlohmann::json;

constexpr Duration kControllerPatience = Duration::Seconds(10);
constexpr int64_t kNodesPatienceNs = 60'000'000'000;
constexpr size_t kLargestRecord = size_t{1} << 30;
// Beyond the run's own length: set-up, reports, merging.
constexpr int64_t kOverheadNs = 120'000'000'000;

class Answers final : public FrameHandler {
 public:
  void OnMessage(TimePoint, Message&&, std::span<const uint8_t>) override {}
  void OnAdmin(std::string_view text) override {
    Result<Json> json = ParseAdmin(text);
    if (json && json->is_object() && json->contains("reply")) reply = std::move(json).value();
  }
  void OnBlob(uint8_t, std::span<const uint8_t> octets) override {
    if (record.size() + octets.size() > kLargestRecord) return;
    record.append(reinterpret_cast<const char*>(octets.data()), octets.size());
  }
  std::optional<Json> reply;
  std::string record;
};

Result<Json> Call(Channel& channel, const Json& call, int64_t patience_ns, Answers* answers) {
  answers->reply.reset();
  if (Status queued = channel.QueueAdmin(call.dump()); !queued) return queued.error();
  const int64_t until = RawNanos() + patience_ns;
  while (!answers->reply) {
    if (Status flushed = channel.Flush(); !flushed) return flushed.error();
    if (RawNanos() > until) return Error{"the testbed does not answer"};
    pollfd poll_for{channel.fd(), static_cast<short>(POLLIN | (channel.wants_write() ? POLLOUT : 0)), 0};
    if (poll(&poll_for, 1, 200) <= 0 || (poll_for.revents & POLLIN) == 0) continue;
    const Result<Channel::Received> received = channel.Receive(*answers);
    if (!received) return received.error();
    if (received->closed) return Error{"the testbed's controller has gone"};
  }
  return *answers->reply;
}

}  // namespace

const BuildInfo& RemoteEngine::build() const { return RuntimeBuildInfo(); }

Result<RunRecord> RemoteEngine::Finish(const PointSpec& point) {
  const Result<Address> address = Address::Parse(config_.controller);
  if (!address) return Error{"testbed: controller: " + address.error().message};
  Result<Channel> channel = Join(*address, {PeerRole::kDriver, 0, build().id}, kControllerPatience);
  if (!channel) return channel.error();
  Answers answers;
  const double length = static_cast<double>((point.duration + point.cap).nanos()) / config_.rate_scale;
  const int64_t patience = static_cast<int64_t>(length) + kOverheadNs;
  int64_t nodes_until = RawNanos() + kNodesPatienceNs;
  for (uint64_t id = 1;; ++id) {
    answers.record.clear();
    const Result<Json> reply =
        Call(*channel, {{"call", "run"}, {"id", id}, {"spec", CanonicalSpec(point)}}, patience, &answers);
    if (!reply && !config_.journal.empty() &&
        RawNanos() < nodes_until) {  // the run goes on, the next controller has it
      fmt::print(stderr, "uhaul-runtime: {}; asking the next one\n", reply.error().message);
      do {  // the old one's socket may accept still
        usleep(100'000);
        channel = Join(*address, {PeerRole::kDriver, 0, build().id}, kControllerPatience);
      } while (!channel && RawNanos() < nodes_until);
      if (!channel) return channel.error();
      continue;
    }
    if (!reply) return reply.error();
    if (reply->contains("error")) return Error{"testbed: " + (*reply)["error"].dump()};
    if (!reply->contains("missing")) {
      measurements_ = Texts(reply->value("measurements", Json()));
      break;
    }
    const std::string missing = (*reply)["missing"].dump();
    if (RawNanos() > nodes_until) return Error{"testbed: these roles have not joined: " + missing + " (uhaul node)"};
    if (id % 10 == 1) fmt::print(stderr, "uhaul-runtime: waiting for {}\n", missing);
    usleep(200'000);
  }
  Result<StoredPoint> stored = DecodePoint(answers.record);
  if (!stored) return Error{"testbed: the record: " + stored.error().message};
  measurements_["clock"] = "tsc";
  measurements_["testbed"] = "processes";
  measurements_["rate_scale"] = fmt::format("{}", config_.rate_scale);
  // The generator says for all whether the rate was kept.
  if (const auto kept = measurements_.find("generator.kept_rate"); kept != measurements_.end()) {
    measurements_["kept_rate"] = kept->second;
  }
  return std::move(stored->record);
}

}  // namespace uhaul::runtime
