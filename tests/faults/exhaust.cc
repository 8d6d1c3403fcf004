#include "tests/faults/exhaust.h"

#include <utility>

namespace uhaul::faults {
namespace {

enum class Mark : uint16_t { kFree = 0, kOpen = 1, kGood = 2, kStuck = 3 };  // kOpen: on the path

// Hash of a state -> its mark, and fourteen bits of its successors' hashes; by open addressing.
class Marks {
 public:
  struct Slot {
    Mark mark = Mark::kFree;
    uint16_t signature = 0;
  };
  Marks() { Resize(size_t{1} << 16); }
  uint64_t size() const { return size_; }

  Slot Find(uint64_t hash) const {
    const size_t i = Locate(hash);
    return {static_cast<Mark>(words_[i] & 3), static_cast<uint16_t>(words_[i] >> 2)};
  }
  void Set(uint64_t hash, Slot slot) {
    if ((size_ + 1) * 5 > keys_.size() * 4) Grow();
    const size_t i = Locate(hash);
    if (words_[i] == 0) ++size_;
    keys_[i] = hash;
    words_[i] = static_cast<uint16_t>((slot.signature << 2) | static_cast<uint16_t>(slot.mark));
  }

 private:
  size_t Locate(uint64_t key) const {
    size_t i = key & (keys_.size() - 1);
    while (words_[i] != 0 && keys_[i] != key) i = (i + 1) & (keys_.size() - 1);
    return i;
  }
  void Resize(size_t slots) {
    keys_.assign(slots, 0);
    words_.assign(slots, 0);
  }
  void Grow() {
    const std::vector<uint64_t> keys = std::move(keys_);
    const std::vector<uint16_t> words = std::move(words_);
    Resize(keys.size() * 2);
    for (size_t i = 0; i < keys.size(); ++i) {
      if (words[i] == 0) continue;
      const size_t at = Locate(keys[i]);
      keys_[at] = keys[i];
      words_[at] = words[i];
    }
  }

  std::vector<uint64_t> keys_;
  std::vector<uint16_t> words_;
  uint64_t size_ = 0;
};

class Descent {
 public:
  Descent(const Scenario& scenario, const SearchOptions& options) : scenario_(scenario), options_(options) {}

  SearchResult Run() {
    SearchState start(scenario_);
    if (!scenario_.options.look_alike) start.world.set_memo(&memo_);
    const uint64_t hash = start.Hash(scenario_, options_.all);
    Enter(std::move(start), hash, {});
    while (!path_.empty()) {
      const bool found = result_.violations != 0 || result_.bad_ends > 0;
      if (marks_.size() > options_.most_states || (options_.first && found)) {
        result_.complete = false;
        break;
      }
      Step();
    }
    result_.states = marks_.size();
    result_.complete &= circles_ == 0;
    return std::move(result_);
  }

 private:
  struct Frame {
    SearchState state;
    uint64_t hash = 0;
    Choice by;  // how it was reached
    std::vector<Choice> choices;
    size_t next = 0;
    bool good = false;
    StateHash signature;
  };

  void Enter(SearchState state, uint64_t hash, Choice by) {
    marks_.Set(hash, {Mark::kOpen, 0});
    if (options_.progress && marks_.size() % 10'000'000 == 0) {
      result_.states = marks_.size();
      options_.progress(result_);
    }
    path_.push_back({std::move(state), hash, by, {}, 0, false, {}});
    Frame& frame = path_.back();
    if (const ViolationSet found = frame.state.world.violations() & scenario_.promised; found != 0) {
      for (int v = 0; v < kViolations; ++v) {
        if ((found >> v & 1) != 0) result_.traces.try_emplace(static_cast<Violation>(v), Trace());
      }
      result_.violations |= found;
      frame.good = true;  // its own fault; not one of those that led here
      return;
    }
    frame.choices = frame.state.Choices(scenario_, options_.all);
    if (!frame.choices.empty()) return;
    ++result_.ends;
    const std::string fault = frame.state.world.EndFault();
    ++result_.end_faults[fault];
    frame.good = fault.empty();
    if (!frame.good && result_.bad_ends++ == 0) result_.bad_end_trace = Trace();
  }

  // The next of what the last state of the path leads to; or the state is done with.
  void Step() {
    Frame& frame = path_.back();
    if (frame.next == frame.choices.size()) return Leave();
    const Choice choice = frame.choices[frame.next++];
    // The last one may have the state itself.
    SearchState next = frame.next == frame.choices.size() ? std::move(frame.state) : frame.state;
    next.Apply(choice);
    ++result_.transitions;
    const uint64_t hash = next.Hash(scenario_, options_.all);
    frame.signature.Add(hash);
    const Marks::Slot known = marks_.Find(hash);
    switch (known.mark) {
      case Mark::kFree:
        return Enter(std::move(next), hash, choice);
      case Mark::kOpen:
        ++circles_;
        return;
      case Mark::kGood:
        frame.good = true;
        break;
      case Mark::kStuck:
        break;
    }
    if (result_.transitions % options_.check_every == 0) Compare(next, known.signature);
  }

  void Leave() {
    const Frame& frame = path_.back();
    const bool good = frame.good;
    if (!good && result_.stuck++ == 0) result_.stuck_trace = Trace();
    marks_.Set(frame.hash, {good ? Mark::kGood : Mark::kStuck, Short(frame.signature)});
    path_.pop_back();
    if (good && !path_.empty()) path_.back().good = true;
  }

  // A state that was reached again leads where the first one led.
  void Compare(const SearchState& again, uint16_t first) {
    if ((again.world.violations() & scenario_.promised) != 0) return;  // not expanded
    StateHash signature;
    for (const Choice& choice : again.Choices(scenario_, options_.all)) {
      SearchState next = again;
      next.Apply(choice);
      signature.Add(next.Hash(scenario_, options_.all));
    }
    ++result_.compared;
    if (Short(signature) != first) ++result_.confused;
  }
  static uint16_t Short(const StateHash& signature) { return static_cast<uint16_t>(signature.value() & 0x3fff); }

  std::vector<Choice> Trace() const {
    std::vector<Choice> trace;
    for (size_t i = 1; i < path_.size(); ++i) trace.push_back(path_[i].by);
    return trace;
  }

  const Scenario& scenario_;
  const SearchOptions& options_;
  Memo memo_;
  Marks marks_;
  std::vector<Frame> path_;
  SearchResult result_;
  uint64_t circles_ = 0;
};

}  // namespace

SearchResult Exhaust(const Scenario& scenario, const SearchOptions& options) {
  return Descent(scenario, options).Run();
}

}  // namespace uhaul::faults
