#!/usr/bin/env bash
# Becomes systemd, as the first process of namespaces of its own. Run by machine.py:
#
#   unshare --pid --fork --kill-child --mount --ipc --uts --net boot.sh PLACE CHECKOUT PROGRAMS CGROUP CONSOLE
#
# The root of the file system is this machine's with a layer in memory above it: whatever is written there is gone
# with the last process. Of this machine's units, settings of systemd and mounts nothing takes part.
set -Eeuo pipefail
place=$1 checkout=$2 programs=$3 cgroup=$4 console=$5

# 0 is whoever writes it.
echo 0 >"$cgroup/cgroup.procs"
if [ -z "${STAGEKEEPER_TEST_CGROUP-}" ]; then
  export STAGEKEEPER_TEST_CGROUP=1
  exec unshare --cgroup "$0" "$@"
fi

mount -t tmpfs -o mode=755 tmpfs "$place"
mkdir "$place/upper" "$place/work" "$place/root"
mount -t overlay -o "lowerdir=/,upperdir=$place/upper,workdir=$place/work" overlay "$place/root"
root=$place/root

mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
# As systemd does for its services: settings of the kernel that are not this namespace's stay as they are.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro,nosuid,nodev,noexec "$root/proc/sys"
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o nosuid,mode=755 tmpfs "$root/run"
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o nosuid,mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
: >"$root/dev/console"
mount --bind "$console" "$root/dev/console"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts "$root/dev/pts"
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"

# What is installed, read-only.
mkdir "$root/run/checkout" "$root/run/programs"
for name in checkout programs; do
  mount --bind "${!name}" "$root/run/$name"
  mount -o remount,bind,ro "$root/run/$name"
done

# Nothing starts but what is asked for: no unit is pulled in by a target, none is made by a generator.
systemd=$root/usr/lib/systemd
rm -rf "$root"/etc/systemd "$root"/usr/local/lib/systemd "$systemd"/system-generators/* \
  "$systemd"/system/*.{wants,requires}
mkdir -p "$root/etc/systemd/system/sockets.target.wants"
ln -s /lib/systemd/system/systemd-journald.socket "$root/etc/systemd/system/sockets.target.wants"
: >"$root/etc/fstab"
head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$root/etc/machine-id"
echo stagekeeper-test >"$root/etc/hostname"
printf '127.0.0.1 localhost git.example.com\n' >"$root/etc/hosts"

# Nor does an installation that is here, nor an account that is called as one of the test's.
rm -rf "$root"/etc/stagekeeper "$root"/var/lib/stagekeeper "$root"/var/log/journal "$root"/usr/local/bin/stagekeeper*
mount -t tmpfs -o mode=755 tmpfs "$root/srv"
sed -i -E '/^(stagekeeper|git|gitlab-runner|stranger):/d' "$root"/etc/{passwd,shadow,group,gshadow}

mkdir "$root/run/old"
cd "$root"
pivot_root . run/old
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin container=stagekeeper-test \
  bash -c 'umount -l /run/old && rmdir /run/old && mount --make-rshared / && exec /lib/systemd/systemd "$@"' \
  systemd --log-target=console --show-status=false --unit=multi-user.target </dev/console >/dev/console 2>&1
