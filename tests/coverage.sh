#!/usr/bin/env bash
# How much of core/ the tests run: its own unit and property tests (ten seeds of each property) and the fault world, built without
# inlining and with gcov's counters; lines by gcovr. Fails below 95 %.
#   tests/coverage.sh [HTML]         HTML: also a page that shows which lines
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/setup.sh

command -v gcovr >/dev/null || die "gcovr is missing" "apt-get install gcovr"
build coverage test_core test_faults
find build/coverage -name '*.gcda' -delete
UHAUL_TEST_SEEDS=10 ctest --test-dir build/coverage -R '^(core|faults)$' -j "$jobs" --output-on-failure >build/coverage/ctest.log ||
  die "tests failed" "build/coverage/ctest.log"
page=()
[ $# -eq 0 ] || page=(--html-details "$1")
# Branches that only a violated UHAUL_CHECK takes are not lines of their own.
gcovr --root . --object-directory build/coverage --filter 'core/' --exclude-directories '.*CompilerId.*' --exclude-unreachable-branches --sort-uncovered \
  --fail-under-line 95 "${page[@]}" -j "$jobs" build/coverage | tee build/coverage/lines.txt | tail -n 12
