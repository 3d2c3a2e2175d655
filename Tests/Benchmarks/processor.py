"""Whose processor time one warm assignment takes."""

import os
import subprocess

from assignment import settings
from repositories import ARTIFACT, QUIET, VERSION
from worker import Worker

TICKS = os.sysconf("SC_CLK_TCK")
# Of proc_pid_stat(5), counted behind the name: utime, stime; the same of children that have ended.
OWN, ENDED_CHILDREN = (11, 13), (13, 15)


def seconds(pid, fields=OWN):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        values = file.read().rsplit(")", 1)[1].split()
    return sum(map(int, values[slice(*fields)])) / TICKS


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
        return [int(word) for word in file.read().split()]


def measure(bench, shelf, place, jobs):
    """For each transport: milliseconds of each process for one assignment, the mean of many."""
    found = []
    for transport in bench.transports:
        worker = Worker(f"{place}-{transport}", bench.programs, bench.processes, {
            "one": settings(bench, transport, shelf.copy(f"processor-{transport}"))}).start()
        assign(bench, worker, 5)
        lane = worker.lane("one")
        before = spent(worker.process.pid, lane)
        client = assign(bench, worker, jobs)
        after = spent(worker.process.pid, lane)
        found.append({"transport": transport, "client": client * 1000 / jobs,
                      **{name: (after[name] - before[name]) * 1000 / jobs for name in after}})
        worker.stop()
    return {"jobs": jobs, "transports": found}


def assign(bench, worker, count):
    """The processor time of the clients, in seconds."""
    command = [f"{bench.programs}/stagekeeper", "--socket", worker.socket, "assign", ARTIFACT, "--version", VERSION,
               "--stage", "prod", "--force"]
    total = 0.0
    for _ in range(count):
        process = subprocess.Popen(command, env=QUIET, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with status {process.returncode}")
        total += usage.ru_utime + usage.ru_stime
    return total


def spent(worker, lane):
    """What the lane has started is either there still, as a shared ssh connection, or has ended, as a Git service."""
    below = sum(map(seconds, children(lane))) + seconds(lane, ENDED_CHILDREN)
    return {"worker": seconds(worker), "lane": seconds(lane), "below": below}
