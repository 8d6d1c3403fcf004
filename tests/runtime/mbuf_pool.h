// The pool of mbufs that tests without an engine share: a process has one pool of a name.
#pragma once

#include <catch2/catch.hpp>

#include "runtime/eal.h"
#include "runtime/frame.h"

namespace uhaul::runtime {

inline rte_mempool* TestPool() {
  static rte_mempool* pool = [] {
    REQUIRE(StartEal({}).ok());
    REQUIRE(FrameField::Register().ok());
    return MakePool({.mbufs = 1023}).value();
  }();
  return pool;
}

}  // namespace uhaul::runtime
