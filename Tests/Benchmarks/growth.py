"""What must not grow with what a registry need not know: blobs in the history, commits, other repositories; and
what it costs that several workers share one remote."""

import os
import time

from assignment import clone_seconds, settings
from others import disk_use
from queueing import assignment, hand_over, wait_until_done
from repositories import ARTIFACT, START, git
from worker import Worker

CHUNK = 4 << 20


def history(commits, blob_bytes):
    """git-fast-import(1)'s input: commits of which each brings its share of blobs that do not compress, and one
    version on the tip."""
    who = b"Benchmark <benchmark@example.com>"
    share = max(blob_bytes // commits, 16)
    for commit in range(commits):
        yield (b"commit refs/heads/main\nmark :%d\ncommitter %s %d +0000\ndata 6\ntrain\n"
               % (commit + 1, who, START + commit))
        for part, size in enumerate(sizes(share)):
            yield b"M 644 inline weights/%d\ndata %d\n%s\n" % (part, size, os.urandom(size))
    yield (b"tag %s@v1.0.0\nfrom :%d\ntagger %s %d +0000\ndata 8\nversion\n\n"
           % (ARTIFACT.encode(), commits, who, START + commits))


def sizes(share):
    while share > 0:
        yield min(share, CHUNK)
        share -= CHUNK


def make(path, commits, blob_bytes):
    git("init", "-q", "--bare", "-b", "main", path)
    for setting in ("gc.auto", "receive.autogc"):
        git("config", setting, "0", where=path)
    # As every forge has it; without it a server sends all there is, whatever is asked for.
    git("config", "uploadpack.allowFilter", "true", where=path)
    stream = os.path.join(os.path.dirname(path), os.path.basename(path) + ".stream")
    with open(stream, "wb") as file:
        file.writelines(history(commits, blob_bytes))
    with open(stream, "rb") as file:
        git("fast-import", "--quiet", where=path, stdin=file)
    os.remove(stream)


def first_contact(bench, place, name, commits, blob_bytes, rounds):
    """A worker that starts without state until its first answer and its first push, beside a clone."""
    os.makedirs(place, exist_ok=True)
    path = f"{place}/{name}.git"
    make(path, commits, blob_bytes)
    seconds, clones = [], []
    for number in range(rounds):
        worker = Worker(f"{place}/{name}-{number}", bench.programs, bench.processes,
                        {"one": settings(bench, "ssh", path)}).start()
        start = time.perf_counter()
        connection = worker.connect()
        connection.call("show", repository="one", name=ARTIFACT)
        connection.call("assign", **{**assignment("one"), "wait": True})
        seconds.append(time.perf_counter() - start)
        connection.close()
        worker.stop()
        clones.append(clone_seconds(bench, path, f"{place}/{name}-{number}/clone.git"))
    state = disk_use(f"{place}/{name}-0/state")
    return {"name": name, "commits": commits, "blobBytes": blob_bytes, "seconds": min(seconds), "clone": min(clones),
            "state": state}


def histories(bench, place, mebibytes, long_history, rounds):
    """The same history with and without its blobs, and a long one."""
    plain = first_contact(bench, place, "no blobs", 200, 0, rounds)
    heavy = first_contact(bench, place, f"{mebibytes} MiB of blobs", 200, mebibytes << 20, rounds)
    found = {"rows": [plain, heavy],
             "ratios": {"first contact with blobs/without": heavy["seconds"] / plain["seconds"]}}
    if long_history:
        found["rows"].append(first_contact(bench, place, f"{long_history} commits", long_history, 0, rounds))
    return found


def spread_burst(bench, shelf, place, jobs, repositories):
    """As many jobs on one repository, and shared out over several; seconds until all are pushed."""
    found = {"jobs": jobs, "repositories": repositories}
    for name, count in (("one", 1), ("many", repositories)):
        configured = {f"r{number}": settings(bench, "path", shelf.copy(f"spread-{name}-{number}"))
                      for number in range(count)}
        worker = Worker(f"{place}-{name}", bench.programs, bench.processes, configured).start()
        for repository in configured:
            worker.admin("pause", repository=repository)
        hand_over(worker, [f"r{number % count}" for number in range(jobs)])
        start = time.perf_counter()
        for repository in configured:
            worker.admin("resume", repository=repository)
        wait_until_done(worker)
        found[name] = time.perf_counter() - start
        ended = worker.admin("stats")["jobs"]
        if ended["succeeded"] != jobs:
            raise RuntimeError(f"{jobs} jobs were accepted, and this became of them: {ended}")
        worker.stop()
    return found


def contention(bench, shelf, place, jobs, workers, tags_per_push):
    """Workers with a state of their own on one remote, all on one artifact, beside one worker that has it to
    itself. Every job must have made a tag of its own."""
    found = {"jobs": jobs, "workers": workers, "tagsPerPush": tags_per_push}
    for name, count in (("alone", 1), ("together", workers)):
        path = shelf.copy(f"contention-{tags_per_push}-{name}")
        before = tags(path)
        running = [Worker(f"{place}-{name}-{number}", bench.programs, bench.processes,
                          {"one": settings(bench, "ssh", path, tagsPerPush=tags_per_push)},
                          backoffMilliseconds=20, attempts=1000).start() for number in range(count)]
        for worker in running:
            worker.admin("pause", repository="one")
            hand_over(worker, ["one"] * (jobs // count))
        start = time.perf_counter()
        for worker in running:
            worker.admin("resume", repository="one")
        for worker in running:
            wait_until_done(worker)
        found[name] = time.perf_counter() - start
        found[f"{name}, pushes"] = sum(worker.admin("stats")["pushes"]["total"] for worker in running)
        for worker in running:
            worker.stop()
        landed = tags(path) - before
        counters = {tag.rsplit("#", 1)[1] for tag in landed}
        if len(landed) != jobs or len(counters) != jobs:
            raise RuntimeError(f"{jobs} jobs made {len(landed)} tags with {len(counters)} counters")
    return found


def tags(path):
    return set(git("tag", "-l", where=path).split())
