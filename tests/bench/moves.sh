#!/bin/sh
# How long a move takes at 10 Gbps, and for how long its flows pause: OpenNF's, loss-free (PL, ER) and order-preserving, and
# the hand-over; beside them runs without a move. Column B: medians of all runs, late ones included. Not a test.
#   tests/bench/moves.sh [BIN [RUNS [FLOWS]]]          BIN: a build's folder of programs; FLOWS: 1000, or 10,100,1000
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
bin=${1:-$here/build/release/bin}
runs=${2:-9}
flows=${3:-1000}
out=$(mktemp -d "${TMPDIR:-/tmp}/uhaul-moves-XXXXXX")
trap 'rm -rf "$out"' EXIT
"$bin/uhaul" run "$here/experiments/moves.yaml" --engine runtime --repeat "$runs" --results "$out" \
  --set "workload.name=even:$(echo "$flows" | sed 's/,/,even:/g')" --set scheme.name=opennf-lf-pl-er,opennf-op,handover,none
# The first run stands in A, so that B has something to be beside.
"$bin/uhaul" validate "$out/runtime/rep-1" "$out/runtime" --include-late \
  --metrics downtime_ms,pause_p50_us,pause_p99_us,pause_max_us || test $? -eq 2
