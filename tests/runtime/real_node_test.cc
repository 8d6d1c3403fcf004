// A node that is one NF of a testbed, driven by hand: the test is its controller, its switch and its sink. What leaves
// the process beside a message, and what stays.
#include "runtime/real_node.h"

#include <catch2/catch.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/marker_frame.h"
#include "tests/runtime/mbuf_pool.h"
#include "tests/runtime/transport/sockets.h"
#include "tests/sim/small_points.h"

using namespace uhaul;           // NOLINT
using namespace uhaul::runtime;  // NOLINT
using uhaul::runtime::testing::Frames;
using uhaul::runtime::testing::SocketPair;

namespace {

constexpr uint64_t kNonce = 77;

// An NF instance in operation 1, from instance 0 to 1: epoch 4 forward, 5 back, 6 over.
class Bench {
 public:
  explicit Bench(uint8_t instance)
      : instance_(instance),
        point_(small::Point("handover")),
        scenario_(LoadScenario(point_).value()),
        run_(point_, scenario_) {
    point_.profile = *FindProfile("native");
    Connect();
    node_ = RealNode::Create(&run_, &clock_, {TestPool(), &store_}).value();
    node_->MakeLinks([&](uint16_t link_rank, const LinkOptions& options) -> std::unique_ptr<DataLink> {
      const bool mine = link_rank == rank::kNfToSink + instance_ || link_rank == rank::kNfToSwitch + instance_;
      return mine ? std::make_unique<RingLink>(options, PacketMemory{TestPool(), &store_}) : nullptr;
    });
    node_->Attach(NfNode(instance_), &*own_);
    node_->SetProfile(point_.profile, false);
    clock_.Start();
    node_->Start();
    flow_ = run_.hasher().Key(scenario_.trace.flows[0].tuple);
  }

  // The controller dies, and with it what it had been sent; another one takes its place.
  void ReplaceController() {
    node_->Disconnect();
    frames_ = {};
    next_ = 0;
    Connect();
    node_->Reconnect();
  }
  void Say(MessageBody body) {
    REQUIRE(far_->QueueMessage({}, {1, 1, std::move(body)}).ok());
    REQUIRE(far_->Flush().ok());
  }
  void Command(msg::CustodyVerb verb, Epoch epoch) {
    Say(msg::CustodyCommand{verb, epoch, static_cast<uint8_t>(1 - instance_), 9, kNonce, {flow_.tuple}});
    const auto answer = AwaitReport();
    INFO("verb " << static_cast<int>(verb));
    REQUIRE(answer.has_value());
  }
  std::optional<msg::CustodyStatus> AwaitReport() {
    std::optional<msg::CustodyStatus> status;
    Await([&](const Frames::Arrived& arrived) {
      const auto* report = std::get_if<msg::CustodyReport>(&arrived.message.body);
      if (report != nullptr) status = report->flows.at(0).status;
      return status.has_value();
    });
    return status;
  }
  // A packet of the flow, from the switch.
  void Packet(uint32_t sequence) {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(TestPool());
    REQUIRE(mbuf != nullptr);
    MakeFrame({flow_.tuple, 1500, sequence, false, false}, mbuf);
    FrameField::Of(mbuf) = {.stamp_ns = sequence, .bytes = 1500};
    node_->plane().OnData(node_->now(), static_cast<uint16_t>(rank::kSwitchToNf + instance_), {&mbuf, 1});
  }
  void Marker(Epoch epoch) {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(TestPool());
    REQUIRE(mbuf != nullptr);
    BuildMarkerFrame({flow_, epoch, kNonce}, mbuf);
    node_->plane().OnData(node_->now(), static_cast<uint16_t>(rank::kSwitchToNf + instance_), {&mbuf, 1});
  }
  // The packets of the next return, as octets, in order.
  std::vector<std::vector<uint8_t>> AwaitReturn() {
    std::vector<std::vector<uint8_t>> packets;
    const bool returned = Await([&](const Frames::Arrived& arrived) {
      if (std::holds_alternative<msg::ReturnedPacket>(arrived.message.body)) packets.push_back(arrived.octets);
      return std::holds_alternative<msg::Returned>(arrived.message.body);
    });
    REQUIRE(returned);
    return packets;
  }
  // The next state that leaves; nothing if none does.
  std::optional<msg::State> AwaitState(int rounds = kRounds) {
    std::optional<msg::State> state;
    Await(
        [&](const Frames::Arrived& arrived) {
          if (const auto* sent = std::get_if<msg::State>(&arrived.message.body)) state = *sent;
          return state.has_value();
        },
        rounds);
    return state;
  }
  // src has sent the state of a flow of which it has processed two packets.
  msg::State Give() {
    Packet(0);
    Packet(1);
    Command(msg::CustodyVerb::kArm, 4);
    Marker(4);
    const auto state = AwaitState();
    REQUIRE(state.has_value());
    return *state;
  }
  // dst has two packets of a flow whose state it refused, and has sent them back.
  std::vector<std::vector<uint8_t>> Return() {
    Command(msg::CustodyVerb::kPrepare, 4);
    Packet(0);
    Packet(1);
    msg::State state{4, true, {}};
    state.chunk.tuple = flow_.tuple;
    state.chunk.schema = 0xfffe;  // nobody's
    Say(state);
    REQUIRE(AwaitReport() == msg::CustodyStatus::kRefused);
    Command(msg::CustodyVerb::kArmBack, 5);
    Marker(5);
    return AwaitReturn();
  }
  RealNode& node() { return *node_; }
  PacketStore& store() { return store_; }
  uint64_t lost() { return run_.recorder().counters().packets_lost; }

