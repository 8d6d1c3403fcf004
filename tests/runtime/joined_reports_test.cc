#include "runtime/joined_reports.h"

#include <catch2/catch.hpp>

#include "core/flow/five_tuple.h"

namespace uhaul::runtime {
namespace {

Message Report(Epoch epoch, std::vector<msg::CustodyStatus> statuses, OperationId operation = 1,
               uint32_t generation = 2) {
  msg::CustodyReport report{epoch, {}};
  for (const msg::CustodyStatus status : statuses) report.flows.push_back({{}, status, 0});
  return {operation, generation, report};
}

std::vector<msg::CustodyStatus> Statuses(const std::optional<Message>& message) {
  std::vector<msg::CustodyStatus> statuses;
  if (!message) return statuses;
  for (const msg::FlowStatus& flow : std::get<msg::CustodyReport>(message->body).flows) {
    statuses.push_back(flow.status);
  }
  return statuses;
}

using msg::CustodyStatus;

}  // namespace

TEST_CASE("JoinedReports: reports of one epoch are one, in the order in which they were said") {
  JoinedReports joined;
  CHECK(joined.empty());
  Message first = Report(4, {CustodyStatus::kActive, CustodyStatus::kCommitted});
  Message second = Report(4, {CustodyStatus::kRefused});
  CHECK(joined.Take(first));
  CHECK(joined.Take(second));
  CHECK_FALSE(joined.empty());
  const std::optional<Message> out = joined.Release();
  CHECK(Statuses(out) == std::vector{CustodyStatus::kActive, CustodyStatus::kCommitted, CustodyStatus::kRefused});
  CHECK(out->operation == 1);
  CHECK(out->generation == 2);
  CHECK(joined.empty());
  CHECK_FALSE(joined.Release().has_value());
}

TEST_CASE("JoinedReports: another epoch, operation or generation, and any other message, goes behind what waits") {
  for (Message other : {Report(5, {CustodyStatus::kActive}), Report(4, {CustodyStatus::kActive}, 7),
                        Report(4, {CustodyStatus::kActive}, 1, 3), Message{1, 2, msg::GetDone{}}}) {
    JoinedReports joined;
    Message first = Report(4, {CustodyStatus::kActive});
    REQUIRE(joined.Take(first));
    const Message before = other;
    CHECK_FALSE(joined.Take(other));
    CHECK(other == before);
    CHECK(Statuses(joined.Release()).size() == 1);
  }
}

TEST_CASE("JoinedReports: no message holds more flows than one may") {
  JoinedReports joined;
  Message full = Report(4, std::vector(kMaxFlowsPerMessage - 1, CustodyStatus::kActive));
  Message one = Report(4, {CustodyStatus::kActive});
  Message more = Report(4, {CustodyStatus::kActive});
  CHECK(joined.Take(full));
  CHECK(joined.Take(one));
  CHECK_FALSE(joined.Take(more));
}

}  // namespace uhaul::runtime
