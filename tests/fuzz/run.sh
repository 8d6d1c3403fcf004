#!/usr/bin/env bash
# run.sh BUILD [SECONDS [TARGET...]]: runs each fuzz target of that build (preset fuzz) for so long (60 s), from its corpus
# in tests/fuzz/corpus/TARGET. What it finds new stays in BUILD/corpus/TARGET; an input that fails is left as BUILD/TARGET-*.
set -euo pipefail
build=$(realpath "$1")
seconds=${2:-60}
shift $(($# < 2 ? $# : 2))
cd "$(dirname "$0")"
if [ $# -gt 0 ]; then targets=("$@"); else
  targets=()
  for source in *_fuzz.cc; do targets+=("${source%_fuzz.cc}"); done
fi
for target in "${targets[@]}"; do
  mkdir -p "$build/corpus/$target"
  log=$build/$target.log
  if ! "$build/bin/${target}_fuzz" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
    -artifact_prefix="$build/$target-" "$build/corpus/$target" "corpus/$target" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "error: ${target}_fuzz failed; replay: $build/bin/${target}_fuzz $(ls -t "$build/$target-"* | head -n 1)" >&2
    exit 1
  fi
  printf '%-16s %s inputs, coverage %s\n' "$target" \
    "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" "$(grep -o 'cov: [0-9]*' "$log" | tail -n 1 | cut -d' ' -f2)"
done
