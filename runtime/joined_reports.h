// JoinedReports: what a machine says about flows of a hand-over, one report after each message that it was given,
// joined to as few messages as may be while nothing else is said. The controller reads a report flow by flow, in order,
// so that two in one are what they were one behind the other; but it answers each report with messages of its own,
// which in a move of many flows are most of what both sides do.
#pragma once

#include <optional>
#include <utility>

#include "core/protocol/message.h"

namespace uhaul::runtime {

class JoinedReports {
 public:
  // True: it was taken (and is moved from), to go with what waits. Otherwise what waits goes before it.
  bool Take(Message& message) {
    auto* report = std::get_if<msg::CustodyReport>(&message.body);
    if (report == nullptr) return false;
    if (!waiting_) {
      waiting_ = std::move(message);
      return true;
    }
    auto& before = std::get<msg::CustodyReport>(waiting_->body);
    if (waiting_->operation != message.operation || waiting_->generation != message.generation ||
        before.epoch != report->epoch || before.flows.size() + report->flows.size() > kMaxFlowsPerMessage) {
      return false;
    }
    before.flows.insert(before.flows.end(), report->flows.begin(), report->flows.end());
    return true;
  }
  bool empty() const { return !waiting_; }
  std::optional<Message> Release() { return std::exchange(waiting_, std::nullopt); }

 private:
  std::optional<Message> waiting_;
};

}  // namespace uhaul::runtime
