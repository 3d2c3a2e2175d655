#!/usr/bin/env bash
# Fuzzes the parsers with libFuzzer and the address sanitizer: Tests/Fuzz/run.sh [OPTION…] [TARGET…]
#   --seconds N  how long each target runs, 60 unless told; with 0 the corpora are read once
#   --merge      afterwards adds to the checked-in corpora what reaches code that they don't
#   --replay FILE  runs one target on one input
# New inputs and what crashes stay in .build-fuzz/finds. Ends with 0 only if nothing was found.
set -Eeuo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=deploy/lib.sh
source "$root/deploy/lib.sh"

readonly scratch=$root/.build-fuzz
readonly finds=$scratch/finds
# Of an input, in bytes. Longer ones cost time and reach nothing new.
readonly max_length=4096
# They are asked through other threads: what those free a moment later would be taken for a leak.
readonly threaded=' http request '
# A crash must end the process: the toolchain's backtrace would wait for the fuzzer, which waits for it.
export SWIFT_BACKTRACE=enable=no STAGEKEEPER_FUZZ=1
# As in a lane, whose memory is bounded: a greater allocation fails.
export ASAN_OPTIONS=max_allocation_size_mb=1024:allocator_may_return_null=1
export LSAN_OPTIONS=suppressions=$root/Tests/Sanitizers/leaks.txt:print_suppressions=0

running= reason_given= place=

clean_up() {
  local status=$?
  trap - EXIT
  trap '' INT TERM HUP
  if [ -n "$running" ]; then end_tree "$running" 10; fi
  if [ -n "$place" ]; then rm -rf "$place"; fi
  exit "$status"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

seconds=60 merge= input= targets=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      sed -n '2,6s/^# //p' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    --seconds)
      seconds=${2:?--seconds needs a number}
      shift
      ;;
    --merge) merge=yes ;;
    --replay)
      input=$(realpath -- "${2:?--replay needs a file}")
      [ -f "$input" ] || fail "there is no file $input"
      shift
      ;;
    -*) fail "there is no option $1; see --help" ;;
    *) targets+=("$1") ;;
  esac
  shift
done
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(ls "$here/Corpora")
for target in "${targets[@]}"; do
  [ -d "$here/Corpora/$target" ] || fail "there is no target $target; there are: $(ls -m "$here/Corpora")"
done
[ -z "$input" ] || [ ${#targets[@]} -eq 1 ] || fail "--replay needs one target"

say "Looking for Swift and for the Debian packages that the build needs"
find_swift
install_missing pkg-config=pkgconf /usr/include/git2.h=libgit2-dev /usr/include/openssl/ssl.h=libssl-dev

say "Building the targets with libFuzzer and the address sanitizer"
cd "$root"
attended swift build -c release --product fuzzer --scratch-path "$scratch" -Xswiftc -enable-testing \
  -Xswiftc -sanitize=fuzzer,address -Xswiftc -use-ld=lld || fail "the targets do not build"

# What targets write goes into memory where there is room: they make and take away files all the time.
place=$(mktemp -d /dev/shm/stagekeeper-fuzz.XXXXXX 2>/dev/null || mktemp -d)

# fuzz TARGET ARGUMENT…: runs the fuzzer on one target.
fuzz() {
  local target=$1 options=(-timeout=20 -rss_limit_mb=2048 -max_len="$max_length")
  shift
  if [ -f "$here/Dictionaries/$target.dict" ]; then options+=(-dict="$here/Dictionaries/$target.dict"); fi
  if [[ $threaded == *" $target "* ]]; then options+=(-detect_leaks=0); fi
  STAGEKEEPER_FUZZ_TARGET=$target TMPDIR=$place attended "$scratch/release/fuzzer" "${options[@]}" \
    -artifact_prefix="$finds/$target-" "$@"
}

# Shows what the fuzzer said where it found something, and what to do about it.
report_find() {
  local target=$1 log=$2 reproducer
  grep -av -e '^#' -e NEW_FUNC "$log" | tail -n 60
  reproducer=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
  printf '\n%s: FOUND something. The input is in\n  %s\nReplay it with\n  Tests/Fuzz/run.sh --replay %s %s\n' \
    "$target" "$reproducer" "$reproducer" "$target"
  echo "When it is mended, keep it as Tests/Fuzz/Corpora/$target/NAME."
}

# Adds what reaches new code, in few files. How often code is reached counts while fuzzing, not here: corpora stay small.
merge_finds() {
  local log=$finds/$1.merge.log
  fuzz "$1" -set_cover_merge=1 -use_counters=0 "$here/Corpora/$1" "$finds/$1" >"$log" 2>&1 || fail "merging failed: $log"
  grep -a '^MERGE-OUTER: .*new files' "$log"
}

if [ -n "$input" ]; then
  mkdir -p "$finds"
  fuzz "${targets[0]}" "$input"
  exit 0
fi

failed=0
for target in "${targets[@]}"; do
  say "Fuzzing $target for $seconds s"
  mkdir -p "$finds/$target"
  log=$finds/$target.log
  limit=(-max_total_time="$seconds")
  [ "$seconds" -gt 0 ] || limit=(-runs=0)
  if fuzz "$target" "${limit[@]}" -print_final_stats=1 "$finds/$target" "$here/Corpora/$target" >"$log" 2>&1; then
    grep -a -e 'DONE' -e 'number_of_executed_units' "$log"
    if [ -n "$merge" ]; then merge_finds "$target"; fi
  else
    failed=1
    report_find "$target" "$log"
  fi
done

say "Result: $([ "$failed" -eq 0 ] && echo "nothing was found" || echo "defects were found")"
exit "$failed"
