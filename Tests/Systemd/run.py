#!/usr/bin/env python3
"""Installs the service under a real systemd as the README says, and tries it as its users and its enemies would.

Usage: run.py [--obstacle] [PROGRAMS]

PROGRAMS is the folder of the built programs (default: .build/debug). Ends with 0 if all is as promised, with 1 and the
reason if something is not, with 77 and the reason where this machine cannot run it; --obstacle only tells whether.
"""

import os
import signal
import sys
import time

import service
from machine import CHECKOUT, Failure, Machine, obstacle


def host():
    """What a mistake here would change outside."""
    with open("/etc/passwd", encoding="utf-8") as file:
        accounts = sorted(line for line in file if line.startswith(("stagekeeper:", "git:", "gitlab-runner:")))
    places = ("/etc/stagekeeper", "/var/lib/stagekeeper", "/run/stagekeeper", "/usr/local/bin/stagekeeperd",
              "/usr/local/lib/systemd/system/stagekeeper.service", "/etc/systemd/system/stagekeeper.service.d",
              "/srv/git")
    return accounts, [path for path in places if os.path.lexists(path)]


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def stop(number, _frame):
    # A second one, which a terminal and contain.py send together, must not interrupt the cleaning up.
    for each in SIGNALS:
        signal.signal(each, lambda *_: None)
    raise SystemExit(128 + number)


def last_words(machine):
    if not machine.pid:
        return machine.console.decode(errors="replace")
    lines = machine.journal("--output", "short-precise", "--lines", "60").splitlines()
    return machine.console.decode(errors="replace") + "\n".join(lines)


def main(arguments):
    only_tell = arguments[:1] == ["--obstacle"]
    programs = os.path.abspath((arguments[only_tell:] or [f"{CHECKOUT}/.build/debug"])[0])
    reason = obstacle(programs)
    if reason:
        print(reason)
        return 77
    if only_tell:
        return 0
    for number in SIGNALS:
        signal.signal(number, stop)
    before, began = host(), time.monotonic()
    machine = None
    try:
        machine = Machine(programs)
        for check in service.CHECKS:
            check(machine)
            print(f"ok   {check.__doc__.splitlines()[0]}", flush=True)
    except Failure as failure:
        words = last_words(machine) if machine else ""
        print(f"{words}\nFAILED {failure}", file=sys.stderr)
        return 1
    finally:
        if machine:
            machine.stop()
    if host() != before:
        print(f"FAILED this machine was changed: {before} before, {host()} now", file=sys.stderr)
        return 1
    print(f"{len(service.CHECKS)} checks in {time.monotonic() - began:.0f} s")
    return 0


sys.exit(main(sys.argv[1:]))
