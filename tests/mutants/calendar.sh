#!/usr/bin/env bash
# The mutants of the train's calendar (calendar-*.patch): each is applied to a copy, and tests/sim/calendar_test.cc must fail
# on it, as it must pass without.
#   tests/mutants/calendar.sh [BUILD]     a build folder with uhaul_core and uhaul_test_main in it
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(realpath "${1:-build/release}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Compiles the test with the sources in $scratch/copy and runs it.
attempt() {
  local objects=() source
  for source in sim/calendar.cc sim/train_scheduler.cc sim/sorted_scheduler.cc sim/link.cc tests/sim/calendar_test.cc; do
    objects+=("$scratch/copy/$source")
  done
  g++ -std=c++20 -O1 -I"$scratch/copy" -I. "${objects[@]}" -o "$scratch/test" \
    "$build/tests/libuhaul_test_main.a" "$build/core/libuhaul_core.a" -lns3-network -lns3-core || exit 2
  UHAUL_TEST_SEEDS=${UHAUL_TEST_SEEDS:-1000} timeout 60 "$scratch/test" >"$scratch/log" 2>&1
}
copy() {
  rm -rf "$scratch/copy"
  mkdir -p "$scratch/copy/tests"
  cp -r sim "$scratch/copy/sim"
  cp -r tests/sim "$scratch/copy/tests/sim"
}

copy
attempt || { tail -n 20 "$scratch/log"; echo "the test fails without a mutant"; exit 1; }
missed=0
for mutant in tests/mutants/calendar-*.patch; do
  copy
  patch -s -p1 -d "$scratch/copy" <"$mutant"
  if attempt; then
    echo "not caught: $mutant"
    missed=1
  else
    echo "caught: $(basename "$mutant" .patch)"
  fi
done
exit "$missed"
