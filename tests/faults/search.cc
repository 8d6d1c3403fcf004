#include "tests/faults/search.h"

#include <algorithm>
#include <deque>

namespace uhaul::faults {
namespace {

// Hash of a state -> its number, by open addressing.
class Seen {
 public:
  // The state's number; `next` if it was not there, which then it is.
  uint32_t Add(uint64_t hash, uint32_t next) {
    if ((size_ + 1) * 2 > slots_.size()) Grow();
    size_t i = hash & (slots_.size() - 1);
    while (slots_[i].second != kFree && slots_[i].first != hash) i = (i + 1) & (slots_.size() - 1);
    if (slots_[i].second != kFree) return slots_[i].second;
    slots_[i] = {hash, next};
    ++size_;
    return next;
  }

 private:
  static constexpr uint32_t kFree = ~uint32_t{0};
  void Grow() {
    std::vector<std::pair<uint64_t, uint32_t>> old(slots_.empty() ? 1024 : slots_.size() * 2, {0, kFree});
    old.swap(slots_);
    size_ = 0;
    for (const auto& [hash, number] : old) {
      if (number != kFree) Add(hash, number);
    }
  }
  std::vector<std::pair<uint64_t, uint32_t>> slots_;
  size_t size_ = 0;
};

struct Step {
  uint32_t from = 0;
  Choice choice;
};

std::vector<Choice> TraceTo(const std::vector<Step>& steps, uint32_t state) {
  std::vector<Choice> trace;
  for (; state != 0; state = steps[state].from) trace.push_back(steps[state].choice);
  std::reverse(trace.begin(), trace.end());
  return trace;
}

// States from which no good one is reachable: the first of them, and how many.
void FindStuck(const std::vector<Step>& steps, const std::vector<std::pair<uint32_t, uint32_t>>& edges,
               std::vector<bool> good, SearchResult* result) {
  const size_t n = steps.size();
  std::vector<uint64_t> begin(n + 1, 0);
  for (const auto& [from, to] : edges) ++begin[to + 1];
  for (size_t i = 0; i < n; ++i) begin[i + 1] += begin[i];
  std::vector<uint32_t> sources(edges.size());
  std::vector<uint64_t> at(begin.begin(), begin.end() - 1);
  for (const auto& [from, to] : edges) sources[at[to]++] = from;
  std::vector<uint32_t> queue;
  for (uint32_t i = 0; i < n; ++i) {
    if (good[i]) queue.push_back(i);
  }
  for (size_t next = 0; next < queue.size(); ++next) {
    for (uint64_t e = begin[queue[next]]; e < begin[queue[next] + 1]; ++e) {
      if (good[sources[e]]) continue;
      good[sources[e]] = true;
      queue.push_back(sources[e]);
    }
  }
  for (uint32_t i = 0; i < n; ++i) {
    if (good[i]) continue;
    if (result->stuck++ == 0) result->stuck_trace = TraceTo(steps, i);
  }
}

bool Shown(const Scenario& scenario, const SearchResult& result) {
  return (scenario.shows != 0 || scenario.shows_bad_end) && (result.violations & scenario.shows) == scenario.shows &&
         (!scenario.shows_bad_end || result.bad_ends > 0);
}

// Where the state leads to, in one number.
uint64_t Signature(const Scenario& scenario, const SearchState& state, bool all) {
  StateHash hash;
  for (const Choice& choice : state.Choices(scenario, all)) {
    SearchState next = state;
    next.Apply(choice);
    hash.Add(next.Hash(scenario, all));
  }
  return hash.value();
}

}  // namespace

SearchResult Search(const Scenario& scenario, const SearchOptions& options) {
  SearchResult result;
  Seen seen;
  std::vector<Step> steps;
  std::vector<std::pair<uint32_t, uint32_t>> edges;
  std::vector<bool> good;
  std::deque<SearchState> border;  // in the order of their numbers
  border.emplace_back(scenario);
  Memo memo;
  if (!scenario.options.look_alike) border.front().world.set_memo(&memo);
  seen.Add(border.front().Hash(scenario, options.all), 0);
  steps.push_back({});
  std::vector<uint64_t> signatures;                       // of the expanded ones
  std::vector<std::pair<uint32_t, uint64_t>> to_compare;  // a state and the signature of one of the same hash
  bool stop = false;
  for (uint32_t number = 0; !border.empty() && !stop; ++number) {
    if (steps.size() > options.most_states) {
      result.complete = false;
      break;
    }
    const SearchState state = std::move(border.front());
    border.pop_front();
    good.resize(steps.size());
    if (const ViolationSet found = state.world.violations() & scenario.promised; found != 0) {
      for (int v = 0; v < kViolations; ++v) {
        if ((found >> v & 1) != 0) result.traces.try_emplace(static_cast<Violation>(v), TraceTo(steps, number));
      }
      result.violations |= found;
      good[number] = true;  // its own fault; not one of those that led here
      stop = options.first || (scenario.until_shown && Shown(scenario, result));
      continue;
    }
    const std::vector<Choice> choices = state.Choices(scenario, options.all);
    if (choices.empty()) {
      ++result.ends;
      const std::string fault = state.world.EndFault();
      ++result.end_faults[fault];
      good[number] = fault.empty();
      if (!fault.empty() && result.bad_ends++ == 0) {
        result.bad_end_trace = TraceTo(steps, number);
        stop = options.first || (scenario.until_shown && Shown(scenario, result));
      }
    }
    StateHash signature;
    for (const Choice& choice : choices) {
      SearchState next = state;
      next.Apply(choice);
      const uint64_t hash = next.Hash(scenario, options.all);
      signature.Add(hash);
      const auto fresh = static_cast<uint32_t>(steps.size());
      const uint32_t to = seen.Add(hash, fresh);
      edges.emplace_back(number, to);
      if (to != fresh && edges.size() % options.check_every == 0)
        to_compare.emplace_back(to, Signature(scenario, next, options.all));
      if (to != fresh) continue;
      steps.push_back({number, choice});
      border.push_back(std::move(next));
    }
    signatures.resize(number + size_t{1});
    signatures[number] = signature.value();
  }
  for (const auto& [state, signature] : to_compare) {
    if (state >= signatures.size() || signatures[state] == 0) continue;  // not expanded
    ++result.compared;
    if (signatures[state] != signature) ++result.confused;
  }
  good.resize(steps.size());
  result.states = steps.size();
  result.transitions = edges.size();
  result.complete &= border.empty();
  if (result.complete && !stop) FindStuck(steps, edges, good, &result);
  return result;
}

std::vector<std::string> Replay(const Scenario& scenario, const std::vector<Choice>& trace) {
  std::vector<std::string> log;
  World world = BeginOf(scenario);
  world.set_log(&log);
  for (const Choice& choice : trace) world.Apply(choice);
  if (!world.in_flight()) {
    if (const std::string fault = world.EndFault(); !fault.empty()) log.push_back("at rest: " + fault);
  }
  return log;
}

std::string SummaryOf(const SearchResult& r) {
  std::string text = "states=" + std::to_string(r.states) + " transitions=" + std::to_string(r.transitions) +
                     " ends=" + std::to_string(r.ends) + " bad=" + std::to_string(r.bad_ends) +
                     " stuck=" + std::to_string(r.stuck) + " violations=" + ViolationText(r.violations);
  if (r.confused > 0) text += " CONFUSED=" + std::to_string(r.confused);
  if (!r.complete) text += " (not exhausted)";
  for (const auto& [fault, count] : r.end_faults) {
    if (!fault.empty()) text += "\n    end: " + fault + " (" + std::to_string(count) + ")";
  }
  return text;
}

}  // namespace uhaul::faults
