#include "runtime/transport/hello.h"

#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "experiments/value_text.h"

namespace uhaul::runtime {
namespace {

using Json = nlohmann::json;
using SteadyClock = std::chrono::steady_clock;

constexpr int kDeepest = 16;
constexpr std::array<std::pair<PeerRole, const char*>, 4> kRoles = {{{PeerRole::kNf, "nf"},
                                                                     {PeerRole::kSwitch, "switch"},
                                                                     {PeerRole::kGenerator, "generator"},
                                                                     {PeerRole::kDriver, "driver"}}};

const char* RoleName(PeerRole role) {
  for (const auto& [known, name] : kRoles) {
    if (known == role) return name;
  }
  return "stranger";
}

// The first frame, which is to be the answer to a hello.
struct Answer final : FrameHandler {
  void OnMessage(TimePoint, Message&&, std::span<const uint8_t>) override { text = "{}"; }
  void OnAdmin(std::string_view answer) override { text = answer; }
  void OnBlob(uint8_t, std::span<const uint8_t>) override { text = "{}"; }
  std::string text;
};

Result<Channel> Introduce(FileDescriptor socket, const Address& address, const Hello& hello,
                          SteadyClock::time_point deadline, ChannelOptions options) {
  Channel channel(std::move(socket), "the controller at " + address.ToString(), options);
  if (const Status queued = channel.QueueAdmin(HelloJson(hello).dump()); !queued) return queued.error();
  Answer answer;
  while (answer.text.empty()) {
    if (const Status flushed = channel.Flush(); !flushed) return flushed.error();
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
    if (left <= 0) return Error{channel.peer() + " does not answer: is something else listening there?"};
    pollfd waiting{channel.fd(), static_cast<short>(POLLIN | (channel.wants_write() ? POLLOUT : 0)), 0};
    ::poll(&waiting, 1, static_cast<int>(std::min<int64_t>(left, 1000)));
    const auto received = channel.Receive(answer, 1);
    if (!received) return received.error();
    if (received->closed) return Error{channel.peer() + " closed the connection"};
  }
  const Result<Json> json = ParseAdmin(answer.text);
  if (!json) return Error{channel.peer() + " " + json.error().message};
  if (json->contains("refused")) return Error{fmt::format("{} refused: {}", channel.peer(), (*json)["refused"].dump())};
  if (!json->contains("welcome")) return Error{channel.peer() + " did not say welcome: of what version is it?"};
  return channel;
}

}  // namespace

std::string NameOf(PeerRole role, uint8_t instance) {
  return role == PeerRole::kNf ? fmt::format("nf {}", instance) : RoleName(role);
}

Json HelloJson(const Hello& hello) {
  return {{"hello",
           {{"role", RoleName(hello.role)},
            {"instance", hello.instance},
            {"version", kTransportVersion},
            {"build", hello.build}}}};
}

Result<Hello> ReadHello(const Json& json) {
  const Error unclear{R"(the first frame is not {"hello": {"role", "instance", "version", "build"}})"};
  if (!json.is_object() || !json.contains("hello") || !json["hello"].is_object()) return unclear;
  const Json& body = json["hello"];
  for (const char* key : {"role", "version"}) {
    if (!body.contains(key)) return unclear;
  }
  if (!body["version"].is_number_integer() || !body["role"].is_string()) return unclear;
  if (body["version"] != kTransportVersion) {
    return Error{fmt::format("it speaks version {}, this controller {}: use one build on both ends",
                             body["version"].dump(), kTransportVersion)};
  }
  Hello hello{PeerRole::kStranger, 0, ""};
  const auto role = body["role"].get<std::string>();
  for (const auto& [known, name] : kRoles) {
    if (role == name) hello.role = known;
  }
  if (hello.role == PeerRole::kStranger) {
    return Error{fmt::format("no role {} (one of nf, switch, generator, driver)", Quoted(role))};
  }
  if (const Json instance = body.value("instance", Json(0));
      instance.is_number_integer() && instance.get<int64_t>() >= 0 && instance.get<int64_t>() <= UINT8_MAX) {
    hello.instance = instance.get<uint8_t>();
  } else {
    return unclear;
  }
  if (const Json build = body.value("build", Json("")); build.is_string()) hello.build = build.get<std::string>();
  return hello;
}

Result<Json> ParseAdmin(std::string_view text) {
  bool deep = false;
  const auto watch = [&](int depth, Json::parse_event_t, Json&) {
    deep = deep || depth > kDeepest;
    return !deep;
  };
  Json json = Json::parse(text, watch, /*allow_exceptions=*/false);
  if (deep) return Error{"sent JSON that is nested too deeply"};
  if (!json.is_object()) return Error{"sent an admin frame that is no JSON object"};
  return json;
}

std::map<std::string, std::string> Texts(const nlohmann::json& json) {
  std::map<std::string, std::string> texts;
  if (!json.is_object()) return texts;
  for (const auto& [key, value] : json.items()) {
    if (value.is_string()) texts.emplace(key, value.get<std::string>());
  }
  return texts;
}

Result<Channel> Join(const Address& address, const Hello& hello, Duration patience, ChannelOptions options) {
  constexpr auto kBetween = std::chrono::milliseconds(20);
  const auto deadline = SteadyClock::now() + std::chrono::nanoseconds(patience.nanos());
  for (;;) {
    Result<FileDescriptor> socket = Connect(address, Duration::Seconds(1));
    if (socket) return Introduce(*std::move(socket), address, hello, deadline + kBetween, options);
    if (SteadyClock::now() + kBetween > deadline) return socket.error();
    std::this_thread::sleep_for(kBetween);
  }
}

}  // namespace uhaul::runtime
