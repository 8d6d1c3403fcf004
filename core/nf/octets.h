// Fixed little-endian fields of an NF's chunk. The reader is bounded: after the first missing octet it reads zeros and
// says so.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "core/base/check.h"
#include "core/base/little_endian.h"
#include "core/flow/five_tuple.h"

namespace uhaul::nf {

template <class T>
void Put(T value, std::vector<uint8_t>* out) {
  AppendLittle(static_cast<std::make_unsigned_t<T>>(value), out);
}

inline constexpr size_t kTupleOctets = 38;

// Always 38 octets, whatever the IP version: chunks of one NF have one size.
inline void PutTuple(const FiveTuple& tuple, std::vector<uint8_t>* out) {
  out->push_back(tuple.version);
  out->push_back(tuple.protocol);
  out->insert(out->end(), tuple.source.begin(), tuple.source.end());
  Put(tuple.source_port, out);
  out->insert(out->end(), tuple.destination.begin(), tuple.destination.end());
  Put(tuple.destination_port, out);
}

// Into a chunk whose size is known beforehand.
class OctetWriter {
 public:
  explicit OctetWriter(std::span<uint8_t> out) : out_(out) {}

  template <class T>
  void Put(T value) {
    StoreLittle(static_cast<std::make_unsigned_t<T>>(value), Take(sizeof(T)));
  }
  // As PutTuple.
  void Put(const FiveTuple& tuple) {
    Put(tuple.version);
    Put(tuple.protocol);
    std::memcpy(Take(sizeof tuple.source), tuple.source.data(), sizeof tuple.source);
    Put(tuple.source_port);
    std::memcpy(Take(sizeof tuple.destination), tuple.destination.data(), sizeof tuple.destination);
    Put(tuple.destination_port);
  }
  bool Complete() const { return out_.empty(); }

 private:
  uint8_t* Take(size_t octets) {
    UHAUL_CHECK(out_.size() >= octets);
    uint8_t* at = out_.data();
    out_ = out_.subspan(octets);
    return at;
  }
  std::span<uint8_t> out_;
};

class OctetReader {
 public:
  explicit OctetReader(std::span<const uint8_t> in) : in_(in) {}

  template <class T>
  T Get() {
    if (in_.size() < sizeof(T)) {
      short_ = true;
      in_ = {};
      return T{};
    }
    const auto value = LoadLittle<std::make_unsigned_t<T>>(in_.data());
    in_ = in_.subspan(sizeof(T));
    return static_cast<T>(value);
  }
  FiveTuple GetTuple() {
    FiveTuple tuple;
    tuple.version = Get<uint8_t>();
    tuple.protocol = Get<uint8_t>();
    Get(&tuple.source);
    tuple.source_port = Get<uint16_t>();
    Get(&tuple.destination);
    tuple.destination_port = Get<uint16_t>();
    return tuple;
  }
  void Get(IpAddress* address) {
    if (in_.size() < address->size()) {
      short_ = true;
      in_ = {};
      return;
    }
    std::memcpy(address->data(), in_.data(), address->size());
    in_ = in_.subspan(address->size());
  }
  // Everything was there, and nothing is left.
  bool Complete() const { return !short_ && in_.empty(); }

 private:
  std::span<const uint8_t> in_;
  bool short_ = false;
};

}  // namespace uhaul::nf
