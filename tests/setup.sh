# Shared by ./reproduce and ./test (sourced): packages, configuration, build. Silent about what is already done; a step that
# fails says which, shows the end of its log, and what to do.

packages=(g++ cmake ninja-build pkg-config libfmt-dev catch2 libboost-program-options-dev libyaml-cpp-dev
          nlohmann-json3-dev libsimdjson-dev libns3-dev libpcap-dev libsqlite3-dev gnuplot-nox dpdk-dev libdpdk-dev)
# What only tests compare us with; ./test adds them, and ./test --long what it needs besides.
test_packages=(tshark prads)
long_packages=(clang chromium slurm-wlm munge gcovr)
# Debian's npm conflicts with a Node.js that somebody installed otherwise.
command -v npm >/dev/null || long_packages+=(npm)
install=1
jobs=$(nproc)
log_dir=build/log

say() { printf '%s\n' "$*" >&2; }
die() {
  say "error: $1"
  [ $# -lt 2 ] || say "  $2"
  exit "${3:-1}"
}

# step NAME LOG CURE COMMAND...: runs quietly, with a line of progress now and then where the log has one ([n/m], as ninja
# prints); on failure shows the log's end and the cure.
step() {
  local name=$1 log=$log_dir/$2 cure=$3 start=$SECONDS next=$((SECONDS + 10)) at pid
  shift 3
  mkdir -p "$log_dir"
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  trap 'kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; exit 130' INT TERM
  while kill -0 "$pid" 2>/dev/null; do
    if [ "$SECONDS" -ge "$next" ]; then
      at=$(grep -o '^\[[0-9]*/[0-9]*\]' "$log" | tail -n 1 || true)
      say "$name: $at $((SECONDS - start)) s"
      next=$((SECONDS + 10))
    fi
    sleep 0.2
  done
  if ! wait "$pid"; then
    tail -n 30 "$log" >&2
    die "$name failed (the whole log: $log)" "$cure"
  fi
  trap - INT TERM
  [ $((SECONDS - start)) -lt 2 ] || say "$name: done in $((SECONDS - start)) s"
}

missing_packages() {
  local p
  for p in "$@"; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || printf '%s ' "$p"
  done
}

install_packages() {
  command -v dpkg-query >/dev/null || {
    say "note: not a Debian system; assuming that these are here: ${packages[*]}"
    return 0
  }
  local missing
  missing=$(missing_packages "${packages[@]}")
  [ -n "$missing" ] || return 0
  if [ "$install" -eq 0 ]; then
    die "packages are missing: $missing" "install them, or call again without --no-install"
  fi
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "packages are missing: $missing" "no sudo here: have an administrator install them"
    as_root=(sudo)
  fi
  say "installing: $missing"
  step "package list" apt-update.log "check the network and the apt sources" "${as_root[@]}" apt-get update -q
  # shellcheck disable=SC2086
  step "installation" apt-install.log "run: apt-get install $missing" "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends $missing
}

# build PRESET TARGET...
build() {
  local preset=$1
  shift
  [ -f "build/$preset/build.ninja" ] ||
    step "configuration ($preset)" "configure-$preset.log" "is a package missing? see the log; then: cmake --preset $preset" \
      cmake --preset "$preset"
  step "build ($preset)" "build-$preset.log" "run: ninja -C build/$preset" ninja -C "build/$preset" -j "$jobs" "$@"
}

# build_page BUILD_FOLDER: the script that gives the report's charts tooltips, where npm is there. The page is whole without
# it, so that neither a missing npm nor a missing network is an error.
build_page() {
  local source=results/page folder=$1/page
  command -v npm >/dev/null || return 0
  if [ -f "$folder/main.js" ] && [ -z "$(find "$source" -type f -newer "$folder/main.js")" ]; then return 0; fi
  mkdir -p "$folder/source"
  cp "$source/package.json" "$source/package-lock.json" "$source/main.js" "$folder/source"
  if npm ci --prefix "$folder/source" --ignore-scripts --no-audit --no-fund >"$folder/npm.log" 2>&1 &&
    npm run --prefix "$folder/source" build >>"$folder/npm.log" 2>&1; then return 0; fi
  say "note: the report will have no tooltips: npm failed ($folder/npm.log)"
}
