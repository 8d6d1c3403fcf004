#include "tests/faults/campaign.h"

#include <algorithm>
#include <map>

#include "core/base/random.h"
#include "core/node/machine_set.h"

namespace uhaul::faults {
namespace {

Duration DrawMicros(Random& r, uint64_t most) {
  return Duration::Nanos(static_cast<int64_t>(1 + r.Below(most * 1000)));
}

constexpr int64_t kLoadMicros = 3000;  // flows send, and moves and faults happen, in this time
constexpr int64_t kGiveUpMicros = 1'000'000;
constexpr int64_t kPatienceMicros = 3'000'000;  // and then all must come to rest
constexpr uint64_t kMostSteps = 3'000'000;

// Each link has a delay of its own, which varies.
class DrawnDelays final : public Delays {
 public:
  DrawnDelays(Random& r, size_t links) : random_(r.Next(), 7) {
    for (size_t i = 0; i < links; ++i) {
      base_.push_back(DrawMicros(r, r.Below(3) ? 20 : 400));
      jitter_.push_back(r.Below(2) ? DrawMicros(r, r.Below(4) ? 20 : 300) : Duration::Nanos(1));
    }
  }
  Duration Draw(size_t link) override {
    return base_[link] +
           Duration::Nanos(static_cast<int64_t>(random_.Below(static_cast<uint64_t>(jitter_[link].nanos()))));
  }

 private:
  Random random_;
  std::vector<Duration> base_, jitter_;
};

Profile DrawProfile(Random& r) {
  Profile p = *FindProfile("ideal");
  if (r.Below(4) == 0) return p;
  p.get.per_item = DrawMicros(r, 100);
  p.put.per_item = DrawMicros(r, 100);
  p.del.per_item = DrawMicros(r, 20);
  p.event.per_item = DrawMicros(r, 2);
  p.message.per_item = DrawMicros(r, 5);
  p.packet_out.per_item = DrawMicros(r, 2);
  p.rule.per_item = DrawMicros(r, 10);
  return p;
}

MoveRequest DrawMove(Random& r, Family family, uint8_t src, uint8_t dst, uint32_t flows) {
  static const char* const kOpenNf[] = {"opennf-lf", "opennf-lf-pl", "opennf-lf-pl-er", "opennf-op", "opennf-op-pl"};
  MoveRequest request;
  request.src = src;
  request.dst = dst;
  request.scheme = *FindScheme(family == Family::kHandOver ? "handover" : kOpenNf[r.Below(std::size(kOpenNf))]);
  if (request.scheme.guarantee == Guarantee::kOrderPreserving && family == Family::kOpenNf) {
    request.scheme.idle_timeout_us = 50'000;  // far beyond what these worlds take; otherwise idle flows hang it
  }
  if (r.Below(4) == 0) request.scheme.flows = MoveFlows::kTable;
  if (r.Below(3) == 0) request.limit = static_cast<uint32_t>(1 + r.Below(flows));
  return request;
}

struct Plan {
  WorldOptions options;
  uint32_t packets = 0;  // of each flow, at most
  int faults = 0;
};

Plan DrawPlan(Random& r, Family family) {
  Plan plan;
  WorldOptions& o = plan.options;
  o.hand_over = family == Family::kHandOver;
  o.flows = static_cast<uint32_t>(1 + r.Below(r.Below(10) ? 4 : 30));
  if (r.Below(500) == 0) o.flows = 1000;
  plan.packets = static_cast<uint32_t>(2 + r.Below(o.flows > 100 ? 4 : 20));
  o.profile = DrawProfile(r);
  o.nfs = r.Below(4) == 0 ? 3 : 2;
  o.multi_queue = family == Family::kHandOver && r.Below(2) == 0;
  o.fit_capacity = std::max(64U, o.flows * 2);
  if (r.Below(8) == 0) o.window = Duration::Millis(1);  // evictions in the middle of it
  if (r.Below(4) == 0) o.fin_at = static_cast<uint8_t>(1 + r.Below(plan.packets));
  if (r.Below(8) == 0) o.profile.nf_buffer = Bytes(100 * (1 + r.Below(8)));
  if (r.Below(8) == 0) o.profile.controller_buffer = Bytes(100 * (1 + r.Below(8)));
  o.table_capacity = 4096;
  plan.faults = static_cast<int>(r.Below(4));
  uint64_t moves = 1 + (r.Below(2) ? r.Below(4) : 0);
  if (family == Family::kOpenNf) {
    // A wildcard move takes all traffic to dst, and only the active flows' state of src: one move, from where they are.
    moves = 1;
    o.nfs = 2;
    o.window = WorldOptions().window;
  }
  uint8_t at = 0;
  for (uint64_t i = 0; i < moves; ++i) {
    const auto src = static_cast<uint8_t>(moves == 1 || r.Below(4) ? at : r.Below(o.nfs));
    const auto dst = static_cast<uint8_t>((src + 1 + r.Below(o.nfs - 1U)) % o.nfs);
    at = dst;
    o.moves.push_back({DrawMove(r, family, src, dst, o.flows), {}});
  }
  return plan;
}

// Drawn apart, so that the seeds of the time before this was drawn are what they were.
void DrawMarking(Random& r, WorldOptions* o) {
  if (r.Below(4) == 0) {
    o->marking = msg::Marking::kPacketOut;
    o->lag = DrawMicros(r, r.Below(2) ? 50 : 3000);
    o->grace = r.Below(2) ? *o->lag : *o->lag + DrawMicros(r, 5000);  // the bet is won, if only just
  }
  if (r.Below(4) == 0) o->ports = 2;
}

class Run {
 public:
  Run(Family family, uint64_t seed, std::vector<std::string>* log, Cells* cells)
      : family_(family),
        random_(seed, 11),
        marking_random_(seed, 13),
        filling_random_(seed, 17),
        lateness_random_(seed, 19),
        plan_(DrawAll()),
        world_(plan_.options),
        delays_(random_, world_.link_count()) {
    world_.set_delays(&delays_);
    world_.set_log(log);
    world_.set_cells(cells);
  }

