// The service's admin frames: hellos and northbound calls.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "experiments/value_text.h"
#include "results/record_fields.h"
#include "runtime/transport/controller_service.h"

namespace uhaul::runtime {
namespace {

using Json = nlohmann::json;

const char* PhaseName(HandOver::Phase phase) {
  switch (phase) {
    case HandOver::Phase::kGreeting:
      return "greeting";
    case HandOver::Phase::kSelecting:
      return "selecting";
    case HandOver::Phase::kJournaling:
      return "journaling";
    case HandOver::Phase::kMoving:
      return "moving";
    case HandOver::Phase::kClosed:
      return "closed";
  }
  return "";
}

const char* PhaseName(Migration::Phase phase) {
  switch (phase) {
    case Migration::Phase::kSelecting:
      return "selecting";
    case Migration::Phase::kWatching:
      return "watching relays";
    case Migration::Phase::kLocking:
      return "locking";
    case Migration::Phase::kTransferring:
      return "transferring";
    case Migration::Phase::kArmingBuffer:
      return "arming buffer";
    case Migration::Phase::kDiverting:
      return "diverting";
    case Migration::Phase::kRerouting:
      return "rerouting";
    case Migration::Phase::kDraining:
      return "draining";
    case Migration::Phase::kReleasing:
      return "releasing";
    case Migration::Phase::kListing:
      return "listing";
    case Migration::Phase::kPinning:
      return "pinning";
    case Migration::Phase::kHolding:
      return "holding";
    case Migration::Phase::kFlipping:
      return "flipping";
    case Migration::Phase::kStoppingRelay:
      return "stopping relay";
    case Migration::Phase::kRelayRules:
      return "relay rules";
    case Migration::Phase::kAwaitingMarker:
      return "awaiting the marker";
    case Migration::Phase::kSettling:
      return "settling";
    case Migration::Phase::kLingering:
      return "lingering";
    case Migration::Phase::kUnlocking:
      return "unlocking";
    case Migration::Phase::kClosed:
      return "closed";
  }
  UHAUL_CHECK(false);
}

bool IsCall(const Json& name) {
  return name == "move" || name == "abort" || name == "declare-dead" || name == "status";
}

// Only numbers and text come back as a reply's id.
void Reply(ServicePeer& peer, const Json& call, Json answer) {
  const Json id = call.value("id", Json());
  answer["reply"] = id.is_number() || id.is_string() ? id : Json();
  peer.Send(answer);
}

}  // namespace

void ControllerService::OnAdmin(ServicePeer& peer, std::string_view text) {
  const Result<Json> json = ParseAdmin(text);
  if (!json) {
    peer.fault_ = Error{"it " + json.error().message};
    return;
  }
  if (peer.role() == PeerRole::kStranger) return OnHello(peer, *json);
  const bool call = peer.role() == PeerRole::kDriver && json->contains("call");
  if (call && IsCall((*json)["call"])) return Answer(peer, *json);
  if (options_.on_admin && options_.on_admin(peer, *json)) return;
  if (call) {
    const std::string name = (*json)["call"].dump(-1, ' ', true);
    return Reply(peer, *json,
                 {{"error", fmt::format("no call {} (one of move, abort, declare-dead, status)", Quoted(name))}});
  }
  Log(fmt::format("{} sent something unknown: {}", peer.name(), Quoted(text, 200)));
}

// ---- hello

Status ControllerService::AdmitPeer(const Hello& hello) {
  switch (hello.role) {
    case PeerRole::kStranger:
      return Error{"it has no role"};
    case PeerRole::kDriver:
      return {};
    case PeerRole::kNf:
      if (hello.instance >= options_.controller.nf_count) {
        return Error{fmt::format("there is no nf {}: this controller has {}, counted from 0", hello.instance,
                                 options_.controller.nf_count)};
      }
      break;
    case PeerRole::kSwitch:
    case PeerRole::kGenerator:
      if (hello.instance != 0) return Error{fmt::format("there is one {} only: instance 0", NameOf(hello.role, 0))};
      break;
  }
  if (Find(hello.role, hello.instance) != nullptr) {
    return Error{fmt::format("{} is connected already: stop that one, or choose another instance",
                             NameOf(hello.role, hello.instance))};
  }
  return {};
}

void ControllerService::OnHello(ServicePeer& peer, const Json& json) {
  const Result<Hello> hello = ReadHello(json);
  const Status admitted = hello ? AdmitPeer(*hello) : Status(hello.error());
  if (!admitted) {
    peer.Send({{"refused", admitted.error().message}});
    peer.fault_ = Error{"refused: " + admitted.error().message};
    return;
  }
  peer.hello_ = *hello;
  peer.Send({{"welcome", {{"version", kTransportVersion}}}});
  Welcome(peer);
}

void ControllerService::Welcome(ServicePeer& peer) {
  peer.channel_->set_peer(peer.name());
  Log(fmt::format("{} joined{}", peer.name(), peer.build().empty() ? "" : ", build " + Quoted(peer.build())));
  if (peer.role() == PeerRole::kNf || peer.role() == PeerRole::kSwitch) peer.Send({{"profile", ProfileJson(profile_)}});
  peer.connection_ = controller_.ConnectionOf(peer.node());
  if (options_.on_join) options_.on_join(peer);
  if (journal_ && options_.greets) Greet(peer);
}

void ControllerService::Greet(ServicePeer& peer) {
  const bool nf = peer.role() == PeerRole::kNf;
  if (!nf && peer.role() != PeerRole::kSwitch) return;
  for (const auto& other : peers_) {
    if (!nf || other->role() != PeerRole::kNf || other.get() == &peer) continue;
    other->Send({{"path", peer.instance()}});
    peer.Send({{"path", other->instance()}});
  }
  // What is open may be about it.
  const TimePoint now = options_.clock();
  peer.connection_ = controller_.OnConnected(now, peer.node(), outbox_);
  Drain(now);
}

// ---- northbound

void ControllerService::Answer(ServicePeer& peer, const Json& call) {
  const Result<Json> answer = Call(peer, call);
  Reply(peer, call, answer ? *answer : Json{{"error", answer.error().message}});
  Drain(options_.clock());  // the reply goes first
}

Result<Json> ControllerService::Call(ServicePeer& peer, const Json& call) {
  const Json& name = call["call"];
  if (name == "status") return StatusJson();
  if (name == "declare-dead") {
    const Json nf = call.value("nf", Json());
    if (!nf.is_number_unsigned() || nf.get<uint64_t>() >= options_.controller.nf_count) {
      return Error{"'nf' needs the number of an NF instance"};
    }
    controller_.DeclareDead(options_.clock(), NfNode(nf.get<uint8_t>()), outbox_);
    return Json::object();
  }
  if (name == "move") {
    const Result<MoveCall> move = ReadMoveCall(call, profile_);
    if (!move) return move.error();
    const Result<OperationId> operation = Move(*move, &peer);
    if (!operation) return operation.error();
    return Json{{"operation", *operation}};
  }
  const Json operation = call.value("operation", Json());
  if (!operation.is_number_unsigned() || operation.get<uint64_t>() > UINT32_MAX) {
    return Error{"'operation' needs the number that the reply to move gave"};
  }
  const Status aborted = controller_.Abort(options_.clock(), operation.get<OperationId>(), outbox_);
  if (!aborted) return aborted.error();
  return Json::object();
}

// What it starts waits in the outbox until the reply is on its way.
Result<OperationId> ControllerService::Move(const MoveCall& call, ServicePeer* asker) {
  for (const uint8_t instance : {call.request.src, call.request.dst}) {
    if (instance < options_.controller.nf_count && Find(PeerRole::kNf, instance) == nullptr) {
      return Error{fmt::format("{} is not connected", NameOf(PeerRole::kNf, instance))};
    }
  }
  if (Find(PeerRole::kSwitch, 0) == nullptr) return Error{"the switch is not connected"};
  if (const Status used = UseProfile(call.profile); !used) return used.error();
  const TimePoint now = options_.clock();
  const Result<OperationId> operation = call.detector
                                            ? controller_.MoveElephant(now, call.request, *call.detector, outbox_)
                                            : controller_.Move(now, call.request, outbox_);
  if (!operation) return operation.error();
  std::erase_if(operations_, [&](OperationId id) {
    return controller_.Find(id) == nullptr && controller_.FindHandOver(id) == nullptr;
  });
  operations_.push_back(*operation);
  if (asker != nullptr) {
    askers_[*operation] = asker->id_;
  } else {
    Drain(now);
  }
  return operation;
}

Status ControllerService::UseProfile(const Profile& profile) {
  if (profile == profile_) return {};
  if (!controller_.idle()) return Error{"an operation with other costs is under way: wait until it is closed"};
  profile_ = profile;
  controller_.SetProfile(profile);
  for (const auto& peer : peers_) peer->line_.Set(profile.control_rate, profile.control_delay);
  const Json told = {{"profile", ProfileJson(profile)}};
  Broadcast(PeerRole::kNf, told);
  Broadcast(PeerRole::kSwitch, told);
  return {};
}

Json ControllerService::StatusJson() const {
  Json operations = Json::array();
  for (const OperationId id : operations_) {
    const auto add = [&](const auto& operation) {
      operations.push_back({{"operation", id},
                            {"phase", PhaseName(operation.phase())},
                            {"aborted", operation.aborted()},
                            {"scheme", operation.request().scheme.name},
                            {"src", operation.request().src},
                            {"dst", operation.request().dst},
                            {"dropped_packets", operation.dropped_packets()}});
    };
    if (const Migration* migration = controller_.Find(id)) add(*migration);
    if (const HandOver* hand_over = controller_.FindHandOver(id)) add(*hand_over);
  }
  Json peers = Json::array();
  for (const auto& peer : peers_) {
    if (peer->channel_ && peer->role() != PeerRole::kStranger) peers.push_back(peer->name());
  }
  Json status = {{"operations", std::move(operations)},
                 {"peers", std::move(peers)},
                 {"idle", controller_.idle()},
                 {"held_bytes", controller_.held_bytes().count()},
                 {"held_packets", vault_.held()},
                 {"flows_without_room", controller_.unplaced()},
                 {"dropped_without_room", controller_.dropped_unplaced()},
                 {"messages_received", messages_in_},
                 {"messages_sent", messages_out_},
                 {"undelivered", undelivered_},
                 {"profile", profile_.name}};
  if (options_.on_status) options_.on_status(&status);
  return status;
}

// A move of a thousand flows passes its last put a thousand times: a round tells each step once.
void ControllerService::Tell(const event::Step& step) {
  std::erase_if(untold_,
                [&](const event::Step& told) { return told.operation == step.operation && told.step == step.step; });
  untold_.push_back(step);
}

void ControllerService::TellSteps() {
  for (const event::Step& step : untold_) {
    const auto asker = askers_.find(step.operation);
    if (asker == askers_.end()) continue;
    const Json told = {{"operation", step.operation}, {"step", kStepNames[static_cast<size_t>(step.step)]}};
    for (const auto& peer : peers_) {
      if (peer->id_ == asker->second) peer->Send(told);
    }
    if (step.step == OperationStep::kClosed) askers_.erase(asker);
  }
  untold_.clear();
}

}  // namespace uhaul::runtime
