#!/usr/bin/env bash
# Installs what `swift build -c release --static-swift-stdlib` (or deploy/quickstart.sh) has built.
#
#   sudo deploy/install.sh                               # under /usr/local
#   DESTDIR=/tmp/package PREFIX=/usr deploy/install.sh   # for a package
#   BUILT=.build/debug deploy/install.sh                 # programs of another build
set -Eeuo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prefix=${PREFIX:-/usr/local}
to=${DESTDIR:-}$prefix
built=${BUILT:-$root/.build/release}
programs=(stagekeeperd stagekeeper-lane stagekeeper stagekeeper-admin)

case ${1-} in
  "") ;;
  *)
    sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    [ "$1" = --help ] && exit 0
    exit 64
    ;;
esac
for program in "${programs[@]}"; do
  if [ ! -x "$built/$program" ]; then
    echo "install.sh: $built/$program is not there; build first: swift build -c release --static-swift-stdlib" >&2
    exit 66
  fi
done

# unit SOURCE TARGET: installs a unit file with its paths filled in.
unit() { sed "s|@PREFIX@|$prefix|g" "$root/deploy/systemd/$1" | install -D -m 644 /dev/stdin "$to/lib/$2"; }

for program in "${programs[@]}"; do install -D -s -m 755 "$built/$program" "$to/bin/$program"; done
for name in stagekeeper.service stagekeeper.socket stagekeeper-admin.socket; do unit "$name" "systemd/system/$name"; done
unit stagekeeper.sysusers sysusers.d/stagekeeper.conf
unit stagekeeper.tmpfiles tmpfiles.d/stagekeeper.conf
(cd "$root" && find README.md LICENSE CHANGELOG.md CONTRIBUTING.md docs proto-spec deploy/ci -type f -not -path '*/__pycache__/*' -print0) |
  while IFS= read -r -d '' file; do install -D -m 644 "$root/$file" "$to/share/doc/stagekeeper/$file"; done
echo "installed under $to"

if [ -z "${DESTDIR:-}" ] && [ "$(id -u)" -eq 0 ] && [ -d /run/systemd/system ]; then
  systemd-sysusers "$to/lib/sysusers.d/stagekeeper.conf"
  systemd-tmpfiles --create "$to/lib/tmpfiles.d/stagekeeper.conf"
  systemctl daemon-reload
fi
echo "next: write /etc/stagekeeper/worker.json5 (docs/configuration.md), then"
echo "      systemctl enable --now stagekeeper.socket stagekeeper-admin.socket stagekeeper.service"
