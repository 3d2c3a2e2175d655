"""Bursts of jobs, and what an acknowledgement costs beside the disk and other queues."""

import os
import selectors
import socket
import statistics
import struct
import subprocess
import time

from floor import TagPack, push_through
from repositories import ARTIFACT, QUIET, VERSION
from servers import find, wait_for
from timing import Series, interleaved
from worker import Worker, frame

RECORD = b"x" * 299 + b"\n"


def clients_at_once(bench, worker, repository, clients):
    """Seconds until as many `stagekeeper assign` processes, started together, have all succeeded."""
    command = [f"{bench.programs}/stagekeeper", "--socket", worker.socket, "--repo", repository, "assign", ARTIFACT,
               "--version", VERSION, "--stage", "prod", "--force", "--json"]
    start = time.perf_counter()
    running = [subprocess.Popen(command, env=QUIET, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
               for _ in range(clients)]
    failures = [process.stderr.read() for process in running if process.wait()]
    seconds = time.perf_counter() - start
    for process in running:
        process.stderr.close()
    if failures:
        raise RuntimeError(f"{len(failures)} of {clients} clients failed: {failures[0]!r}")
    return seconds


def burst(bench, shelf, worker, repository, clients=64, tags_per_push=3, rounds=5):
    """64 clients on one artifact beside as many pushes as they need, made one after the other at the floor."""
    pushes = -(-clients // tags_per_push)
    path, ssh = shelf.copy("floor-burst"), bench.ssh
    command = [*ssh.client(shared=True), *ssh.destination(), f"git-receive-pack '{path}'"]
    numbers = iter(range(1, 1 << 30))

    def at_the_floor(_):
        packs = [TagPack([f"{ARTIFACT}#prod#{next(numbers)}" for _ in range(tags_per_push)], shelf.commit)
                 for _ in range(pushes)]
        return sum(push_through(command, pack) for pack in packs)

    series = interleaved({"ours": lambda _: clients_at_once(bench, worker, repository, clients),
                          "floor": at_the_floor}, rounds)
    return {"clients": clients, "tagsPerPush": tags_per_push, "pushesAtTheFloor": pushes,
            "ours": series["ours"].summary(), "floor": series["floor"].summary(),
            "ratio": series["ours"].ratio_to(series["floor"])}


def many_jobs(worker, repository, jobs=1000, rounds=3):
    """Jobs handed over without waiting, until the last one is pushed."""
    rates = [jobs / seconds_of_jobs(worker, repository, jobs) for _ in range(rounds)]
    return {"jobs": jobs, "tagsPerSecond": statistics.median(rates), "best": max(rates)}


def seconds_of_jobs(worker, repository, jobs):
    start = time.perf_counter()
    hand_over(worker, [repository] * jobs)
    wait_until_done(worker)
    return time.perf_counter() - start


def hand_over(worker, repositories):
    """A job for each, over twenty connections; returns when all are accepted."""
    connections = [worker.connect() for _ in range(20)]
    for number, repository in enumerate(repositories):
        connections[number % 20].send("assign", assignment(repository))
    for number in range(len(repositories)):
        connections[number % 20].receive()
    for connection in connections:
        connection.close()


def wait_until_done(worker):
    wait_for("all jobs have ended", lambda: not worker.admin("queue", limit=1)["jobs"], 600)


def assignment(repository):
    return {"repository": repository, "artifact": ARTIFACT, "version": VERSION, "stage": "prod", "force": True,
            "wait": False}


class Disk:
    """append and fdatasync, alone in a directory: what one durable record costs there."""

    def __init__(self, place):
        self.descriptor = os.open(f"{place}/disk", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def latencies(self, count):
        found = []
        for _ in range(count):
            start = time.perf_counter()
            os.write(self.descriptor, RECORD)
            os.fdatasync(self.descriptor)
            found.append(time.perf_counter() - start)
        return found


class Put:
    """One durable put, sent again and again over some connections, each with one at a time in flight."""

    def __init__(self, path, request, length_of_reply):
        self.path, self.request, self.length_of_reply = path, request, length_of_reply

    def latencies(self, connections, count):
        """Seconds of each put, and of all together."""
        selector, found, sent = selectors.DefaultSelector(), [], 0
        sockets = [self.open() for _ in range(connections)]
        started = {}
        begin = time.perf_counter()
        for one in sockets:
            selector.register(one, selectors.EVENT_READ, bytearray())
            started[one] = time.perf_counter()
            one.sendall(self.request)
            sent += 1
        while len(found) < count:
            for key, _ in selector.select():
                one, data = key.fileobj, key.data
                data += one.recv(65536)
                if not self.length_of_reply(data):
                    continue
                del data[:]
                found.append(time.perf_counter() - started[one])
                if sent < count:
                    started[one] = time.perf_counter()
                    one.sendall(self.request)
                    sent += 1
        seconds = time.perf_counter() - begin
        for one in sockets:
            one.close()
        return found, seconds

    def open(self):
        one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        one.connect(self.path)
        return one


def is_our_reply(data):
    if len(data) < 4 or len(data) < 4 + struct.unpack(">I", data[:4])[0]:
        return False
    if b'"result"' not in data:
        raise RuntimeError(f"not acknowledged: {bytes(data)!r}")
    return True


def is_line(data):
    if not data.endswith(b"\n"):
        return False
    if not data.startswith((b"INSERTED", b":")):
        raise RuntimeError(f"not acknowledged: {bytes(data)!r}")
    return True


def start_peers(place, processes):
    """beanstalkd and redis, set so that an answer means that the record is on the disk."""
    os.makedirs(f"{place}/beanstalkd")
    os.makedirs(f"{place}/redis")
    processes.start([find("beanstalkd"), "-f0", "-b", f"{place}/beanstalkd", "-l", f"unix:{place}/b.sock"],
                    f"{place}/beanstalkd.log")
    processes.start([find("redis-server"), "--port", "0", "--unixsocket", f"{place}/r.sock", "--dir", f"{place}/redis",
                     "--appendonly", "yes", "--appendfsync", "always", "--save", ""], f"{place}/redis.log")
    wait_for("beanstalkd and redis listen", lambda: all(map(os.path.exists, (f"{place}/b.sock", f"{place}/r.sock"))))
    put = b"put 1 0 60 %d\r\n%s\r\n" % (len(RECORD), RECORD)
    push = b"*3\r\n$5\r\nRPUSH\r\n$1\r\nq\r\n$%d\r\n%s\r\n" % (len(RECORD), RECORD)
    return {"beanstalkd -f0": Put(f"{place}/b.sock", put, is_line),
            "redis appendfsync always": Put(f"{place}/r.sock", push, is_line)}


def acknowledgements(bench, place, count, rounds=5, with_peers=False):
    """Durable acknowledgements at 1 and 32 connections, with the disk's own append between them."""
    repositories = {"paused": {"url": f"{place}/nowhere.git"}}
    worker = Worker(place, bench.programs, bench.processes, repositories, jobsPerTenant=10_000_000).start()
    worker.admin("pause", repository="paused")
    request = frame({"id": 1, "method": "assign", "params": assignment("paused")})
    queues = {"stagekeeper": Put(worker.socket, request, is_our_reply)}
    if with_peers:
        queues.update(start_peers(place, bench.processes))
    disk = Disk(place)
    series = {}
    for number in range(-1, rounds):
        keep(series, number, "disk", 1, disk.latencies(count), None)
        for name, queue in queues.items():
            # As many for each connection would be few in all: most of their time would be the beginning.
            for connections, puts in ((1, count), (32, 4 * count)):
                latencies, seconds = queue.latencies(connections, puts)
                keep(series, number, name, connections, latencies, puts / seconds)
    worker.stop()
    return summary(series)


def keep(series, number, name, connections, latencies, rate):
    if number < 0:
        return
    latency, rates = series.setdefault((name, connections), (Series(name), Series(name)))
    latency.samples[number] = statistics.median(latencies)
    rates.samples[number] = rate or 1 / statistics.mean(latencies)


def summary(series):
    disk = series["disk", 1][0]
    rows = [{"queue": name, "connections": connections, "p50": latency.summary(), "rate": rate.summary(),
             "p50/disk": latency.ratio_to(disk)} for (name, connections), (latency, rate) in series.items()]
    ratios = {"acknowledgement/disk": series["stagekeeper", 1][0].ratio_to(disk),
              "32 connections/1, rate": series["stagekeeper", 32][1].ratio_to(series["stagekeeper", 1][1])}
    if ("beanstalkd -f0", 32) in series:
        ratios["ours/beanstalkd, rate at 32"] = series["stagekeeper", 32][1].ratio_to(series["beanstalkd -f0", 32][1])
    return {"rows": rows, "ratios": ratios}
