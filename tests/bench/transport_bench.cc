// How long a move of 1,000 states of 256 octets takes through a controller in a thread of its own, by sockets: get ->
// put -> del, with the controller relaying every chunk. Not a test: prints medians of 25 moves, there and back.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "runtime/transport/controller_service.h"
#include "runtime/transport/northbound.h"
#include "tests/runtime/transport/far_side.h"

namespace uhaul::runtime {
namespace {

using testing::FarSide;
using testing::Now;
using Json = nlohmann::json;

constexpr uint32_t kStates = 1000;
constexpr size_t kOctets = 256;

// State of a fixed size, that nothing is done with.
class Ballast final : public NetworkFunction {
 public:
  std::unique_ptr<NetworkFunction> Clone() const override { return std::make_unique<Ballast>(*this); }
  SchemaId schema() const override { return 1; }
  void Process(TimePoint, std::span<const Packet> burst) override {
    for (const Packet& packet : burst) ++flows_.Get(packet.flow)[0];
  }
  bool Knows(const FlowKey& flow) const override { return flows_.Contains(flow); }
  std::vector<FlowKey> Flows() const override { return flows_.SortedKeys(); }
  size_t flow_count() const override { return flows_.size(); }
  Result<std::vector<uint8_t>> Export(const FlowKey& flow) const override {
    const auto* state = flows_.Find(flow);
    if (state == nullptr) return Error{"no state"};
    return std::vector<uint8_t>(state->begin(), state->end());
  }
  Status Import(TimePoint, const FlowKey& flow, std::span<const uint8_t> chunk) override {
    if (chunk.size() != kOctets) return Error{"not our state"};
    std::copy(chunk.begin(), chunk.end(), flows_.Get(flow).begin());
    return {};
  }
  bool Delete(const FlowKey& flow) override { return flows_.Erase(flow); }
  void Expire(TimePoint) override {}
  void Hash(StateHash&) const override {}

 private:
  FlowMap<std::array<uint8_t, kOctets>> flows_;
};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void Measure(const char* where, const char* scheme) {
  std::array<TimePoint, kOperationSteps> steps{};
  std::atomic<bool> closed = false;
  ControllerServiceOptions options;
  Profile profile = *FindProfile("ideal");
  profile.control_delay = Duration();
  profile.control_rate = BitRate(1'000'000'000'000'000);
  options.controller = {.profile = profile, .hash_key = testing::kTestKey, .nf_count = 2};
  options.clock = Now;
  options.shared_clock = true;
  options.on_event = [&](TimePoint now, const RecordEvent& event) {
    const auto* step = std::get_if<event::Step>(&event);
    if (step == nullptr) return;
    steps[static_cast<size_t>(step->step)] = now;
    if (step->step == OperationStep::kClosed) closed = true;
  };
  ControllerService service(std::move(options));
  const Result<Address> address = service.Listen(*Address::Parse(where));
  UHAUL_CHECK(address.ok());
  std::thread thread([&] { (void)service.Run(); });
  {
    FarSide side(FarSide::Join(*address), profile, kStates, [](auto) { return std::make_unique<Ballast>(); });
    Result<Northbound> driver = Northbound::Connect(*address, Duration::Seconds(5));
    UHAUL_CHECK(driver.ok());
    for (uint32_t n = 0; n < kStates; ++n) side.SendPacket(n);
    std::vector<double> millis;
    uint64_t messages = 0;
    for (unsigned i = 0; i < 25; ++i) {
      const auto count = [&] {
        const auto status = driver->Call({{"call", "status"}}, Duration::Seconds(5));
        return (*status)["messages_received"].get<uint64_t>() + (*status)["messages_sent"].get<uint64_t>();
      };
      const uint64_t before = count();
      closed = false;
      const auto reply =
          driver->Call({{"call", "move"}, {"src", i % 2}, {"dst", 1 - i % 2}, {"spec", {{"scheme.name", scheme}}}},
                       Duration::Seconds(5));
      UHAUL_CHECK(reply.ok());
      while (!closed) side.Poll();
      UHAUL_CHECK(side.states(static_cast<int>(1 - i % 2)) == kStates);
      messages = count() - before;
      millis.push_back((steps[static_cast<size_t>(OperationStep::kLastDelete)] -
                        steps[static_cast<size_t>(OperationStep::kAccepted)])
                           .millis());
    }
    fmt::print("{:<22} {:<16} {:.2f} ms to the last delete (best {:.2f}); {} messages, {:.0f} ns each\n", where, scheme,
               Median(millis), *std::min_element(millis.begin(), millis.end()), messages,
               Median(millis) * 1e6 / static_cast<double>(messages));
    service.Stop();
    thread.join();
  }
}

}  // namespace
}  // namespace uhaul::runtime

int main() {
  for (const char* where : {"unix:/tmp/uhaul-bench.sock", "tcp:127.0.0.1:0"}) {
    for (const char* scheme : {"opennf-ng-pl", "opennf-lf", "opennf-lf-pl-er"}) uhaul::runtime::Measure(where, scheme);
  }
}
