#!/usr/bin/env bash
# Installs what the tests need and runs all of them; ends with the line "N passed, N failed".
# Arguments go to `swift test`, such as `--filter RegistryTests`.
# With `--sanitize address` or `--sanitize thread` first, tests and programs are built for that sanitizer, in
# a folder of their own, and whatever one of them reports fails the run.
set -Eeuo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=deploy/lib.sh
source "$root/deploy/lib.sh"

readonly gto_version=1.10.1
# Seconds for the build and all tests; what hangs is ended then.
readonly time_limit=${STAGEKEEPER_TEST_SECONDS:-2700}

running= place= reason_given= sanitizer=

clean_up() {
  local status=$?
  trap - EXIT
  trap '' INT TERM HUP
  if [ -n "$running" ]; then end_tree "$running" 10; fi
  if [ -n "$place" ]; then rm -rf "$place"; fi
  if [ "$status" -gt 128 ]; then printf '\nrun.sh: stopped\n' >&2; fi
  exit "$status"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

case ${1-} in
  -h | --help)
    sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}"
    exit 0
    ;;
  --sanitize)
    sanitizer=${2-}
    [[ $sanitizer == address || $sanitizer == thread ]] || fail "--sanitize needs address or thread"
    shift 2
    ;;
esac

say "Looking for Swift and for the Debian packages that the tests need"
find_swift
install_missing git=git ssh=openssh-client sshd=openssh-server pkg-config=pkgconf \
  /usr/include/git2.h=libgit2-dev /usr/include/openssl/ssl.h=libssl-dev openssl=openssl nginx=nginx-light \
  fcgiwrap=fcgiwrap gpgsm=gpgsm gpg-agent=gpg-agent setpriv=util-linux python3=python3 \
  systemd-analyze=systemd
mkdir -p "$root/.build"

# gto_is_there PROGRAM: whether it is the GTO that the tests compare with, and jsonschema is beside it.
gto_is_there() {
  [ -x "$1" ] && [[ $("$1" --version 2>/dev/null) == *"$gto_version"* ]] &&
    "${1%/*}/python3" -c 'import jsonschema' 2>/dev/null
}

# A virtual environment for GTO, made with Debian's Python where that can (python3-venv), kept in .build.
install_gto() {
  local environment=$1 python=/usr/bin/python3
  [ -x "$python" ] || python=python3
  "$python" -c 'import ensurepip' 2>/dev/null || install_missing /nonexistent=python3-venv
  rm -rf "$environment"
  "$python" -m venv "$environment"
  attended "$environment/bin/pip" install -q --disable-pip-version-check -r "$root/Tests/requirements.txt" ||
    fail "pip could not install GTO $gto_version"
}

say "Looking for GTO $gto_version, which the tests compare with"
export STAGEKEEPER_TEST_GTO=${STAGEKEEPER_TEST_GTO:-$root/.build/gto-$gto_version/bin/gto}
if ! gto_is_there "$STAGEKEEPER_TEST_GTO"; then
  STAGEKEEPER_TEST_GTO=$root/.build/gto-$gto_version/bin/gto
  gto_is_there "$STAGEKEEPER_TEST_GTO" || install_gto "$root/.build/gto-$gto_version"
  gto_is_there "$STAGEKEEPER_TEST_GTO" || fail "the installed GTO is not $gto_version"
fi
echo "$STAGEKEEPER_TEST_GTO"

say "Building and running the tests (swift test $*)"
place=$(mktemp -d /tmp/stagekeeper-tests.XXXXXX)
cd "$root"
if [ -n "$sanitizer" ]; then
  set -- --sanitize "$sanitizer" --scratch-path "$root/.build-$sanitizer" -Xswiftc -DSANITIZER "$@"
  # Every program that a test starts writes its reports there. See Tests/Sanitizers.
  # Leaks are not among them: of what Swift's runtime has in use, the only pointer is often in a form that the
  # sanitizer does not know. MemoryTests counts what OpenSSL allocates.
  export ASAN_OPTIONS=log_path=$place/report:detect_leaks=0
  export TSAN_OPTIONS=log_path=$place/report:suppressions=$root/Tests/Sanitizers/threads.txt
fi
status=0
attended python3 "$root/Tests/contain.py" "$time_limit" \
  swift test --disable-xctest --xunit-output "$place/results.xml" "$@" || status=$?

say "Result"
if compgen -G "$place/report.*" >/dev/null; then
  head -n 60 "$place"/report.*
  echo "the $sanitizer sanitizer has reported $(cat "$place"/report.* | grep -c '^SUMMARY') defects"
  status=1
fi
python3 "$root/Tests/summary.py" "$place" "$status"
