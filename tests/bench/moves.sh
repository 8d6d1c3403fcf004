#!/bin/sh
# How long a move of 1,000 flows takes at 10 Gbps, and for how long its flows pause, loss-free (PL, ER) and
# order-preserving; beside them runs without a move. Column B: medians of all runs, late ones included. Not a test.
#   tests/bench/moves.sh [BIN [RUNS]]          BIN: a build's folder of programs
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
bin=${1:-$here/build/release/bin}
runs=${2:-9}
out=$(mktemp -d "${TMPDIR:-/tmp}/uhaul-moves-XXXXXX")
trap 'rm -rf "$out"' EXIT
"$bin/uhaul" run "$here/experiments/moves.yaml" --engine runtime --repeat "$runs" --results "$out" \
  --set workload.name=even:1000 --set scheme.name=opennf-lf-pl-er,opennf-op,none
# The first run stands in A, so that B has something to be beside.
"$bin/uhaul" validate "$out/runtime/rep-1" "$out/runtime" --include-late \
  --metrics downtime_ms,pause_p50_us,pause_p99_us,pause_max_us || test $? -eq 2