  RunResult Go() {
    Schedule();
    while (Step()) {
    }
    Judge();
    return result_;
  }

 private:
  using Key = std::pair<int64_t, uint64_t>;  // when, and the order of planning

  Plan DrawAll() {
    Plan plan = DrawPlan(random_, family_);
    if (family_ == Family::kHandOver) DrawMarking(marking_random_, &plan.options);
    plan.options.hears_late = family_ == Family::kHandOver && lateness_random_.Below(4) == 0;
    return plan;
  }

  void At(TimePoint when, Choice choice) { schedule_.emplace(Key{when.nanos(), planned_++}, choice); }
  TimePoint Sometime() { return TimePoint::FromNanos(static_cast<int64_t>(random_.Below(kLoadMicros * 1000))); }

  void Schedule() {
    for (uint32_t f = 0; f < plan_.options.flows; ++f) {
      const auto packets = static_cast<uint32_t>(1 + random_.Below(plan_.packets));
      // Some send from the beginning, some begin in the middle.
      TimePoint at = random_.Below(3) ? TimePoint() : Sometime();
      const Duration gap = DrawMicros(random_, 2 * kLoadMicros / packets);
      for (uint32_t i = 0; i < packets; ++i) {
        at = at + Duration::Nanos(static_cast<int64_t>(random_.Below(static_cast<uint64_t>(gap.nanos()))));
        const bool second = plan_.options.ports > 1 && marking_random_.Below(2) == 0;
        At(at, {Act::kInject, static_cast<uint16_t>(second ? f | kSecondPort : f)});
      }
    }
    TimePoint at = TimePoint::FromNanos(static_cast<int64_t>(100'000 + random_.Below(500'000)));
    for (size_t i = 0; i < plan_.options.moves.size(); ++i) {
      At(at, {Act::kMove, static_cast<uint16_t>(i)});
      at = at + DrawMicros(random_, random_.Below(2) ? 30 : 2000);  // overlapping, or after it
    }
    for (int i = 0; i < plan_.faults; ++i) At(Sometime(), DrawFault());
    // A move from or to an NF that never comes back waits for it until the operator has had enough.
    for (size_t i = 0; i < plan_.options.moves.size(); ++i) {
      At(TimePoint::FromNanos(kGiveUpMicros * 1000), {Act::kAbort, static_cast<uint16_t>(1 + i)});
    }
  }

