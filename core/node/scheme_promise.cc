#include "core/node/scheme_promise.h"

namespace uhaul {
namespace {

constexpr const char* kOneQueue =
    "all packets of a flow enter by one switch, and each link to an NF is one queue that loses none: packets, "
    "packet-outs and markers stay in order there";
constexpr const char* kReorders = "packets are processed out of order";
constexpr const char* kNeverEnds = "the move never ends";

// The scenarios of faults were searched for one scheme of each kind.
std::string KindOf(const SchemeOptions& scheme) {
  if (scheme.guarantee == Guarantee::kOrderPreserving) return "opennf-op";
  return scheme.parallelize && scheme.early_release ? "opennf-lf-pl-er" : "opennf-lf";
}

void AddRelay(const SchemeOptions& scheme, SchemePromise* to) {
  if (!scheme.relay_unknown) return;
  if (scheme.relay_end == RelayEnd::kMarked) {
    to->breaches.push_back({"the source dies while it relays new flows", kNeverEnds, "S7/dies"});
    return;
  }
  const char* then = "packets that come directly overtake relayed ones; none is lost";
  to->breaches.push_back({"a new flow was relayed, then the default changes (after: flip)", then, "S6"});
  to->breaches.push_back({"a new flow was relayed, then gets a rule (after: keep)", then, "S6/keep"});
  to->breaches.push_back({"a new flow was relayed, then half of the flows go over (after: share)", then, "S6/share"});
}

void AddOrder(const SchemeOptions& scheme, SchemePromise* to) {
  to->holds_while.insert(to->holds_while.end(),
                         {"the NF takes its packets from one queue, and no two packets of a flow look alike",
                          "every flow goes on sending until the move is over",
                          "every flow moves: the destination refuses none, nobody aborts"});
  if (scheme.idle_timeout_us == 0) {
    to->breaches.push_back({"a flow falls silent", kNeverEnds, "O4"});
    to->breaches.push_back({"the same, of two flows", kNeverEnds, "O5"});
  } else {
    to->breaches.push_back(
        {"a flow falls silent for the time-out", "out of order, on a state that is not the latest", "O6"});
  }
  if (!scheme.count_diverted) {
    to->breaches.push_back({"always: without the switch's count nobody knows the last packet", kReorders, "O7"});
  }
  to->breaches.push_back({"two packets of a flow look alike", kReorders, "O8"});
  to->breaches.push_back({"the NF has several queues", kReorders, "O9"});
  const std::string kind = KindOf(scheme);
  to->breaches.push_back({"the destination refuses a flow", kReorders, kind + "/refuse"});
  to->breaches.push_back({"the operator aborts", kReorders, kind + "/abort"});
  to->breaches.push_back({"the switch has no room for a rule, and a flow falls silent", kNeverEnds, kind + "/full"});
}

SchemePromise OfOpenNf(const SchemeOptions& scheme) {
  const bool ordered = scheme.guarantee == Guarantee::kOrderPreserving;
  SchemePromise out;
  out.promise = ordered ? "every packet is processed once, on the latest state of its flow, in the switch's order"
                        : "every packet is processed once, on a state with all updates; order is not kept";
  out.holds_while = {"control channels deliver every message once and in order, and no process dies", kOneQueue,
                     "the source hands packets over until the last one on the old path has come"};
  if (ordered) {
    AddOrder(scheme, &out);
  } else {
    out.breaches.push_back({"order matters, too", "packets on the new path overtake those by the controller", "O2"});
    out.breaches.push_back({"the source stops handing packets over too early", "a packet meets an old state", "O16"});
  }
  AddRelay(scheme, &out);
  const std::string kind = KindOf(scheme);
  out.breaches.push_back(
      {"a control message is lost", "a packet meets an old state, or the move never ends", kind + "/lose"});
  out.breaches.push_back({"a control message comes twice", "a packet is processed twice", kind + "/repeat"});
  constexpr const char* kWho[] = {"the controller", "the switch", "the source", "the destination"};
  for (int i = 0; i < 4; ++i) {
    out.breaches.push_back({std::string(kWho[i]) + " dies", kNeverEnds, kind + "/crash" + std::to_string(i)});
  }
  return out;
}

SchemePromise OfHandOver() {
  SchemePromise out;
  out.promise =
      "every packet is processed once, in the switch's order, on the latest state, by one owner; also if messages, "
      "markers or connections are lost or processes die: what died with one, or found a buffer full, is counted and "
      "reported with its flow";
  out.holds_while = {
      std::string(kOneQueue) + " (one queue for each direction: tell the machines how many ports there are)",
      "a switch that marks by packet-out follows a rule within the grace time of its acknowledgement",
      "no packet is on its way to an NF for more than a second after that has died and another took its place"};
  out.breaches.push_back(
      {"the switch's data path lags for longer than the grace time", "out of order, and packets are dropped", "U63"});
  return out;
}

}  // namespace

SchemePromise PromiseOf(const SchemeOptions& scheme) {
  if (scheme.flows == MoveFlows::kNone) return {"nothing moves", {}, {}};
  if (scheme.transfer == Transfer::kPeer) return OfHandOver();
  if (scheme.guarantee != Guarantee::kNone) return OfOpenNf(scheme);
  SchemePromise out{"nothing: updates between a flow's export and its new rule are lost", {}, {}};
  AddRelay(scheme, &out);
  return out;
}

}  // namespace uhaul
