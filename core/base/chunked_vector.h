// ChunkedVector<T>: a vector that grows without moving what it holds: an addition takes one chunk's memory at most,
// where a vector that doubles stops for as long as all its elements take. For tables that grow while packets wait.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace uhaul {

template <class T>
class ChunkedVector {
 public:
  size_t size() const { return chunks_.empty() ? 0 : (chunks_.size() - 1) * kChunk + chunks_.back().size(); }
  bool empty() const { return chunks_.empty(); }
  T& operator[](size_t i) { return chunks_[i / kChunk][i % kChunk]; }
  const T& operator[](size_t i) const { return chunks_[i / kChunk][i % kChunk]; }
  T& back() { return chunks_.back().back(); }

  template <class... Arguments>
  T& emplace_back(Arguments&&... arguments) {
    if (chunks_.empty()) {
      chunks_.emplace_back();  // grows as it is filled: many tables stay small
    } else if (chunks_.back().size() == kChunk) {
      chunks_.emplace_back().reserve(kChunk);
    }
    return chunks_.back().emplace_back(std::forward<Arguments>(arguments)...);
  }
  void pop_back() {
    chunks_.back().pop_back();
    if (chunks_.back().empty()) chunks_.pop_back();
  }
  void clear() { chunks_.clear(); }

  template <class Function>
  void ForEach(Function function) {
    for (std::vector<T>& chunk : chunks_) {
      for (T& element : chunk) function(element);
    }
  }
  template <class Function>
  void ForEach(Function function) const {
    for (const std::vector<T>& chunk : chunks_) {
      for (const T& element : chunk) function(element);
    }
  }

 private:
  static constexpr size_t kChunk = 64;
  std::vector<std::vector<T>> chunks_;  // all but the last are full, none is empty
};

}  // namespace uhaul
