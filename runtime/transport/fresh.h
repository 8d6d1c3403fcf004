// What tells a process from the one before it, of which nothing is left: secrets that nobody can guess, and numbers
// that only grow.
#pragma once

#include <cstdint>

#include "core/base/hash.h"
#include "core/base/result.h"

namespace uhaul::runtime {

Result<HashKey> DrawSecret();
// Of a node: nanoseconds of the wall clock.
uint64_t FreshIncarnation();
// The first generation, and the first operation, of a controller: eighths of seconds since 2020. Nodes remember what
// the controller before it said, under its numbers. An earlier one that began more than eight operations a second, all
// its life, would have come further.
uint32_t FreshNumber();

}  // namespace uhaul::runtime
