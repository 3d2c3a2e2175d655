# shellcheck shell=bash
# What deploy/quickstart.sh and Tests/run.sh have in common. Sourced, not run.

readonly swift_required=6.2

# One line that says what comes next.
say() { printf '\n==> %s\n' "$*"; }

# Ends the script with a reason.
fail() {
  printf '\n%s: %s\n' "$(basename "$0")" "$*" >&2
  reason_given=yes
  exit 1
}

# Where Swift's installers put it when it is not on PATH.
find_swift() {
  local directory
  if ! command -v swift >/dev/null; then
    for directory in "$HOME/.local/share/swiftly/bin" /opt/swift/usr/bin /usr/local/swift/usr/bin /usr/libexec/swift/bin; do
      if [ -x "$directory/swift" ]; then
        PATH=$directory:$PATH
        break
      fi
    done
  fi
  command -v swift >/dev/null || fail "Swift $swift_required or later is needed: https://www.swift.org/install/linux"
  local version
  version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p' | head -n 1)
  [ -n "$version" ] || fail "'swift --version' does not work"
  [ "$(printf '%s\n' "$swift_required" "$version" | sort -V | head -n 1)" = "$swift_required" ] ||
    fail "Swift $swift_required or later is needed, and 'swift' is $version"
  echo "Swift $version"
}

# install_missing FILE=PACKAGE…: installs the Debian packages whose file (or command) is not there.
install_missing() {
  local pair file missing=()
  for pair in "$@"; do
    file=${pair%%=*}
    [ -e "$file" ] || PATH=$PATH:/usr/sbin:/sbin command -v "$file" >/dev/null || missing+=("${pair#*=}")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    echo "nothing is missing"
    return
  fi
  echo "installing ${missing[*]}"
  command -v apt-get >/dev/null || fail "there is no apt-get: install the equivalents of ${missing[*]}"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "as root, run: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  local log
  log=$(mktemp)
  if ! apt_install "${missing[@]}" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    fail "apt-get could not install ${missing[*]}"
  fi
  rm -f "$log"
}

# Servers among the packages are installed, not started: the tests start their own. (invoke-rc.d(8))
apt_install() {
  local guard=/usr/sbin/policy-rc.d status=0
  [ -e "$guard" ] && guard=
  [ -z "$guard" ] || printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" install -m 755 /dev/stdin "$guard"
  "${as_root[@]}" apt-get update -q &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@" || status=$?
  [ -z "$guard" ] || "${as_root[@]}" rm -f "$guard"
  return "$status"
}

# Runs a command so that a signal to this script is acted upon at once and not when the command ends.
# `running` is the process until it has ended; see end_tree.
attended() {
  local status=0
  set -m
  "$@" </dev/null &
  running=$!
  set +m
  wait "$running" || status=$?
  running=
  return "$status"
}

# A process and all that descend from it, parents first.
process_tree() {
  local child
  echo "$1"
  for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do process_tree "$child"; done
}

# end_tree PID SECONDS: asks a process to end, and kills what is left of it and its descendants after that.
end_tree() {
  local tree process left
  tree=$(process_tree "$1")
  kill -TERM "$1" 2>/dev/null || true
  for ((left = $2 * 10; left > 0; left--)); do
    kill -0 "$1" 2>/dev/null || break
    sleep 0.1
  done
  for process in $tree; do kill -KILL "$process" 2>/dev/null || true; done
  wait "$1" 2>/dev/null || true
}