 private:
  static constexpr int kRounds = 1'000'000;
  void Connect() {
    auto sockets = SocketPair();
    own_.emplace(std::move(sockets[0]), "controller");
    far_.emplace(std::move(sockets[1]), "node");
  }
  bool Await(const std::function<bool(const Frames::Arrived&)>& wanted, int most = kRounds) {
    for (int rounds = 0; rounds < most; ++rounds) {
      REQUIRE(node_->Round().ok());
      REQUIRE(far_->Receive(frames_).ok());
      for (; next_ < frames_.messages.size();) {
        if (wanted(frames_.messages[next_++])) return true;
      }
    }
    return false;
  }

  const uint8_t instance_;
  PointSpec point_;
  Scenario scenario_;
  RunControl run_;
  TscClock clock_{2e9};  // whatever the processor's
  PacketStore store_;
  std::optional<Channel> own_, far_;
  std::unique_ptr<RealNode> node_;
  FlowKey flow_;
  Frames frames_;
  size_t next_ = 0;
};

}  // namespace

TEST_CASE("RealNode: what an instance returns goes again, whole, when the way to its peer opens again; then it goes") {
  Bench dst(1);
  const auto first = dst.Return();
  REQUIRE(first.size() == 2);
  CHECK_FALSE(first[0].empty());
  CHECK(first[0] != first[1]);
  CHECK(dst.store().held() == 2);
  for (int times = 0; times < 3; ++times) {
    dst.node().OnPath(0);
    CHECK(dst.AwaitReturn() == first);
    CHECK(dst.store().held() == 2);
  }
  dst.Command(msg::CustodyVerb::kCommit, 5);
  CHECK(dst.store().held() == 0);
  CHECK(dst.lost() == 0);
}

TEST_CASE("RealNode: what was returned to an instance that died is dropped once, and counted") {
  Bench dst(1);
  REQUIRE(dst.Return().size() == 2);
  dst.Command(msg::CustodyVerb::kFresh, 6);
  CHECK(dst.store().held() == 0);
  CHECK(dst.lost() == 2);
}

TEST_CASE(
    "RealNode: a state that died with a controller goes again when the way to its peer opens again, until COMMIT") {
  Bench src(0);
  const msg::State first = src.Give();
  CHECK(first.present);
  CHECK(first.epoch == 4);
  src.ReplaceController();
  CHECK_FALSE(src.AwaitState(1000).has_value());  // not before there is somebody to get it
  src.node().OnPath(1);
  CHECK(src.AwaitState() == first);
  src.node().OnPath(0);  // not its peer
  CHECK_FALSE(src.AwaitState(1000).has_value());
  src.Command(msg::CustodyVerb::kCommit, 4);
  src.node().OnPath(1);
  CHECK_FALSE(src.AwaitState(1000).has_value());
}
