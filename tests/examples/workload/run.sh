#!/bin/sh
# A workload of one's own: sizes from a file, looked at, simulated, and as a table. UHAUL: the command (default: uhaul)
set -eu
uhaul=${UHAUL:-uhaul}
here=$(cd "$(dirname "$0")" && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cp "$here/sizes.csv" "$here/sweep.yaml" "$out"
cd "$out"
"$uhaul" trace generate --workload ./sizes.csv --load 1.0 --link 10Gbps --duration 700ms --seed 7 --out t.csv
"$uhaul" trace show t.csv
"$uhaul" detect --trace t.csv --at 500ms --threshold 1MB
"$uhaul" run ./sweep.yaml
"$uhaul" collect ./sweep.yaml --mean
"$uhaul" collect ./sweep.yaml --out results.csv
test "$(wc -l <results.csv)" -eq 7 # a line per point: OpenNF has no threshold
