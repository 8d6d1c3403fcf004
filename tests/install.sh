#!/usr/bin/env bash
# The installed tree, by itself: the examples are built against it with find_package(uhaul), and the installed programs
# simulate a workload of one's own without the sources' folders.
#
#   tests/install.sh BUILD [configure]      configure: only that the package is found, for every day
set -euo pipefail
cd "$(dirname "$0")/.."
build=$(readlink -f "$1")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cmake --install "$build" --prefix "$scratch/prefix" >"$scratch/log"
cp -r tests/examples "$scratch/examples"
# small_testbed.h is included from the root of the project.
mkdir "$scratch/tests" && mv "$scratch/examples" "$scratch/tests/examples"
cmake -S "$scratch/tests/examples" -B "$scratch/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$scratch/prefix" >"$scratch/log"
[ "${2:-}" != configure ] || exit 0
cmake --build "$scratch/build" -j "$(nproc)" >"$scratch/log" || { tail -n 30 "$scratch/log" >&2; exit 1; }
ctest --test-dir "$scratch/build" --output-on-failure --no-tests=error
if [ -x "$scratch/prefix/bin/uhaul-sim" ]; then
  # Nothing of the sources is read: where we may, they are covered.
  covered=()
  if unshare -m true 2>/dev/null; then
    covered=(unshare -m sh -c 'for d in experiments workloads/data results/paper; do mount -t tmpfs none $d; done; exec "$@"' --)
  fi
  "${covered[@]}" "$scratch/prefix/bin/uhaul" run table-12 --dry-run
  "${covered[@]}" env UHAUL="$scratch/prefix/bin/uhaul" "$scratch/tests/examples/workload/run.sh"
fi
