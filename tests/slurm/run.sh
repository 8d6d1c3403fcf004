#!/usr/bin/env bash
# Sweeps on a Slurm cluster of two nodes on this machine: all points, a node that dies in the middle, Ctrl-C. What comes out
# must be the octets that a local run gives.
#
#   tests/slurm/run.sh BUILD/bin/uhaul      (root; Debian's slurm-wlm and munge)
set -euo pipefail
cd "$(dirname "$0")/../.."
uhaul=$(readlink -f "$1")
dir=$(mktemp -d)
export SLURM_CONF=$dir/slurm.conf
trap 'tests/slurm/cluster.sh down "$dir"; rm -rf "$dir"' EXIT

die() {
  printf 'slurm: %s\n' "$1" >&2
  [ $# -lt 2 ] || tail -n 20 "$2" >&2
  exit 1
}
sweep=(run web_search --set workload.trace=1..12 --set workload.duration=2.2s --set migration.after=1500ms
       --set edm.threshold=3MB,10MB)
collect() { "$uhaul" collect --results "$1" --out "$1.csv" --out "$1.sqlite"; }
same() {
  collect "$1"
  cmp -s "$dir/local.csv" "$1.csv" || die "$1.csv is not that of a local run" "$1.log"
  cmp -s "$dir/local.sqlite" "$1.sqlite" || die "$1.sqlite is not that of a local run"
  printf 'slurm: %s: the same octets\n' "$(basename "$1")" >&2
}
points_in() { find "$1" -name '*.prov.json' 2>/dev/null | wc -l; }
wait_for_points() { # FOLDER N PID
  until [ "$(points_in "$1")" -ge "$2" ]; do
    kill -0 "$3" 2>/dev/null || die "the run ended early" "$1.log"
    sleep 0.1
  done
}

# Fewer tasks to an array than there are chunks asked for; a dead node is noticed after seconds.
MAX_ARRAY_SIZE=6 SLURMD_TIMEOUT=6 tests/slurm/cluster.sh up "$dir"
"$uhaul" "${sweep[@]}" --results "$dir/local" --jobs 2 >"$dir/local.log" 2>&1 || die "the local run failed" "$dir/local.log"
collect "$dir/local"

"$uhaul" "${sweep[@]}" --results "$dir/whole" --executor slurm --chunks 100 >"$dir/whole.log" 2>&1 ||
  die "the run failed" "$dir/whole.log"
same "$dir/whole"
[ ! -e "$dir/whole/slurm" ] || die "plans were left behind"

"$uhaul" "${sweep[@]}" --results "$dir/node-dies" --executor slurm --chunks 4 >"$dir/node-dies.log" 2>&1 &
run=$!
tests/slurm/cluster.sh hold "$dir" 1 || die "node 1 got nothing to do" "$dir/node-dies.log"  # so that it dies with work undone
wait_for_points "$dir/node-dies" 5 "$run"
tests/slurm/cluster.sh kill "$dir" 1
wait "$run" || die "a run with a dead node failed" "$dir/node-dies.log"
grep -q 'submitted again' "$dir/node-dies.log" || die "nothing was missing: the node died too late" "$dir/node-dies.log"
same "$dir/node-dies"
tests/slurm/cluster.sh start "$dir" 1

"$uhaul" "${sweep[@]}" --results "$dir/interrupted" --executor slurm >"$dir/interrupted.log" 2>&1 &
run=$!
wait_for_points "$dir/interrupted" 2 "$run"
code=0
"$uhaul" "${sweep[@]}" --results "$dir/interrupted" --executor slurm >"$dir/second.log" 2>&1 || code=$?
[ "$code" -eq 70 ] && grep -q 'scancel --name=' "$dir/second.log" || die "a second run on the same folder: exit $code" "$dir/second.log"
kill -s INT "$run"
code=0
wait "$run" || code=$?
[ "$code" -eq 130 ] || die "Ctrl-C: exit $code" "$dir/interrupted.log"
[ -z "$(squeue --noheader --me)" ] || die "Ctrl-C left jobs in the queue"
made=$(points_in "$dir/interrupted")
[ "$made" -ge 2 ] && [ "$made" -lt 36 ] || die "Ctrl-C in the middle: $made points are there"
"$uhaul" "${sweep[@]}" --results "$dir/interrupted" --jobs 2 >"$dir/interrupted.log" 2>&1 || die "the rest failed" "$dir/interrupted.log"
same "$dir/interrupted"
