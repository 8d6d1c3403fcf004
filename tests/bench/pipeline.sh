#!/bin/sh
# How many packets a second the whole data path carries on one lcore: the generator is asked for 100 Gbps, sends as fast
# as it can, and every packet goes through switch, NF 1 (FIT, asset monitor) and sink, each of which parses it, with the
# record's bookkeeping. What a packet carries makes no difference: payload is never touched. Not a test.
#   tests/bench/pipeline.sh [BIN [RUNS]]          BIN: a build's folder of programs
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
bin=${1:-$here/build/release/bin}
runs=${2:-3}
out=$(mktemp -d "${TMPDIR:-/tmp}/uhaul-pipeline-XXXXXX")
trap 'rm -rf "$out"' EXIT
for flows in 1000 100000 1000000; do
  "$bin/uhaul" run base --engine runtime --repeat "$runs" --results "$out/$flows" --set scheme.name=none \
    --set "workload.name=even:$flows" --set workload.senders=unlimited --set link.rate=100Gbps \
    --set "fit.capacity=$flows" --set fit.window=2s --set workload.duration=1.2s --set migration.after=600ms \
    --set migration.within=0s --set migration.phase=random >"$out/log" 2>&1 || { cat "$out/log" >&2; exit 1; }
  sed -n 's/.*"busy_ns_per_packet": *"\([0-9.]*\)".*/\1/p' "$out/$flows"/runtime/rep-*/*.prov.json | sort -n |
    awk -v flows="$flows" '{ ns[NR] = $1 }
      END { printf "%8d flows  %6.0f ns per packet (%.0f to %.0f), %.2f Mpps\n", flows, ns[int((NR + 1) / 2)], ns[1], ns[NR],
            1000 / ns[int((NR + 1) / 2)] }'
done
