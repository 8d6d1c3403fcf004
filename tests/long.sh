#!/usr/bin/env bash
# The long suite, called by ./test --long: what takes too long for every day.
#   1. AddressSanitizer and UBSan on everything that ./test does not run under them (results, definitions, sockets, simulator,
#      runtime), ThreadSanitizer on core, workloads, sockets and the runtime; how many of core's lines the tests run
#   2. g++ and clang agree, to the byte of every record, on a slice of the grid
#   3. fork equals full run on the same slice
#   4. trains equal packets on the same slice and for thousands of seeds, and the mutants of the train are caught
#   5. tens of thousands of seeds of the property tests
#   6. every interleaving of the fault world's scenarios, two million random moves, the mutants of the hand-over
#   7. each parser, decoder and machine under libFuzzer, a minute each
#   8. the report in a browser, where chromium and npm are there
#   9. a Slurm cluster of two nodes on this machine, one of which dies, where Slurm is installed and we are root
#  10. the examples against the installed tree
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/setup.sh

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

say "AddressSanitizer and UBSan ..."
build asan test_results test_experiments test_transport test_sim test_runtime uhaul uhaul-sim uhaul-runtime uhaul-control
ctest --test-dir build/asan -R '^(results|experiments|transport|sim|runtime)$' -j "$jobs" --output-on-failure

say "how much of core/ the tests run ..."
tests/coverage.sh

say "ThreadSanitizer ..."
build tsan test_core test_workloads test_transport uhaul uhaul-runtime
ctest --test-dir build/tsan -R '^(core|workloads|transport)$' -j "$jobs" --output-on-failure
# The lcore beside the controller's thread. Two lcores, or ports, hand packets over by rings of DPDK's that it cannot see into.
TSAN_OPTIONS="log_path=$scratch/race" build/tsan/bin/uhaul run moves --engine runtime --results "$scratch/tsan" \
  --set 'workload.name=even:364' --set scheme.name=opennf,opennf-op,uhaul,handover --set edm.threshold=1MB --set run.cap=2s >"$scratch/log" 2>&1 ||
  die "runs under ThreadSanitizer failed" "$(tail -n 3 "$scratch/log")"
! compgen -G "$scratch/race.*" >/dev/null || die "a data race in the runtime" "$(head -n 20 "$scratch"/race.*)"

build clang uhaul uhaul-sim
slice=(run web_search facebook_cache azure_wan --set 'workload.trace=1..2' --set 'workload.duration=2.6s')

# Records without the build that made them, which differs by design, and the checksum that covers it.
normalise() {
  local file
  for file in "$1"/*.json; do
    case $file in *.prov.json) continue ;; esac
    sed -E 's/"build": ?"[^"]*",?//; s/"checksum": ?"[^"]*",?//' "$file" >"$file.bare"
  done
}
same() { # NAME DIR DIR
  local file count=0
  normalise "$2"
  normalise "$3"
  for file in "$2"/*.json.bare; do
    cmp -s "$file" "$3/$(basename "$file")" || die "$1: $(basename "$file" .json.bare) differs"
    count=$((count + 1))
  done
  [ "$count" -gt 0 ] || die "$1: no points to compare"
  say "$1: $count points, no difference"
}

say "g++ against clang, fork against full run ..."
build/release/bin/uhaul "${slice[@]}" --results "$scratch/gcc" --jobs "$jobs" >"$scratch/log" 2>&1 || die "the slice failed" "$(tail -n 3 "$scratch/log")"
build/clang/bin/uhaul "${slice[@]}" --results "$scratch/clang" --jobs "$jobs" >"$scratch/log" 2>&1 || die "the slice failed with clang"
same "g++ against clang" "$scratch/gcc" "$scratch/clang"

mkdir "$scratch/full"
build/release/bin/uhaul "${slice[@]}" --results "$scratch/full" --plan "$scratch/plan.json"
build/release/bin/uhaul-sim --plan "$scratch/plan.json" --jobs "$jobs" --no-fork >"$scratch/log" 2>&1 || die "full runs failed"
same "fork against full run" "$scratch/gcc" "$scratch/full"

mkdir "$scratch/packets"
build/release/bin/uhaul "${slice[@]}" --results "$scratch/packets" --plan "$scratch/plan.json"
build/release/bin/uhaul-sim --plan "$scratch/plan.json" --jobs "$jobs" --granularity packet >"$scratch/log" 2>&1 || die "packets failed"
same "trains against packets" "$scratch/gcc" "$scratch/packets"

say "trains against packets, thousands of seeds, and the mutants of the train's calendar ..."
UHAUL_TEST_SEEDS=40000 build/release/bin/test_sim 'Calendar: trains*'
UHAUL_TEST_SEEDS=5000 build/release/bin/test_sim 'World: trains*'
tests/mutants/calendar.sh build/release

say "40,000 seeds of each property ..."
UHAUL_TEST_SEEDS=40000 build/release/bin/test_core 'Loss-free*,Order-preserving*,U-HAUL: flows that neither*,Hand-over: pairs*,ReliableChannel: over*'

say "every interleaving of small moves ..."
build/release/bin/faults search || die "a scenario shows something else than it is known for" "build/release/bin/faults search NAME --trace"

say "two million random moves under faults ..."
build/release/bin/faults random --count 1250000 --jobs "$jobs" || die "a promise was broken" "build/release/bin/faults random --seed N --log"

say "mutants of the hand-over ..."
tests/mutants/hand_over.sh build/release || die "a mutant was not caught"

say "fuzzing, a minute each ..."
build fuzz fuzz_targets
tests/fuzz/run.sh build/fuzz 60

if command -v chromium >/dev/null && command -v npm >/dev/null; then
  say "the report in a browser ..."
  tests/page/run.sh build/release/bin/uhaul build/release
else
  say "note: no chromium or no npm, hence no test of the report in a browser"
fi

if command -v slurmctld >/dev/null && command -v munged >/dev/null && [ "$(id -u)" -eq 0 ]; then
  say "sweeps on a Slurm cluster of two nodes ..."
  tests/slurm/run.sh build/release/bin/uhaul
else
  say "note: no Slurm, or not root, hence no test of --executor slurm"
fi

say "the installed tree: examples against find_package(uhaul), the programs without the sources ..."
tests/install.sh build/release
