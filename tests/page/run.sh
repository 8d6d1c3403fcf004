#!/usr/bin/env bash
# The report in headless Chromium, called by tests/long.sh where chromium and npm are there: tests/page/run.sh UHAUL BUILD_FOLDER
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup.sh
uhaul=$1
folder=$2/page-test

build_page "$2"
mkdir -p "$folder"
cp tests/page/package.json tests/page/package-lock.json tests/page/page_test.mjs "$folder"
step "page test: packages" page-test-npm.log "is the network there? run: npm ci in $folder" \
  npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund
[ -d "$folder/results" ] || step "page test: results" page-test-results.log "see the log" \
  "$uhaul" run tables --set workload.trace=1 --set workload.duration=2.6s --results "$folder/results" --jobs "$jobs"
"$uhaul" report --results "$folder/results" --set workload.trace=1 --set workload.duration=2.6s --out "$folder/report.html"
node "$folder/page_test.mjs" "$folder/report.html"
