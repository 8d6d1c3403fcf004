#!/bin/sh
# All measurements, one after the other: build their programs, run them, print ratios. About twenty minutes; nothing else
# should run. What they gave, and when: results/PERFORMANCE.md. Not a test.
#   tests/bench/run.sh [BUILD]          BUILD: a build's folder, configured (build/release)
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$here/build/release}
say() { printf '\n=== %s\n' "$*"; }
say "building"
cmake --build "$build" --target uhaul uhaul-sim uhaul-runtime bench_sim bench_transport >/dev/null
# Needs Google Benchmark and Abseil (Debian: libbenchmark-dev, libabsl-dev).
if cmake --build "$build" --target bench_fit >/dev/null 2>&1; then
  say "FIT and EDM beside other tables"
  "$build/bin/bench_fit" --benchmark_repetitions=7 --benchmark_display_aggregates_only=true
else
  say "bench_fit left out: needs DPDK, libbenchmark-dev and libabsl-dev"
fi
say "simulator: CPU time per packet beside a stock ns-3 script, and how it grows"
"$build/bin/bench_sim"
say "simulator: the paper's grid"
"$here/tests/bench/grid.sh" "$build/bin"
say "control channel"
"$build/bin/bench_transport"
say "runtime: packets a second through the whole data path"
"$here/tests/bench/pipeline.sh" "$build/bin"
say "runtime: moves"
"$here/tests/bench/moves.sh" "$build/bin" 9 10,100,1000,10000
