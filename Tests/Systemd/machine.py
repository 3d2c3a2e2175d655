"""A machine for the tests: systemd as the first process of namespaces of its own, see boot.sh."""

import ctypes
import os
import shutil
import subprocess
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CHECKOUT = os.path.dirname(os.path.dirname(HERE))
SYSTEMD = "/lib/systemd/systemd"
NAMESPACES = ["--pid", "--fork", "--kill-child", "--mount", "--ipc", "--uts", "--net"]
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
               "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"}
OVERLAY = """mount -t tmpfs tmpfs /mnt && mkdir /mnt/upper /mnt/work /mnt/root &&
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root"""


class Failure(Exception):
    """What did not hold."""


def cgroup_mount():
    """Where this machine has the version 2 of cgroups, or None."""
    with open("/proc/self/mounts", encoding="utf-8") as file:
        for line in file:
            _, path, kind, *_ = line.split()
            if kind == "cgroup2":
                return path
    return None


def obstacle(programs):
    """Why there can be no such machine here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    with open("/proc/self/uid_map", encoding="ascii") as file:
        if file.read().split() != ["0", "0", "4294967295"]:
            return "is in a user namespace"
    path = ENVIRONMENT["PATH"]
    missing = [name for name in ("unshare", "nsenter", "pivot_root", "setpriv", "systemd-creds", "sshd", "nginx",
                                 "fcgiwrap", "git", "openssl", "/usr/bin/python3", SYSTEMD)
               if not shutil.which(name, path=path)]
    if missing:
        return f"{', '.join(missing)} not installed; Tests/Systemd/run.sh installs it"
    if not os.access(f"{programs}/stagekeeperd", os.X_OK):
        return f"{programs}/stagekeeperd was not built"
    group = cgroup_mount()
    if not group or os.statvfs(group).f_flag & os.ST_RDONLY:
        return "no cgroup2 is mounted that could be written"
    for what, command in (("namespaces", ["true"]), ("overlay", ["sh", "-c", OVERLAY])):
        run = subprocess.run(["unshare", *NAMESPACES, "--cgroup", *command], capture_output=True, text=True,
                             check=False)
        if run.returncode != 0:
            return f"the kernel allows no {what}: {run.stderr.strip()}"
    if ctypes.CDLL(None).syscall(ctypes.c_long(444), None, ctypes.c_size_t(0), 1) < 1:
        return "the kernel has no Landlock"
    return None


def wait_for(what, holds, seconds=60):
    """Waits until something is so, and gives back what `holds` did."""
    deadline = time.monotonic() + seconds
    while not (result := holds()):
        if time.monotonic() > deadline:
            raise Failure(f"not within {seconds} s: {what}")
        time.sleep(0.02)
    return result


class Machine:
    """Whatever happens in it is gone when it ends, processes, files and mounts."""

    def __init__(self, programs):
        self.place = tempfile.mkdtemp(prefix="stagekeeper-systemd.")
        self.group = f"{cgroup_mount()}/{os.path.basename(self.place)}"
        self.process = self.pid = None
        self.console = bytearray()
        self.terminal, inner = os.openpty()
        try:
            os.mkdir(self.group)
            boot = [f"{HERE}/boot.sh", self.place, CHECKOUT, programs, self.group, os.ttyname(inner)]
            self.process = subprocess.Popen(["unshare", *NAMESPACES, *boot], stdin=subprocess.DEVNULL,
                                            stdout=inner, stderr=inner, start_new_session=True)
            threading.Thread(target=self._read_console, daemon=True).start()
            self.pid = wait_for("systemd is the first process", self._first_process)
            wait_for("systemd has started", self._is_running)
        except BaseException:
            self.stop()
            raise
        finally:
            os.close(inner)

    def _read_console(self):
        try:
            while part := os.read(self.terminal, 4096):
                self.console += part
        except OSError:
            pass

    def _first_process(self):
        if self.process.poll() is not None:
            raise Failure("the machine did not start")
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
            children = file.read().split()
        if children:
            with open(f"/proc/{children[0]}/comm", encoding="ascii") as file:
                if file.read() == "systemd\n":
                    return int(children[0])
        return None

    def _is_running(self):
        if self.process.poll() is not None:
            raise Failure("systemd has ended")
        return self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded")

    # --- What can be done in it ---

    def run(self, *command, user=None, check=True, given=None, seconds=60):
        """Runs a program in the machine, as the superuser or as a user."""
        if user:
            command = ("setpriv", "--reuid", user, "--regid", user, "--init-groups", *command)
        try:
            run = subprocess.run(["nsenter", "--target", str(self.pid), "--all", *command], env=ENVIRONMENT,
                                 input=given, capture_output=True, text=True, check=False, timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise Failure(f"not done after {seconds} s: {' '.join(command)}") from error
        if check and run.returncode != 0:
            raise Failure(f"{' '.join(command)}: status {run.returncode}: {run.stdout}{run.stderr}")
        return run

    def text(self, *command, **options):
        return self.run(*command, **options).stdout.strip()

    def write(self, path, content, mode="0644", owner="root"):
        self.run("install", "-D", "-m", mode, "-o", owner, "/dev/stdin", path, given=content)

    def show(self, unit, name):
        return self.text("systemctl", "show", "--value", "--property", name, unit)

    def processes(self, unit):
        """The processes of a unit, by the machine's own numbers."""
        path = f"/sys/fs/cgroup/system.slice/{unit}/cgroup.procs"
        return [int(pid) for pid in self.run("cat", path, check=False).stdout.split()]

    def status(self, pid):
        """What the kernel says of a process (proc_pid_status(5)); nothing of one that has ended."""
        lines = self.text("cat", f"/proc/{pid}/status", check=False).splitlines()
        return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}

    def journal(self, *options):
        return self.text("journalctl", "--no-pager", *options, check=False)

    # --- Its end ---

    def stop(self):
        if self.process:
            # The kernel kills the first process with its parent, and all others with the first.
            self.process.kill()
            self.process.wait()
        if os.path.isdir(self.group):
            wait_for("no process is left", self._is_empty)
            for folder, _, _ in os.walk(self.group, topdown=False):
                os.rmdir(folder)
        os.rmdir(self.place)
        os.close(self.terminal)

    def _is_empty(self):
        with open(f"{self.group}/cgroup.events", encoding="ascii") as file:
            return "populated 0" in file.read()
