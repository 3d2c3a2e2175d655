"""Reads, start-up, memory and the first contact with a repository."""

import os
import statistics
import subprocess
import time

import timing
from assignment import clone_seconds, repository_id, settings
from repositories import ARTIFACT, QUIET
from timing import interleaved
from worker import Worker, memory


def reads(worker, count, rounds):
    """Seconds of each read on an open connection."""
    repository, connection = repository_id("ssh", count), worker.connect()

    def timed(method, **params):
        def ask(_):
            start = time.perf_counter()
            connection.call(method, repository=repository, **params)
            return time.perf_counter() - start

        return ask

    series = interleaved({
        "show NAME": timed("show", name=ARTIFACT),
        "show NAME@latest": timed("show", name=f"{ARTIFACT}@latest"),
        "show": timed("show"),
        "history NAME (100 rows)": timed("history", name=ARTIFACT, limit=100),
        "history (100 rows)": timed("history", limit=100),
        "stages": timed("stages"),
    }, rounds)
    connection.close()
    return {"tags": count, "series": {name: one.summary() for name, one in series.items()}}


def start_up(bench, place, rounds):
    """Process start to exit beside a program that does nothing."""
    log = f"{place}/start-up.log"

    def program(*command):
        return lambda _: timing.run(list(command), QUIET, log)

    stagekeeper = f"{bench.programs}/stagekeeper"
    series = interleaved({
        "/bin/true": program("/bin/true"), "git --version": program("git", "--version"),
        "stagekeeper --version": program(stagekeeper, "--version"),
        "stagekeeper --help": program(stagekeeper, "--help"),
        "stagekeeper assign --help": program(stagekeeper, "assign", "--help"),
    }, rounds)
    return {name: one.summary() for name, one in series.items()}


def idle_memory(bench, place, repositories=1000):
    """A worker that has many repositories and nothing to do."""
    configured = {f"r{number}": {"url": f"/nowhere/{number}.git"} for number in range(repositories)}
    worker = Worker(place, bench.programs, bench.processes, configured).start()
    found = {"repositories": repositories, "worker": memory(worker.process.pid), "children": children(worker)}
    worker.stop()
    return found


def children(worker):
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(worker.process.pid)], capture_output=True, text=True,
                            check=False).stdout
    return len(listed.split())


def first_contact(bench, shelf, place, count, rounds):
    """A worker that starts without state until its first answer and its first push; the lane started anew on
    the state that is there; and a clone as the yardstick."""
    path = shelf.copy("first-contact")
    found = {"read": [], "push": [], "restarted": [], "clone": []}
    for number in range(rounds):
        one = f"{place}/{count}-{number}"
        repository = {repository_id("ssh", count): settings(bench, "ssh", path)}
        worker = Worker(one, bench.programs, bench.processes, repository).start()
        found["read"].append(until_answered(worker, count))
        found["push"].append(push(bench, worker, count))
        size = disk_use(f"{one}/state")
        lane = worker.lane(repository_id("ssh", count))
        used = {"worker": memory(worker.process.pid), "lane": memory(lane) if lane else None, "disk": size}
        worker.stop()
        worker.start()
        found["restarted"].append(push(bench, worker, count))
        worker.stop()
        found["clone"].append(clone_seconds(bench, path, f"{one}/clone.git"))
    return {"tags": count, **{name: statistics.median(values) for name, values in found.items()}, **used}


def until_answered(worker, count):
    start = time.perf_counter()
    connection = worker.connect()
    connection.call("show", repository=repository_id("ssh", count), name=ARTIFACT)
    connection.close()
    return time.perf_counter() - start


def push(bench, worker, count):
    command = [f"{bench.programs}/stagekeeper", "--socket", worker.socket, "--repo", repository_id("ssh", count),
               "assign", ARTIFACT, "--version", "v1.0.0", "--stage", "prod", "--force"]
    return timing.run(command, QUIET, f"{worker.place}/log")


def disk_use(path):
    return sum(os.lstat(os.path.join(directory, name)).st_blocks * 512
               for directory, _, names in os.walk(path) for name in names)
