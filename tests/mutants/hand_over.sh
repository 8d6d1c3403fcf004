#!/usr/bin/env bash
# The mutants of the hand-over and of U-HAUL's relay (hand-over-NAME.patch and relay-NAME.patch, one change of one source
# file each): built into a copy of the `faults` program, each must be caught by the search, in the scenario that its patch names. The sources stay as they are.
#   tests/mutants/hand_over.sh [BUILD [NAME...]]     a build folder with faults in it
set -euo pipefail
build=$(realpath "${1:-build/release}")
shift $(($# > 0))
cd "$(dirname "$0")/../.."
if [ $# -gt 0 ]; then names=("$@"); else
  mapfile -t names < <(cd tests/mutants && ls hand-over-*.patch relay-*.patch | sed 's|^hand-over-||; s|\.patch$||' | sort -V)
fi
folder=$build/mutants
mkdir -p "$folder"
survivors=0
for name in "${names[@]}"; do
  patch=tests/mutants/hand-over-$name.patch
  [ -e "$patch" ] || patch=tests/mutants/$name.patch
  source=$(sed -n 's|^--- a/||p' "$patch")
  scenario=$(sed -n 's|^Caught by: ||p' "$patch")
  cp "$source" "$folder/$name.cc"
  patch --quiet "$folder/$name.cc" "$patch" || {
    echo "error: $patch does not fit $source any more" >&2
    exit 1
  }
  # Its object comes before the library's, whose own is then left out.
  c++ -std=c++20 -O2 -Wno-all -I . "$folder/$name.cc" "$build"/tests/CMakeFiles/faults.dir/faults/faults_main.cc.o \
    "$build/tests/libuhaul_faults.a" "$build/core/libuhaul_core.a" -o "$folder/$name"
  status=0
  "$folder/$name" search --first "$scenario" >"$folder/$name.txt" 2>&1 || status=$?
  if [ "$status" -eq 0 ]; then
    survivors=$((survivors + 1))
    echo "$name SURVIVES $scenario: $(head -n 1 "$patch")"
  else
    found=$(grep -o 'violations=[A-Z,-]*\|end: [^(]*\|internal error: .*' "$folder/$name.txt" | sort -u | paste -sd ';' | cut -c1-100) || true  # an abort says nothing
    echo "$name caught by $scenario: $(head -n 1 "$patch") (${found:-status $status})"
  fi
done
[ "$survivors" -eq 0 ]
