#!/bin/sh
# How many packets a second the whole data path carries on one lcore: the generator is asked for more than it can send, and
# every packet goes through switch, NF 1 (FIT, asset monitor) and sink, with the record's bookkeeping. What a packet
# carries makes no difference: payload is never touched. Two figures: of all packets, many of which are flows' first ones
# where there are many flows; and from t0 on, when each flow has sent, if this machine was fast enough. Not a test.
#   tests/bench/pipeline.sh [BIN [RUNS]]          BIN: a build's folder of programs
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
bin=${1:-$here/build/release/bin}
runs=${2:-3}
out=$(mktemp -d "${TMPDIR:-/tmp}/uhaul-pipeline-XXXXXX")
trap 'rm -rf "$out"' EXIT
# Flows, t0, length of the trace, rate. Flows arrive in the first twentieth of the trace by its own time, which a generator
# that is late falls behind: with many flows it must not be asked for too much, or they are not all there at t0.
measure() {
  "$bin/uhaul" run base --engine runtime --repeat "$runs" --results "$out/$1" --set scheme.name=none \
    --set "workload.name=even:$1" --set workload.senders=unlimited --set "link.rate=$4" \
    --set "fit.capacity=$1" --set fit.window=5s --set "workload.duration=$3" --set "migration.after=$2" \
    --set migration.within=0s --set migration.phase=random --set run.cap=3s >"$out/log" 2>&1 || { cat "$out/log" >&2; exit 1; }
  for key in busy_ns_per_packet busy_ns_per_packet_from_t0; do
    cat "$out/$1"/runtime/*.prov.json "$out/$1"/runtime/rep-*/*.prov.json 2>/dev/null |
      sed -n "s/.*\"$key\": *\"\([0-9.]*\)\".*/\1/p" | sort -n |
      awk -v flows="$1" -v what="$([ $key = busy_ns_per_packet ] && echo all || echo 'from t0')" '{ ns[NR] = $1 }
        END { printf "%8d flows, %-7s  %6.0f ns per packet (%.0f to %.0f), %.2f Mpps\n", flows, what,
              ns[int((NR + 1) / 2)], ns[1], ns[NR], 1000 / ns[int((NR + 1) / 2)] }'
  done
}
measure 1000 600ms 1.6s 400Gbps
measure 100000 600ms 1.6s 200Gbps
measure 1000000 3s 5s 100Gbps
