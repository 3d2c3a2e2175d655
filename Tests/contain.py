#!/usr/bin/env python3
"""Runs a command and leaves none of its processes behind, however it ends.

Usage: contain.py SECONDS COMMAND [ARGUMENT...]

Orphans of the command become children of this process (prctl(2), PR_SET_CHILD_SUBREAPER), so that what a
test forgot, or a crashed test left, is found, named and ended. Ends with the command's status, with 124
where it took longer than SECONDS.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36


def descendants():
    """All living processes below this one, as {pid: name}."""
    parents, names = {}, {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                name, rest = file.read().rsplit(")", 1)
        except OSError:
            continue
        state, parent = rest.split()[:2]
        if state != "Z":
            parents[int(entry)], names[int(entry)] = int(parent), name.split("(", 1)[1]
    found, frontier = {}, [os.getpid()]
    while frontier:
        above = frontier.pop()
        for pid in [pid for pid, parent in parents.items() if parent == above and pid not in found]:
            found[pid] = names[pid]
            frontier.append(pid)
    return found


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def wait_until_gone(seconds):
    deadline = time.monotonic() + seconds
    while descendants() and time.monotonic() < deadline:
        reap()
        time.sleep(0.05)
    reap()
    return descendants()


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def clean_up():
    """Ends what is left; what is about to end by itself has a second for that."""
    left = wait_until_gone(1)
    if not left:
        return
    print("contain.py: left behind: " + ", ".join(f"{name} ({pid})" for pid, name in left.items()), file=sys.stderr)
    send(left, signal.SIGTERM)
    while left := wait_until_gone(5):
        send(left, signal.SIGKILL)


def main(seconds, command):
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    process = subprocess.Popen(command)
    stopped = []

    def stop(number, _frame):
        stopped.append(number)
        process.send_signal(signal.SIGINT)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    deadline = time.monotonic() + seconds
    while process.poll() is None:
        if stopped or time.monotonic() > deadline:
            break
        try:
            process.wait(0.5)
        except subprocess.TimeoutExpired:
            pass
    late = process.poll() is None and not stopped
    if late:
        print(f"contain.py: not done after {seconds} seconds", file=sys.stderr)
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            pass
    clean_up()
    if stopped:
        return 128 + stopped[0]
    status = process.poll()
    return 124 if late else 128 - status if status is not None and status < 0 else status


sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