  Choice DrawFault() {
    const auto some_nf = [&] { return static_cast<uint16_t>(random_.Below(plan_.options.nfs)); };
    const uint16_t late = random_.Below(2) ? kLate : 0;
    switch (random_.Below(family_ == Family::kHandOver ? 11 : 4)) {
      case 0:
        return {Act::kRefuse, some_nf()};
      case 1:
        return {Act::kAbort, static_cast<uint16_t>(1 + random_.Below(plan_.options.moves.size()))};
      case 2:
        return {Act::kFill, static_cast<uint16_t>(random_.Below(3))};
      case 3:
        return {Act::kEmpty, 0};
      case 4:
      case 5:
        return {Act::kBreak, static_cast<uint16_t>((1 + random_.Below(world_.machine_count() - 1)) | late)};
      case 6:
        return {Act::kBreakPeers, 0};
      case 7:
        return {Act::kLoseMarker, 0};
      case 8:
        return {Act::kCrash, late};  // the controller
      case 9:
        return {Act::kCrash, 1};  // the switch
      default:
        return {Act::kCrash, static_cast<uint16_t>((2 + some_nf()) | late)};
    }
  }

  // What makes no sense as things stand is left out.
  bool Possible(Choice* choice) const {
    const size_t machine = choice->a & ~kLate;
    switch (choice->act) {
      case Act::kMove:
        return !world_.down(0);
      case Act::kAbort:
        return !world_.down(0) && (world_.now().nanos() < kGiveUpMicros * 1000 || NfDown());
      case Act::kFill:
      case Act::kEmpty:
        return !world_.down(1);
      case Act::kRefuse:
        return !world_.down(2U + machine);
      case Act::kBreak:
        return !world_.down(0) && !world_.down(machine);
      case Act::kCrash:
        return !world_.down(machine);
      case Act::kDeclare:
        return world_.CanDeclare(static_cast<uint8_t>(machine));
      case Act::kRestart:
        return world_.down(machine);
      case Act::kLoseMarker:
        for (size_t i = 0; i < world_.link_count(); ++i) {
          if (!world_.IsMarker(i)) continue;
          choice->a = static_cast<uint16_t>(i);
          return true;
        }
        return false;
      case Act::kInject:
      case Act::kDeliver:
      case Act::kTimer:
      case Act::kSync:
      case Act::kTakeOver:
      case Act::kLose:
      case Act::kRepeat:
      case Act::kBreakPeers:
        return true;
    }
    UHAUL_CHECK(false);
  }

  bool NfDown() const {
    for (uint8_t x = 0; x < plan_.options.nfs; ++x) {
      if (world_.down(2U + x)) return true;
    }
    return false;
  }

