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

// Into a chunk whose size is known beforehand.
class OctetWriter {
 public:
  explicit OctetWriter(std::span<uint8_t> out) : out_(out) {}

  template <class T>
  void Put(T value) {
    StoreLittle(static_cast<std::make_unsigned_t<T>>(value), Take(sizeof(T)));
  }
  // Always 38 octets, whatever the IP version: chunks of one NF have one size.
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

inline void PutTuple(const FiveTuple& tuple, std::vector<uint8_t>* out) {
  out->resize(out->size() + kTupleOctets);
  OctetWriter(std::span(*out).last(kTupleOctets)).Put(tuple);
}

class OctetReader {
 public:
  explicit OctetReader(std::span<const uint8_t> in) : in_(in) {}

  template <class T>
  T Get() {
    const uint8_t* at = Take(sizeof(T));
    return at == nullptr ? T{} : static_cast<T>(LoadLittle<std::make_unsigned_t<T>>(at));
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
    if (const uint8_t* at = Take(address->size())) std::memcpy(address->data(), at, address->size());
  }
  // Everything was there, and nothing is left.
  bool Complete() const { return !short_ && in_.empty(); }

 private:
  // Null, from here on, if there are not so many.
  const uint8_t* Take(size_t octets) {
    if (in_.size() < octets) {
      short_ = true;
      in_ = {};
      return nullptr;
    }
    const uint8_t* at = in_.data();
    in_ = in_.subspan(octets);
    return at;
  }
  std::span<const uint8_t> in_;
  bool short_ = false;
};

}  // namespace uhaul::nf
