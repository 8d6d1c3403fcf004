#!/bin/sh
# How long the paper's grid takes (five traces; OpenNF, U-HAUL at every threshold), in trains and in packets, and how
# much CPU time a point and a packet cost. The points are made in a scratch folder. Not a test.
#   tests/bench/grid.sh [BIN [TRACES [JOBS]]]          BIN: a build's folder of programs
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
bin=${1:-$here/build/release/bin}
traces=${2:-5}
jobs=${3:-$(nproc)}
out=$(mktemp -d "${TMPDIR:-/tmp}/uhaul-grid-XXXXXX")
trap 'rm -rf "$out"' EXIT
measure() { # NAME DEFINITIONS GRANULARITY
  rm -rf "$out/points"
  # shellcheck disable=SC2086
  "$bin/uhaul" run $2 --set "workload.trace=1..$traces" --results "$out/points" --plan "$out/plan.json" >/dev/null
  /usr/bin/env bash -c 'TIMEFORMAT="%R %U %S"; time "$@" >/dev/null 2>&1' - \
    "$bin/uhaul-sim" --plan "$out/plan.json" --jobs "$jobs" --granularity "$3" 2>"$out/time"
  awk -v name="$1, $3" -v points="$(ls "$out/points" | grep -vc prov)" \
    '{ printf "%-44s %4d points %7.2f s wall %7.2f s CPU %6.1f ms CPU per point\n", name, points, $1, $2 + $3, ($2 + $3) * 1000 / points }' \
    "$out/time"
}
for way in train packet; do
  measure "paper's grid, $traces traces" "web_search facebook_cache azure_wan" "$way"
  measure "all points of the tables, $traces traces" "tables" "$way"
done