  void Do(Choice choice) {
    if (!Possible(&choice)) {
      // Its connection has not ended yet, or the controller is not there: later.
      if (choice.act == Act::kDeclare && world_.down(2U + choice.a) && world_.now().nanos() < kGiveUpMicros * 1000) {
        At(world_.now() + DrawMicros(random_, 1000), choice);
      }
      return;
    }
    ++result_.acts[static_cast<size_t>(choice.act)];
    if (choice.act == Act::kMove) ++result_.moves;
    world_.Apply(choice);
    if (choice.act == Act::kCrash) {
      // A controller or switch comes back, an NF does too or is declared dead: either takes its time.
      const size_t machine = choice.a & ~kLate;
      const bool back = machine < 2 || random_.Below(3) == 0;
      const Choice after = back ? Choice{Act::kRestart, static_cast<uint16_t>(machine)}
                                : Choice{Act::kDeclare, static_cast<uint16_t>(machine - 2)};
      At(world_.now() + DrawMicros(random_, 1000), after);
    }
    // Somebody else's rules may be in its table before those that it had.
    if (choice.act == Act::kRestart && choice.a == 1 && filling_random_.Below(2) == 0) {
      At(world_.now() + DrawMicros(filling_random_, filling_random_.Below(2) ? 1 : 100),
         {Act::kFill, static_cast<uint16_t>(filling_random_.Below(3))});
      if (filling_random_.Below(2)) At(world_.now() + DrawMicros(filling_random_, 2000), {Act::kEmpty, 0});
    }
    // A new controller has to be told again.
    if (choice.act == Act::kRestart && choice.a == 0) {
      for (uint16_t x = 0; x < plan_.options.nfs; ++x) {
        if (world_.down(2U + x)) At(world_.now() + DrawMicros(random_, 1000), {Act::kDeclare, x});
      }
    }
  }

  bool Step() {
    if (++result_.steps > kMostSteps) return false;
    if (world_.journal_pending() && !syncing_) {
      syncing_ = true;
      At(world_.now() + DrawMicros(random_, 200), {Act::kSync, 0});
    }
    // Whatever comes first; of equals, what is on its way.
    TimePoint when = TimePoint::Never();
    Choice choice;
    for (size_t i = 0; i < world_.link_count(); ++i) {
      if (world_.DueOf(i) >= when) continue;
      when = world_.DueOf(i);
      choice = {Act::kDeliver, static_cast<uint16_t>(i)};
    }
    for (size_t m = 0; m < world_.machine_count(); ++m) {
      if (world_.DeadlineOf(m) >= when) continue;
      when = world_.DeadlineOf(m);
      choice = {Act::kTimer, static_cast<uint16_t>(m)};
    }
    if (!schedule_.empty() && schedule_.begin()->first.first < when.nanos()) {
      when = TimePoint::FromNanos(schedule_.begin()->first.first);
      choice = schedule_.begin()->second;
      schedule_.erase(schedule_.begin());
      if (choice.act == Act::kSync) syncing_ = false;
    }
    if (when == TimePoint::Never() || when.nanos() > (kLoadMicros + kPatienceMicros) * 1000) return false;
    world_.set_now(std::max(world_.now(), when));
    Do(choice);
    return world_.violations() == 0 || (world_.violations() & promised()) == 0;
  }

  ViolationSet promised() const {
    if (family_ == Family::kHandOver) return kAllViolations;
    ViolationSet set = Bit(Violation::kDuplicate) | Bit(Violation::kStaleState) | Bit(Violation::kDropped);
    const bool ordered = plan_.options.moves.size() == 1 && result_.acts[static_cast<size_t>(Act::kRefuse)] == 0 &&
                         result_.acts[static_cast<size_t>(Act::kAbort)] == 0 &&
                         plan_.options.moves[0].request.scheme.guarantee == Guarantee::kOrderPreserving;
    return ordered ? set | Bit(Violation::kReorder) : set;
  }

  void Judge() {
    if (const ViolationSet found = world_.violations() & promised(); found != 0) {
      result_.fault = ViolationText(found);
    } else {
      result_.fault = world_.EndFault();
    }
    if (!result_.fault.empty()) world_.Log("==> " + result_.fault);
  }

  Family family_;
  Random random_;
  Random marking_random_;
  Random filling_random_;
  Random lateness_random_;
  Plan plan_;
  World world_;
  DrawnDelays delays_;
  std::map<Key, Choice> schedule_;
  uint64_t planned_ = 0;
  bool syncing_ = false;
  RunResult result_;
};

}  // namespace

RunResult RunSeed(Family family, uint64_t seed, std::vector<std::string>* log, Cells* cells) {
  return Run(family, seed, log, cells).Go();
}

}  // namespace uhaul::faults
