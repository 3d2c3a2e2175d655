#!/usr/bin/env bash
# Tries deploy/ under a real systemd: installs, starts, uses, restarts and attacks the service in a machine of its own,
# of which nothing is left. Needs root, and the programs of `swift build` or of another folder.
#
#   Tests/Systemd/run.sh [PROGRAMS]
set -Eeuo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=deploy/lib.sh
source "$root/deploy/lib.sh"

case ${1-} in
  -h | --help)
    sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 0
    ;;
esac
say "Looking for the Debian packages that are needed"
install_missing git=git ssh=openssh-client sshd=openssh-server openssl=openssl nginx=nginx-light fcgiwrap=fcgiwrap \
  setpriv=util-linux unshare=util-linux /usr/bin/python3=python3 /lib/systemd/systemd=systemd
say "Trying the service"
exec python3 "$root/Tests/contain.py" 280 python3 "$root/Tests/Systemd/run.py" "$@"
