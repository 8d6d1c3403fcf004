#!/usr/bin/env bash
# How much of core/ the tests run: the unit and property tests of core/, the fault world and what runs over sockets (built without inlining
# and with gcov's counters), lines by gcovr. Fails below 95 %.
#   tests/coverage.sh [HTML]         HTML: also a page that shows which lines
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/setup.sh

command -v gcovr >/dev/null || die "gcovr is missing" "apt-get install gcovr"
build coverage test_core test_faults test_workloads test_transport
find build/coverage -name '*.gcda' -delete
ctest --test-dir build/coverage -R '^(core|faults|workloads|transport)$' -j "$jobs" --output-on-failure >build/coverage/ctest.log ||
  die "tests failed" "build/coverage/ctest.log"
page=()
[ $# -eq 0 ] || page=(--html-details "$1")
# Branches that only a violated UHAUL_CHECK takes are not lines of their own.
gcovr --root . --object-directory build/coverage --filter 'core/' --exclude-unreachable-branches --sort-uncovered \
  --fail-under-line 95 "${page[@]}" -j "$jobs" build/coverage | tee build/coverage/lines.txt | tail -n 12
