#include "core/node/switch_agent.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/node/move_request.h"

namespace uhaul {
namespace {

// Packets that a rule about to be replaced has sent to src and the controller both: what an order-preserving move
// must see again at dst before it lets newer packets go.
uint64_t Diverted(const msg::RuleAction& action, uint64_t matched) {
  return action.kind == msg::RuleAction::Kind::kForwardAndController ? matched : 0;
}

}  // namespace

SwitchAgent::SwitchAgent(SwitchAgentOptions options)
    : options_(std::move(options)), hasher_(options_.hash_key), dropping_(options_.restarted) {}

void SwitchAgent::SetProfile(const Profile& profile) {
  UHAUL_CHECK(cpu_.empty());
  options_.profile = profile;
}

const SwitchAgent::Rule* SwitchAgent::Lookup(const Packet& packet) const {
  if (const auto* old = behind_.empty() ? nullptr : behind_.Find(packet.flow); old != nullptr) [[unlikely]] {
    if (old->front()) return &*old->front();
  } else if (const Rule* rule = exact_.Find(packet.flow)) {
    return rule;
  }
  return LookupWildcard(packet);
}

const SwitchAgent::Rule* SwitchAgent::LookupWildcard(const Packet& packet) const {
  for (const Wildcard& w : wildcards_) {
    if (w.filter.Matches(packet.flow.tuple)) return &w.rule;
  }
  return nullptr;
}

// Of a rule without an entry: what would be done without it, if that is the same.
uint8_t SwitchAgent::RouteUnplaced(const Packet& packet, Rule* rule) {
  const Rule* other = LookupWildcard(packet);
  const bool forwards = other == nullptr || other->action.kind == msg::RuleAction::Kind::kForward;
  if (forwards && (other == nullptr ? options_.default_nf : other->action.nf) == rule->action.nf)
    return rule->action.nf;
  ++rule->matched;
  return msg::kNoNf;
}

void SwitchAgent::OnBurst(TimePoint, std::span<const Packet> packets, std::span<uint8_t> verdicts, Outbox& outbox) {
  UHAUL_CHECK(packets.size() == verdicts.size());
  if (dropping_) [[unlikely]] {
    std::fill(verdicts.begin(), verdicts.end(), msg::kNoNf);
    return;
  }
  if (exact_.empty() && wildcards_.empty()) [[likely]] {
    std::fill(verdicts.begin(), verdicts.end(), options_.default_nf);
    return;
  }
  for (size_t i = 0; i < packets.size(); ++i) {
    Rule* rule = Lookup(packets[i]);
    if (rule == nullptr) {
      verdicts[i] = options_.default_nf;
      continue;
    }
    if (rule->unplaced) [[unlikely]] {
      verdicts[i] = RouteUnplaced(packets[i], rule);
      continue;
    }
    ++rule->matched;
    verdicts[i] = rule->action.nf;
    switch (rule->action.kind) {
      case msg::RuleAction::Kind::kForward:
        break;
      case msg::RuleAction::Kind::kForwardAndController:
        outbox.Send(kControllerNode, 0, msg::PacketIn{packets[i]});
        break;
      case msg::RuleAction::Kind::kSplit:
        if (packets[i].flow.id & 1) verdicts[i] = rule->action.second_nf;
        break;
    }
  }
}

std::optional<uint8_t> SwitchAgent::Forwards(const Packet& packet) const {
  if (dropping_) return std::nullopt;
  const Rule* rule = table_entries() == 0 && unplaced_ == 0 ? nullptr : Lookup(packet);
  if (rule == nullptr) return options_.default_nf;
  if (rule->unplaced || rule->action.kind != msg::RuleAction::Kind::kForward) return std::nullopt;
  return rule->action.nf;
}

void SwitchAgent::OnMessage(TimePoint now, const Message& message, Outbox& outbox) {
  const size_t first = outbox.messages.size();
  RunDue(now, outbox);
  if (message.generation < generation_) {  // of a controller that has been replaced
    ++strays_;
    return Close(outbox, first);
  }
  generation_ = message.generation;
  if (const auto* out = std::get_if<msg::PacketOut>(&message.body)) {
    outbox.packets.push_back({OutPacket::Fate::kToNf, out->nf, out->packet});
  } else if (const auto* install = std::get_if<msg::InstallRules>(&message.body)) {
    const uint64_t rules = install->exact ? install->flows.size() : 1;
    cpu_.Submit(now, options_.profile.rule.Of(rules, Bytes()), message);
  } else if (const auto* remove = std::get_if<msg::RemoveRules>(&message.body)) {
    cpu_.Submit(now, options_.profile.rule.Of(remove->flows.size(), Bytes()), message);
  } else if (const auto* epoch = std::get_if<msg::Install>(&message.body)) {
    cpu_.Submit(now, options_.profile.rule.Of(epoch->flows.size(), Bytes()), message);
  } else if (std::holds_alternative<msg::ResumeForwarding>(message.body) ||
             std::holds_alternative<msg::Mark>(message.body)) {
    cpu_.Submit(now, Duration(), message);  // behind the rules
  } else if (std::holds_alternative<msg::SendMarkers>(message.body)) {
    cpu_.Submit(now, Duration(), message);
  } else if (std::holds_alternative<msg::Hello>(message.body)) {
    lost_account_ = false;  // the rules come once more
    outbox.Send(kControllerNode, message.operation, msg::Hello{options_.incarnation, options_.marking});
  } else {
    ++strays_;
  }
  RunDue(now, outbox);
  Close(outbox, first);
}

void SwitchAgent::OnTimer(TimePoint now, Outbox& outbox) {
  const size_t first = outbox.messages.size();
  RunDue(now, outbox);
  Close(outbox, first);
}

void SwitchAgent::Close(Outbox& outbox, size_t first) const {
  for (size_t i = first; i < outbox.messages.size(); ++i) outbox.messages[i].message.generation = generation_;
}

void SwitchAgent::RunDue(TimePoint now, Outbox& outbox) {
  TakeOverDue(now);
  while (const auto due = cpu_.PopDue(now)) {
    if (due->generation < generation_) continue;  // of a controller that has been replaced meanwhile
    if (const auto* install = std::get_if<msg::InstallRules>(&due->body)) Run(now, due->operation, *install, outbox);
    if (const auto* remove = std::get_if<msg::RemoveRules>(&due->body)) Run(now, due->operation, *remove, outbox);
    if (const auto* epoch = std::get_if<msg::Install>(&due->body)) Run(now, due->operation, *epoch, outbox);
    if (const auto* markers = std::get_if<msg::SendMarkers>(&due->body)) Run(*markers, outbox);
    if (std::holds_alternative<msg::ResumeForwarding>(due->body)) dropping_ = lost_account_;
    if (const auto* mark = std::get_if<msg::Mark>(&due->body))
      outbox.markers.push_back({mark->nf, {{}, 0, mark->nonce}});
  }
  TakeOverDue(now);
}

void SwitchAgent::TakeOverDue(TimePoint now) {
  while (!lagging_.empty() && lagging_.front().due <= now) {
    TakeOver(lagging_.front().flow);
    lagging_.pop_front();
  }
}

void SwitchAgent::TakeOver(const FlowKey& flow) {
  auto* old = behind_.Find(flow);
  if (old == nullptr) return;  // it was overruled
  old->erase(old->begin());
  if (old->empty()) behind_.Erase(flow);
}

void SwitchAgent::Run(TimePoint now, OperationId op, const msg::Install& m, Outbox& outbox) {
  msg::CustodyReport report{m.epoch, {}};
  uint32_t installed = 0;
  for (const FiveTuple& tuple : m.flows) {
    const FlowKey flow = hasher_.Key(tuple);
    const std::optional<msg::CustodyStatus> status = InstallOne(now, op, m, flow, &installed);
    if (!status) continue;
    const bool holds = *status == msg::CustodyStatus::kInstalled || *status == msg::CustodyStatus::kNoRoom;
    if (holds && options_.marking == msg::Marking::kAtomic) Mark(m.mark_nf, flow, m.epoch, m.nonce, outbox);
    report.flows.push_back({tuple, *status, 0});
  }
  outbox.events.push_back(event::RulesInstalled{installed, table_entries()});
  if (report.flows.empty()) return;
  outbox.Send(kControllerNode, op, std::move(report));
}

void SwitchAgent::Run(const msg::SendMarkers& m, Outbox& outbox) {
  for (const FiveTuple& tuple : m.flows) {
    const FlowKey flow = hasher_.Key(tuple);
    if (EpochOf(flow) == m.epoch) Mark(m.nf, flow, m.epoch, m.nonce, outbox);
  }
}

void SwitchAgent::Mark(uint8_t nf, const FlowKey& flow, Epoch epoch, uint64_t nonce, Outbox& outbox) const {
  for (uint8_t port = 0; port < options_.nf_ports; ++port) {
    outbox.markers.push_back({nf, {flow, epoch, nonce, port}});
  }
}

std::optional<msg::CustodyStatus> SwitchAgent::InstallOne(TimePoint now, OperationId op, const msg::Install& m,
                                                          const FlowKey& flow, uint32_t* installed) {
  if (const Epoch* failed = failed_.Find(flow); failed != nullptr && *failed == m.epoch) {
    return msg::CustodyStatus::kInstallFailed;
  }
  Rule* rule = exact_.Find(flow);
  if (rule != nullptr && m.epoch < rule->epoch) return msg::CustodyStatus::kStale;
  if (rule != nullptr && m.epoch == rule->epoch) {
    return rule->unplaced ? msg::CustodyStatus::kNoRoom : msg::CustodyStatus::kInstalled;
  }
  const bool unplaced = rule == nullptr ? Full() : rule->unplaced;
  if (unplaced && rule == nullptr && dropping_) {
    lost_account_ = lost_account_ || unplaced_ >= options_.table_capacity;
    if (unplaced_ >= options_.table_capacity) return std::nullopt;
    ++unplaced_;
    waiting_.push_back(flow);
  } else if (unplaced && rule == nullptr) {
    if (failed_.size() < options_.table_capacity || failed_.Contains(flow)) failed_.Get(flow) = m.epoch;
    return msg::CustodyStatus::kInstallFailed;
  }
  FollowLater(now, flow, rule);
  if (rule == nullptr) rule = &exact_.Get(flow);
  const uint64_t dropped = unplaced ? rule->matched : 0;
  *rule = {{msg::RuleAction::Kind::kForward, m.nf, 0}, dropped, op, unplaced, m.epoch};
  failed_.Erase(flow);
  if (!unplaced) ++*installed;
  return unplaced ? msg::CustodyStatus::kNoRoom : msg::CustodyStatus::kInstalled;
}

// The flow's rule changes now; a data path that lags has the one before for a while. `before`: null for none.
void SwitchAgent::FollowLater(TimePoint now, const FlowKey& flow, const Rule* before) {
  if (options_.marking != msg::Marking::kPacketOut || dropping_) return;
  behind_.Get(flow).push_back(before == nullptr ? std::nullopt : std::optional(*before));
  if (options_.lag) lagging_.push_back({now + *options_.lag, flow});
}

// What has waited longest takes the entries that are free now.
void SwitchAgent::Place(TimePoint now, Outbox& outbox) {
  std::map<std::pair<OperationId, Epoch>, msg::CustodyReport> placed;
  uint32_t installed = 0;
  for (; unplaced_ > 0 && !Full(); waiting_.pop_front()) {
    const FlowKey flow = waiting_.front();
    Rule* rule = exact_.Find(flow);
    if (rule == nullptr || !rule->unplaced) continue;
    FollowLater(now, flow, rule);
    const auto dropped = static_cast<uint32_t>(std::min<uint64_t>(std::exchange(rule->matched, 0), UINT32_MAX));
    rule->unplaced = false;
    --unplaced_;
    ++installed;
    msg::CustodyReport& report = placed[{rule->operation, rule->epoch}];
    report.epoch = rule->epoch;
    report.flows.push_back({flow.tuple, msg::CustodyStatus::kInstalled, dropped});
  }
  if (unplaced_ == 0) waiting_.clear();
  if (installed == 0) return;
  outbox.events.push_back(event::RulesInstalled{installed, table_entries()});
  for (auto& [rule, report] : placed) {
    InBatches(report.flows, [&, rule = rule](std::vector<msg::FlowStatus> flows, bool) {
      outbox.Send(kControllerNode, rule.first, msg::CustodyReport{rule.second, std::move(flows)});
    });
  }
}

uint8_t SwitchAgent::RuleOf(const FlowKey& flow) const {
  const Rule* rule = exact_.Find(flow);
  return rule == nullptr ? msg::kNoNf : rule->action.nf;
}

Epoch SwitchAgent::EpochOf(const FlowKey& flow) const {
  const Rule* rule = exact_.Find(flow);
  return rule == nullptr ? 0 : rule->epoch;
}

bool SwitchAgent::Unplaced(const FlowKey& flow) const {
  const Rule* rule = exact_.Find(flow);
  return rule != nullptr && rule->unplaced;
}

void SwitchAgent::Run(TimePoint now, OperationId op, const msg::InstallRules& m, Outbox& outbox) {
  msg::RulesAck ack{m.xid, {}, false, 0, 0};
  uint32_t installed = 0;
  if (!m.exact) {
    ack.diverted = InstallWildcard(op, m);
    installed = 1;
  } else {
    for (const FiveTuple& tuple : m.flows) {
      const FlowKey key = hasher_.Key(tuple);
      Rule* rule = exact_.Find(key);
      if ((rule == nullptr || rule->unplaced) && Full()) {
        ack.failed.push_back(tuple);
        continue;
      }
      if (rule == nullptr) rule = &exact_.Get(key);
      if (rule->unplaced) --unplaced_;
      ack.diverted += Diverted(rule->action, rule->matched);
      *rule = {m.action, 0, op, false, rule->epoch};
      behind_.Erase(key);
      ++installed;
    }
  }
  ack.table_entries = table_entries();
  outbox.events.push_back(event::RulesInstalled{installed, ack.table_entries});
  outbox.Send(kControllerNode, op, std::move(ack));
  Place(now, outbox);  // a wildcard may have superseded exact ones
}

// The newest of equal priority wins; a rule on the same filter is replaced, its count reported.
uint64_t SwitchAgent::InstallWildcard(OperationId op, const msg::InstallRules& m) {
  uint64_t diverted = 0;
  std::erase_if(wildcards_, [&](const Wildcard& w) {
    const bool replaced = w.priority == m.priority && w.filter == m.filter;
    if (replaced) diverted += Diverted(w.rule.action, w.rule.matched);
    return replaced;
  });
  exact_.EraseIf([&](const FlowKey& key, const Rule& rule) {
    const bool superseded = rule.operation != op && rule.action.nf == m.supersedes && m.filter.Matches(key.tuple);
    if (superseded && rule.unplaced) --unplaced_;
    return superseded;
  });
  behind_.EraseIf([&](const FlowKey& key, const auto&) { return !exact_.Contains(key); });
  const auto at =
      std::find_if(wildcards_.begin(), wildcards_.end(), [&](const Wildcard& w) { return w.priority <= m.priority; });
  wildcards_.insert(at, {m.filter, m.priority, {m.action, 0, op, false, 0}});
  return diverted;
}

void SwitchAgent::Run(TimePoint now, OperationId op, const msg::RemoveRules& m, Outbox& outbox) {
  for (const FiveTuple& tuple : m.flows) {
    const FlowKey flow = hasher_.Key(tuple);
    if (Unplaced(flow)) --unplaced_;
    exact_.Erase(flow);
    behind_.Erase(flow);
  }
  outbox.Send(kControllerNode, op, msg::RulesAck{m.xid, {}, false, 0, table_entries()});
  Place(now, outbox);
}

uint32_t SwitchAgent::table_entries() const {
  return static_cast<uint32_t>(exact_.size() - unplaced_ + wildcards_.size());
}

void SwitchAgent::Hash(StateHash& hash, TimePoint now) const {
  for (const FlowKey& key : exact_.SortedKeys()) {
    const Rule& rule = *exact_.Find(key);
    hash.Add(key.id);
    hash.Add((static_cast<uint64_t>(rule.action.kind) << 8) | rule.action.nf);
    hash.Add(rule.epoch);
    if (rule.unplaced) hash.Add((~rule.matched << 32) ^ rule.operation);  // will be reported
    if (rule.action.kind == msg::RuleAction::Kind::kForwardAndController) hash.Add(rule.matched);
  }
  for (const Wildcard& w : wildcards_) {
    hash.Add((uint64_t{w.priority} << 16) | (static_cast<uint64_t>(w.rule.action.kind) << 8) | w.rule.action.nf);
    if (w.rule.action.kind == msg::RuleAction::Kind::kForwardAndController) hash.Add(w.rule.matched);
  }
  for (const FlowKey& key : failed_.SortedKeys()) {
    hash.Add(key.id);
    hash.Add(~*failed_.Find(key));
  }
  for (const FlowKey& key : behind_.SortedKeys()) {
    hash.Add(key.id);
    for (const auto& old : *behind_.Find(key)) hash.Add(old ? 1U + old->action.nf + (old->unplaced ? 256U : 0U) : 0U);
  }
  for (const Lagging& lagging : lagging_) hash.Add(static_cast<uint64_t>((lagging.due - now).nanos()));
  for (const FlowKey& flow : waiting_) {
    if (Unplaced(flow)) hash.Add(flow.id);
  }
  hash.Add((uint64_t{generation_} << 2) | (lost_account_ ? 2U : 0U) | (dropping_ ? 1U : 0U));
  cpu_.ForEach([&](TimePoint due, const Message& change) {
    hash.Add(static_cast<uint64_t>((due - now).nanos()));
    hash.Add(change.operation);
    hash.Add(change.body.index());
  });
}

}  // namespace uhaul
