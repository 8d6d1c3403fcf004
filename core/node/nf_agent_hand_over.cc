// The NF agent's side of the hand-over: it lends FlowCustody its function, FIT and buffer, and its CPU for what takes
// time there.
#include <utility>

#include "core/node/nf_agent.h"

namespace uhaul {

template <class Call>
auto NfAgent::InCustody(TimePoint now, Outbox& outbox, Call call) {
  CustodyContext context{now,         options_.instance,          hasher_,       *function_, fit_,
                         held_bytes_, options_.profile.nf_buffer, custody_work_, outbox,     dropping_};
  return call(context);
}

// What the call left to do goes on the CPU: exports and imports one after the other, as in every other move.
void NfAgent::SubmitCustodyWork(TimePoint now) {
  for (CustodyTask& task : custody_work_) {
    Duration cost;
    switch (task.kind) {
      case CustodyTask::Kind::kExport:
        cost = ExportCost(hasher_.Key(task.chunk.tuple));
        break;
      case CustodyTask::Kind::kImport:
        cost = options_.profile.put.Of(1, Bytes(task.chunk.state.size()));
        break;
      case CustodyTask::Kind::kCommitted:
        cost = options_.profile.del.Of(task.flows.size(), Bytes());
        break;
    }
    const OperationId operation = task.operation;
    cpu_.Submit(now, cost, {operation, std::move(task)});
  }
  custody_work_.clear();
  UpdateBusy();
}

bool NfAgent::CustodyTakes(TimePoint now, const Packet& packet, Outbox& outbox) {
  return InCustody(now, outbox, [&](CustodyContext& context) { return custody_.OnPacket(context, packet); });
}

void NfAgent::Run(TimePoint now, OperationId, const CustodyTask& task, Outbox& outbox) {
  InCustody(now, outbox, [&](CustodyContext& context) { custody_.Run(context, task); });
  SubmitCustodyWork(now);
}

void NfAgent::OnMarker(TimePoint now, const Marker& marker, Outbox& outbox) {
  const size_t first = outbox.messages.size();
  if (marker.epoch == 0) {
    OnRelayMarker(now, marker, outbox);
  } else {
    InCustody(now, outbox, [&](CustodyContext& context) { custody_.OnMarker(context, marker); });
    SubmitCustodyWork(now);
  }
  RunDue(now, outbox);
  Close(outbox, first);
}

void NfAgent::OnPeerOpened(TimePoint now, uint8_t peer, uint64_t incarnation, Outbox& outbox) {
  const size_t first = outbox.messages.size();
  InCustody(now, outbox, [&](CustodyContext& context) { custody_.OnPeerOpened(context, peer, incarnation); });
  SubmitCustodyWork(now);
  RunDue(now, outbox);
  Close(outbox, first);
}

void NfAgent::OnPeerClosed(TimePoint now, uint8_t peer, Outbox& outbox) {
  const size_t first = outbox.messages.size();
  InCustody(now, outbox, [&](CustodyContext& context) { custody_.OnPeerClosed(context, peer); });
  SubmitCustodyWork(now);
  RunDue(now, outbox);
  Close(outbox, first);
}

// ---- messages

// The controller introduces itself: who is here?
void NfAgent::Handle(TimePoint, OperationId op, const msg::Hello&, Outbox& outbox) {
  outbox.Send(kControllerNode, op, msg::Hello{options_.incarnation});
}

void NfAgent::Handle(TimePoint, OperationId, const msg::ResumeForwarding&, Outbox&) {
  dropping_ = false;
  UpdateBusy();
}

void NfAgent::Handle(TimePoint now, OperationId op, const msg::CustodyCommand& m, Outbox& outbox) {
  InCustody(now, outbox, [&](CustodyContext& context) { custody_.OnCommand(context, op, m); });
  if (m.verb == msg::CustodyVerb::kArm) cpu_.Charge(now, options_.profile.get.per_batch);
  SubmitCustodyWork(now);
}

void NfAgent::Handle(TimePoint now, OperationId op, const msg::State& m, Outbox& outbox) {
  InCustody(now, outbox, [&](CustodyContext& context) { custody_.OnState(context, op, m); });
  SubmitCustodyWork(now);
}

void NfAgent::Handle(TimePoint now, OperationId, const msg::ReturnedPacket& m, Outbox& outbox) {
  InCustody(now, outbox, [&](CustodyContext& context) { custody_.OnReturnedPacket(context, m); });
}

void NfAgent::Handle(TimePoint now, OperationId op, const msg::Returned& m, Outbox& outbox) {
  InCustody(now, outbox, [&](CustodyContext& context) { custody_.OnReturned(context, op, m); });
  SubmitCustodyWork(now);
}

}  // namespace uhaul
