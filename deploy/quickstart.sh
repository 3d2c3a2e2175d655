#!/usr/bin/env bash
# Builds Stagekeeper and shows it at work on a repository of its own: from an empty Debian 12 with Swift
# to a promoted model in under three minutes. What it starts, it ends; what it makes outside .build, it
# removes, also when it fails or is interrupted.
set -Eeuo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=deploy/lib.sh
source "$root/deploy/lib.sh"

case ${1-} in
  "") ;;
  -h | --help)
    echo "Usage: deploy/quickstart.sh"
    echo "Installs what is missing, builds, and shows a promotion from start to end. Takes no options."
    exit 0
    ;;
  *)
    echo "quickstart.sh: it takes no arguments" >&2
    exit 64
    ;;
esac

running= worker= place= current= reason_given=
# What a step redirects is still redirected when it is interrupted.
exec {errors}>&2
number=0
readonly steps=11

step() {
  current=$1
  number=$((number + 1))
  say "$number/$steps $1"
}

# Shows a command as one would type it, and runs it.
show() {
  local line
  line=$(printf ' %q' "$@")
  printf '$%s\n' "$line"
  "$@"
}

clean_up() {
  local status=$?
  trap - EXIT
  trap '' INT TERM HUP
  exec 2>&"$errors"
  if [ -n "$running" ]; then end_tree "$running" 5; fi
  if [ -n "$worker" ]; then end_tree "$worker" 15; fi
  if [ "$status" -ne 0 ] && [ -z "$reason_given" ]; then
    if [ "$status" -gt 128 ]; then
      printf '\nquickstart.sh: stopped while: %s\n' "$current" >&2
    else
      printf '\nquickstart.sh: FAILED (status %s) while: %s\n' "$status" "$current" >&2
    fi
    if [ -s "$place/worker.log" ]; then
      echo "The worker's last words:" >&2
      tail -n 10 "$place/worker.log" >&2
    fi
  fi
  if [ -n "$place" ]; then rm -rf "$place"; fi
  exit "$status"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# --- Programs ---------------------------------------------------------------------------------------------

step "Looking for Swift and for the Debian packages that are needed"
[ "$(uname -s)" = Linux ] || fail "Stagekeeper runs on Linux"
find_swift
install_missing git=git ssh=openssh-client pkg-config=pkgconf /usr/include/git2.h=libgit2-dev \
  /usr/include/openssl/ssl.h=libssl-dev

# A short path: a socket's address has room for 107 bytes.
place=$(mktemp -d /tmp/stagekeeper-quickstart.XXXXXX)

step "Building in release mode (a minute or two the first time)"
cd "$root"
build=(swift build -c release --static-swift-stdlib)
if ! attended "${build[@]}" >"$place/build.log" 2>&1; then
  grep -E 'error:|warning:' "$place/build.log" | head -n 20 >&2 || tail -n 20 "$place/build.log" >&2
  fail "the build failed: ${build[*]}"
fi
programs=$root/.build/release
"$programs/stagekeeperd" --version

# --- A Git server with a model ------------------------------------------------------------------------------

# Nothing of your own Git configuration takes part.
unset STAGEKEEPER_REPO "${!GIT_@}"
export HOME=$place/home GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export STAGEKEEPER_SOCKET=$place/worker.sock STAGEKEEPER_ADMIN_SOCKET=$place/admin.sock
mkdir "$HOME"
remote=$place/churn.git

step "Making a bare repository with a model in it, which stands for your Git server"
git init -q --bare -b main "$remote"
git init -q -b main "$place/model"
cd "$place/model"
printf 'types: [model]\nstages: [dev, staging, prod]\n' >.gto
printf 'churn:\n  type: model\n  path: models/churn.json\n  description: Who is about to leave\n' >artifacts.yaml
mkdir models
printf '{"intercept": -1.2, "months": 0.03}\n' >models/churn.json
git add .
git -c user.name=Trainer -c user.email=trainer@example.com commit -qm "Train the churn model"
git push -q "$remote" main
cd "$place"
rm -rf "$place/model"
git -C "$remote" log --oneline --no-decorate --name-only main

# --- The worker -----------------------------------------------------------------------------------------------

step "Starting the worker, which alone holds the credential"
: >"$place/worker.log"
printf '$ stagekeeperd --repo churn=%s\n' "$remote"
set -m
"$programs/stagekeeperd" --repo "churn=$remote" --state "$place/state" --socket "$STAGEKEEPER_SOCKET" \
  --admin-socket "$STAGEKEEPER_ADMIN_SOCKET" </dev/null >"$place/worker.log" 2>&1 &
worker=$!
set +m
for ((left = 200; ; left--)); do
  if grep -q '^stagekeeperd ready' "$place/worker.log"; then break; fi
  kill -0 "$worker" 2>/dev/null || fail "the worker did not start: $(cat "$place/worker.log")"
  [ "$left" -gt 0 ] || fail "the worker was not ready within 20 seconds"
  sleep 0.1
done
cat "$place/worker.log"
PATH=$programs:$PATH

# --- Promotions ---------------------------------------------------------------------------------------------

step "Registering a version of the model"
show stagekeeper register churn --version v1.0.0 -m "Trained on May"

step "Assigning it to the stage dev"
show stagekeeper assign churn --version v1.0.0 --stage dev

step "Looking at the queue as an administrator: a paused repository's jobs wait"
show stagekeeper-admin pause churn
printf '$ stagekeeper assign churn --version v1.0.0 --stage prod --no-wait\n'
job=$(stagekeeper assign churn --version v1.0.0 --stage prod --no-wait)
echo "$job"
show stagekeeper-admin queue
show stagekeeper-admin resume churn
show stagekeeper job wait "$job"

step "The models, and what is assigned where"
show stagekeeper show

step "The history"
show stagekeeper history

step "The tag as plain git sees it on the server"
show git -C "$remote" for-each-ref refs/tags
tag=$(git -C "$remote" tag --list 'churn#prod#*')
[ -n "$tag" ] || fail "the tag of stage prod is not on the server"
show git -C "$remote" cat-file tag "$tag"

step "Stopping the worker"
kill -TERM "$worker"
status=0
wait "$worker" || status=$?
worker=
[ "$status" -eq 0 ] || fail "the worker ended with status $status"

say "Done in $SECONDS seconds. For your own repository, with your account's ssh key:"
cat <<END
.build/release/stagekeeperd --repo churn=git@git.example.com:ml/churn.git
.build/release/stagekeeper register churn --version v1.0.0
END
