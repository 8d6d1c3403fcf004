// The NF agent's answers to the controller: OpenNF's southbound API and U-HAUL's filter API. Work that costs time goes
// through the CPU; exports one after the other, so that handing packets to the controller slows them down.
#include <algorithm>
#include <type_traits>

#include "core/node/nf_agent.h"

namespace uhaul {

namespace {

// Other instances say nothing in a controller's name.
bool FromPeer(const MessageBody& body) {
  return std::holds_alternative<msg::State>(body) || std::holds_alternative<msg::ReturnedPacket>(body) ||
         std::holds_alternative<msg::Returned>(body);
}

}  // namespace

void NfAgent::OnMessage(TimePoint now, const Message& message, Outbox& outbox) {
  const size_t first = outbox.messages.size();
  if (now >= fit_.NextPass()) Advance(now, outbox);
  RunDue(now, outbox);
  const bool from_peer = FromPeer(message.body);
  if (!from_peer && message.generation < generation_) {
    ++strays_;
  } else {
    if (!from_peer) generation_ = message.generation;
    std::visit(
        [&](const auto& body) {
          if constexpr (requires { Handle(now, message.operation, body, outbox); }) {
            Handle(now, message.operation, body, outbox);
          } else {
            ++strays_;
          }
        },
        message.body);
  }
  RunDue(now, outbox);
  Close(outbox, first);
}

// The end of each call: reports go in as few messages as may be, and every message says whom this instance obeys.
void NfAgent::Close(Outbox& outbox, size_t first) {
  custody_.Flush(outbox);
  for (size_t i = first; i < outbox.messages.size(); ++i) outbox.messages[i].message.generation = generation_;
}

std::vector<FlowKey> NfAgent::Match(TimePoint now, FlowScope::Kind kind, const FlowFilter& filter) const {
  std::vector<FlowKey> flows;
  if (kind == FlowScope::Kind::kActive) {
    for (const ActiveFlow& flow : fit_.Snapshot(now)) {
      if (filter.Matches(flow.flow.tuple) && function_->Knows(flow.flow)) flows.push_back(flow.flow);
    }
  } else {
    for (const FlowKey& flow : function_->Flows()) {
      if (filter.Matches(flow.tuple)) flows.push_back(flow);
    }
  }
  return flows;
}

// ---- filter API

void NfAgent::Handle(TimePoint now, OperationId op, const msg::GetElephant& m, Outbox&) {
  cpu_.Submit(now, options_.profile.detect.Of(fit_.size(now), Bytes()), {op, DetectTask{m}});
}

void NfAgent::Run(TimePoint now, OperationId op, const DetectTask& task, Outbox& outbox) {
  std::vector<ActiveFlow> candidates;
  for (const ActiveFlow& flow : fit_.Unsorted(now)) {  // detectors sort
    if (task.request.filter.Matches(flow.flow.tuple) && function_->Knows(flow.flow)) candidates.push_back(flow);
  }
  const Selection selection = MakeDetector(task.request.detector)->Select(candidates);
  msg::SetFilter reply{{}, static_cast<uint32_t>(candidates.size()), selection.total_bytes, true};
  for (const ActiveFlow& flow : selection.flows) {
    if (reply.flows.size() == kMaxFlowsPerMessage) {
      outbox.Send(kControllerNode, op, reply);
      reply.flows.clear();
    }
    reply.flows.push_back({flow.flow.tuple, flow.bytes});
  }
  reply.more = false;
  outbox.Send(kControllerNode, op, std::move(reply));
}

void NfAgent::Handle(TimePoint now, OperationId op, const msg::ListFlows& m, Outbox& outbox) {
  std::vector<FlowKey> flows = Match(now, m.kind, m.filter);
  if (m.limit > 0 && flows.size() > m.limit) flows.resize(m.limit);
  if (relay_ && relay_->operation == op && relay_->nonce != 0) {
    for (const FlowKey& flow : flows) relay_->stay.Get(flow) = true;
  }
  msg::FlowListing reply{{}, true};
  for (const FlowKey& flow : flows) {
    if (reply.flows.size() == kMaxFlowsPerMessage) {
      outbox.Send(kControllerNode, op, reply);
      reply.flows.clear();
    }
    reply.flows.push_back(flow.tuple);
  }
  reply.more = false;
  outbox.Send(kControllerNode, op, std::move(reply));
}

// ---- events

void NfAgent::Handle(TimePoint, OperationId op, const msg::EnableEvents& m, Outbox& outbox) {
  const Lock lock = m.action == msg::EventAction::kDrop ? Lock::kEvents : Lock::kBuffer;
  if (m.scope.kind == FlowScope::Kind::kList) {
    for (const FiveTuple& tuple : m.scope.flows) locks_.Get(hasher_.Key(tuple)) = {op, lock};
  } else {
    wildcards_.push_back({op, lock, m.scope.filter, false});
  }
  UpdateBusy();
  if (!m.more) outbox.Send(kControllerNode, op, msg::EnableEventsAck{});
}

void NfAgent::Handle(TimePoint now, OperationId op, const msg::DisableEvents&, Outbox& outbox) {
  ReleaseHeld(now, op, outbox);
  std::erase_if(wildcards_, [&](const Wildcard& w) { return w.operation == op; });
  locks_.EraseIf([&](const FlowKey&, const FlowLock& lock) { return lock.operation == op; });
  if (relay_ && relay_->operation == op) relay_.reset();
  relayed_.EraseIf([&](const FlowKey&, OperationId owner) { return owner == op; });
  exports_.erase(op);
  UpdateBusy();
  outbox.Send(kControllerNode, op, msg::DisableEventsAck{});
}

// ---- getPerflow

void NfAgent::Handle(TimePoint now, OperationId op, const msg::GetPerflow& m, Outbox& outbox) {
  Export& e = exports_[op];
  if (e.running || !e.queue.empty()) {
    ++strays_;
    return;
  }
  if (m.scope.kind == FlowScope::Kind::kList) {
    for (const FiveTuple& tuple : m.scope.flows) e.gathering.push_back(hasher_.Key(tuple));
    if (m.more) return;
  } else {
    e.gathering = Match(now, m.scope.kind, m.scope.filter);
    if (m.late_lock) wildcards_.push_back({op, Lock::kEvents, m.scope.filter, true});
  }
  e.late_lock = m.late_lock;
  e.queue.assign(e.gathering.begin(), e.gathering.end());
  e.gathering.clear();
  UpdateBusy();
  cpu_.Charge(now, options_.profile.get.per_batch);
  ExportNext(now, op, outbox);
}

void NfAgent::ExportNext(TimePoint now, OperationId op, Outbox& outbox) {
  Export& e = exports_[op];
  if (e.queue.empty()) {
    outbox.Send(kControllerNode, op, msg::GetDone{e.sent, e.missing});
    exports_.erase(op);
    return;
  }
  const FlowKey flow = e.queue.front();
  e.queue.pop_front();
  e.running = true;
  if (e.late_lock) {
    locks_.Get(flow) = {op, Lock::kEvents};
    UpdateBusy();
  }
  cpu_.Submit(now, ExportCost(flow), {op, ExportTask{flow}});
}

// Of one flow; what the batch costs beside is charged when it begins.
Duration NfAgent::ExportCost(const FlowKey& flow) const {
  const Cost& get = options_.profile.get;
  Bytes size;
  if (get.per_kib > Duration()) {  // its size decides the cost; its contents are read when the export ends
    if (const auto state = function_->Export(flow); state.ok()) size = Bytes(state->size());
  }
  return Cost{Duration(), get.per_item, get.per_kib}.Of(1, size);
}

void NfAgent::Run(TimePoint now, OperationId op, const ExportTask& task, Outbox& outbox) {
  const auto found = exports_.find(op);
  if (found == exports_.end()) return;
  Export& e = found->second;
  e.running = false;
  auto state = function_->Export(task.flow);
  if (state.ok()) {
    const auto record = fit_.Find(now, task.flow);
    outbox.Send(kControllerNode, op,
                msg::Chunk{task.flow.tuple, function_->schema(), std::move(*state), record ? record->bytes : Bytes(),
                           record && record->fin});
    ++e.sent;
  } else {
    ++e.missing;
  }
  // The next begins when this one was due, even if the engine comes late: flows are exported back to back.
  ExportNext(cpu_.busy_until(), op, outbox);
}

void NfAgent::Handle(TimePoint now, OperationId op, const msg::CancelGet&, Outbox& outbox) {
  Export& e = exports_[op];
  e.queue.clear();
  e.gathering.clear();
  if (!e.running) ExportNext(now, op, outbox);
}

// ---- putPerflow, delPerflow

void NfAgent::Handle(TimePoint now, OperationId op, const msg::PutPerflow& m, Outbox&) {
  cpu_.Submit(now, options_.profile.put.Of(1, Bytes(m.chunk.state.size())), {op, ImportTask{m.chunk}});
}

void NfAgent::Run(TimePoint now, OperationId op, const ImportTask& task, Outbox& outbox) {
  const msg::Chunk& chunk = task.chunk;
  const FlowKey flow = hasher_.Key(chunk.tuple);
  const bool accepted = chunk.schema == function_->schema() && function_->Import(now, flow, chunk.state).ok();
  if (accepted && chunk.fit_bytes.count() > 0) fit_.Import(now, flow, chunk.fit_bytes, chunk.fit_fin);
  if (accepted) custody_.Forget(flow);
  outbox.Send(kControllerNode, op, msg::PutAck{chunk.tuple, accepted});
}

void NfAgent::Handle(TimePoint now, OperationId op, const msg::DelPerflow& m, Outbox&) {
  cpu_.Submit(now, options_.profile.del.Of(m.flows.size(), Bytes()), {op, DeleteTask{m.flows}});
}

void NfAgent::Run(TimePoint, OperationId op, const DeleteTask& task, Outbox& outbox) {
  for (const FiveTuple& tuple : task.flows) {
    const FlowKey flow = hasher_.Key(tuple);
    function_->Delete(flow);
    fit_.Erase(flow);
    custody_.Forget(flow);
    if (relay_) relay_->stay.Erase(flow);
  }
  outbox.Send(kControllerNode, op, msg::DelAck{static_cast<uint32_t>(task.flows.size())});
}

}  // namespace uhaul
