#!/usr/bin/env bash
# Builds in release mode and measures against the Git server's own floor and against what people use today.
# --quick is the small version for CI, which fails where a ratio is beyond Tests/Benchmarks/limits.json;
# --large goes to 100,000 tags; --peers installs beanstalkd and redis and measures beside them.
# Results: results.md, results.json and results.svg in .build/benchmarks, or where --output says.
set -Eeuo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=deploy/lib.sh
source "$root/deploy/lib.sh"

running= reason_given=

clean_up() {
  local status=$?
  trap - EXIT
  trap '' INT TERM HUP
  if [ -n "$running" ]; then end_tree "$running" 30; fi
  exit "$status"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

output=$root/.build/benchmarks quick= arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}"
      exec python3 "$here/benchmark.py" --help
      ;;
    --output)
      output=${2:?--output needs a directory}
      shift
      ;;
    --peers)
      install_missing beanstalkd=beanstalkd redis-server=redis-server
      arguments+=("$1")
      ;;
    --quick)
      quick=yes
      arguments+=("$1" --limits "$here/limits.json")
      ;;
    *) arguments+=("$1") ;;
  esac
  shift
done

say "Looking for Swift and for the Debian packages that the measurements need"
find_swift
install_missing git=git ssh=openssh-client sshd=openssh-server pkg-config=pkgconf /usr/include/git2.h=libgit2-dev \
  /usr/include/openssl/ssl.h=libssl-dev openssl=openssl nginx=nginx-light fcgiwrap=fcgiwrap python3=python3 ps=procps

say "Building (release)"
cd "$root"
build=(swift build -c release --static-swift-stdlib)
for product in stagekeeperd stagekeeper-lane stagekeeper stagekeeper-admin; do
  attended "${build[@]}" --product "$product" || fail "it does not build"
done
programs=$("${build[@]}" --show-bin-path)

# The GTO that Tests/run.sh has installed, where it has.
if [ -z "${STAGEKEEPER_TEST_GTO-}" ]; then
  for gto in "$root"/.build/gto-*/bin/gto; do [ ! -x "$gto" ] || export STAGEKEEPER_TEST_GTO=$gto; done
fi
[ -n "$quick" ] || [ -n "${STAGEKEEPER_TEST_GTO-}" ] ||
  echo "without GTO: run Tests/run.sh once, or set STAGEKEEPER_TEST_GTO"

say "Measuring"
attended python3 "$root/Tests/contain.py" "${STAGEKEEPER_BENCHMARK_SECONDS:-7200}" \
  python3 -B "$here/benchmark.py" --programs "$programs" --output "$output" ${arguments[@]+"${arguments[@]}"} ||
  fail "the measurements failed, or a ratio is beyond its limit"
