#!/usr/bin/env python3
"""Measures a release build of Stagekeeper against the Git server's own floor and against what people use.

Started by run.sh, which builds. Ends with status 1 where --limits names a ratio that is clearly worse.
"""

import argparse
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import growth
import others
import processor
import queueing
import report
import signing
import timing
from assignment import Assignments, repository_id, settings
from repositories import Shelf
from servers import HTTPSServer, Processes, SSHServer
from worker import Worker, memory


class Bench:
    """What all measurements share: the programs, the servers, and a place that is removed at the end."""

    def __init__(self, programs, place, https):
        self.programs, self.place = programs, place
        self.processes = Processes()
        self.ssh = SSHServer(f"{place}/ssh", self.processes)
        self.ssh.start_master()
        self.https = HTTPSServer(f"{place}/https", self.processes) if https else None
        self.transports = ["ssh", "path"] + (["https"] if https else [])
        self.shelves = {}

    def shelf(self, count):
        if count not in self.shelves:
            self.shelves[count] = Shelf(f"{self.place}/tags-{count}", count)
        return self.shelves[count]

    def say(self, text):
        print(f"{time.strftime('%H:%M:%S')} {text} (load {timing.load()})", file=sys.stderr, flush=True)


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", required=True, help="directory of the release build")
    parser.add_argument("--output", required=True, help="directory for results.json, results.md, results.svg")
    parser.add_argument("--quick", action="store_true", help="a small version, in one to two minutes")
    parser.add_argument("--large", action="store_true", help="also at 100,000 tags")
    parser.add_argument("--peers", action="store_true", help="beside beanstalkd and redis as well")
    parser.add_argument("--no-https", action="store_true", help="without nginx")
    parser.add_argument("--tags", help="numbers of tags, such as 0,1000")
    parser.add_argument("--rounds", type=int, help="rounds at each number of tags")
    parser.add_argument("--only", help="of assignments,bursts,queue,reads,start-up,memory,contact,histories,contention,"
                        "processor,signing")
    parser.add_argument("--gto", default=os.environ.get("STAGEKEEPER_TEST_GTO"), help="the gto program")
    parser.add_argument("--limits", help="file of ratios that must not be exceeded")
    return parser.parse_args()


def tag_counts(arguments):
    if arguments.tags:
        return [int(word) for word in arguments.tags.split(",")]
    return [0, 1000] if arguments.quick else [0, 1000, 10_000] + ([100_000] if arguments.large else [])


def rounds_at(arguments, count):
    return arguments.rounds or (9 if arguments.quick else 21 if count < 100_000 else 7)


def gto_rounds(arguments, count):
    """GTO takes minutes where there are many tags."""
    return 0 if arguments.quick or count > 10_000 else 1 if count == 10_000 else 3


def measure_at(bench, arguments, wanted, count, results):
    """What depends on the number of tags."""
    bench.say(f"{count} tags: making the repositories")
    assignments = Assignments(bench, count)
    configured = {repository_id(transport, count): settings(bench, transport, assignments.shelf.copy(f"ours-{transport}"))
                  for transport in bench.transports}
    worker = Worker(f"{bench.place}/worker-{count}", bench.programs, bench.processes, configured).start()
    if "assignments" in wanted:
        bench.say(f"{count} tags: assignments")
        assignments.add_floors()
        assignments.add_ours(worker)
        assignments.add_scripts()
        if arguments.gto and gto_rounds(arguments, count):
            assignments.add_gto(arguments.gto)
        results["assignments"].append(
            assignments.measure(rounds_at(arguments, count), gto_rounds(arguments, count)))
        results["stages"].append({"tags": count, **stages_of_last_job(worker)})
    if "reads" in wanted:
        bench.say(f"{count} tags: reads")
        results["reads"].append(others.reads(worker, count, 50 if arguments.quick else 200))
    if "memory" in wanted:
        results["memory"].append({"tags": count, "worker": memory(worker.process.pid), **lanes(worker)})
    worker.stop()
    if "contact" in wanted:
        bench.say(f"{count} tags: first contact")
        results["contact"].append(others.first_contact(
            bench, assignments.shelf, bench.place + "/contact", count, 2 if arguments.quick else 5))


def lanes(worker):
    """The memory of the lanes that run now, by repository."""
    found = {entry["repository"].split("-")[0]: memory(entry["lanePid"])
             for entry in worker.admin("repositories")["repositories"] if entry.get("lanePid")}
    return {"lanes": found}


def stages_of_last_job(worker):
    """When the last job over ssh reached which state, as the worker's journal has it."""
    jobs = worker.admin("queue", state="succeeded", limit=1000)["jobs"]
    last = max((int(job["job"]) for job in jobs if job["repository"].startswith("ssh")), default=None)
    return worker.admin("job", job=str(last)) if last else {}


def measure_bursts(bench, arguments, results):
    count = 1000
    shelf, place = bench.shelf(count), f"{bench.place}/bursts"
    configured = {"three": settings(bench, "ssh", shelf.copy("burst-three"), tagsPerPush=3),
                  "hundred": settings(bench, "ssh", shelf.copy("burst-hundred"), tagsPerPush=100)}
    worker = Worker(place, bench.programs, bench.processes, configured).start()
    bench.say("bursts")
    found = {"tags": count, "load": timing.load()}
    found["clients"] = queueing.burst(bench, shelf, worker, "three", rounds=2 if arguments.quick else 5)
    found["jobs"] = queueing.many_jobs(worker, "hundred", 200 if arguments.quick else 1000,
                                       rounds=1 if arguments.quick else 3)
    worker.stop()
    bench.say("bursts over many repositories")
    found["spread"] = growth.spread_burst(bench, shelf, f"{bench.place}/spread", *((100, 10) if arguments.quick
                                                                                   else (1000, 50)))
    results["bursts"] = found


def measure_contention(bench, arguments, results):
    bench.say("several workers on one remote")
    jobs = 120 if arguments.quick else 1000
    results["contention"] = [growth.contention(bench, bench.shelf(1000), f"{bench.place}/contention-{tags}", jobs, 4,
                                               tags) for tags in ((20,) if arguments.quick else (3, 100))]


def measure_all(bench, arguments, wanted, results):
    if "start-up" in wanted:
        bench.say("start-up")
        results["startUp"] = others.start_up(bench, bench.place, 15 if arguments.quick else 51)
    for count in tag_counts(arguments):
        measure_at(bench, arguments, wanted, count, results)
    if "bursts" in wanted:
        measure_bursts(bench, arguments, results)
    if "signing" in wanted:
        bench.say("signatures")
        results["signing"] = signing.measure(bench, bench.shelf(1000), f"{bench.place}/signing", arguments.quick)
    if "processor" in wanted and not arguments.quick:
        bench.say("processor time")
        results["processor"] = processor.measure(bench, bench.shelf(1000), f"{bench.place}/processor", 300)
    if "contention" in wanted:
        measure_contention(bench, arguments, results)
    if "histories" in wanted:
        bench.say("histories")
        results["histories"] = growth.histories(
            bench, f"{bench.place}/histories", 1024 if arguments.large else 32 if arguments.quick else 256,
            0 if arguments.quick else 20_000, 2 if arguments.quick else 3)
    if "queue" in wanted:
        bench.say("acknowledgements")
        results["queue"] = queueing.acknowledgements(
            bench, f"{bench.place}/queue", 300 if arguments.quick else 2000, 3 if arguments.quick else 7,
            arguments.peers)
    if "memory" in wanted:
        bench.say("idle memory")
        results["idle"] = others.idle_memory(bench, f"{bench.place}/idle")


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.machine(), "cores": os.cpu_count(),
        "memoryMiB": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "kernel": platform.release(), "temporaryDirectory": file_system(tempfile.gettempdir()),
        "git": subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.split()[2],
        "ssh": subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True).stderr.split(",")[0],
    }


def file_system(path):
    return subprocess.run(["stat", "-f", "-c", "%T", path], capture_output=True, text=True, check=True).stdout.strip()


def main():
    arguments = options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    everything = {"assignments", "bursts", "queue", "reads", "start-up", "memory", "contact", "histories",
                  "contention", "processor", "signing"}
    wanted = set(arguments.only.split(",")) if arguments.only else everything
    if wanted - everything:
        raise SystemExit(f"--only: there is no {', '.join(wanted - everything)}")
    results = {"format": 1, "machine": machine(), "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
               "loadBefore": timing.load(), "assignments": [], "stages": [], "reads": [], "memory": [], "contact": []}
    place = tempfile.mkdtemp(prefix="stagekeeper-bench.")
    bench = None
    try:
        bench = Bench(os.path.abspath(arguments.programs), place, not arguments.no_https)
        measure_all(bench, arguments, wanted, results)
    finally:
        if bench:
            bench.processes.stop_all()
        if os.environ.get("STAGEKEEPER_BENCHMARK_KEEP"):
            print(f"kept {place}", file=sys.stderr)
        else:
            shutil.rmtree(place, ignore_errors=True)
        # Also what was measured before something failed.
        results["loadAfter"] = timing.load()
        results["ratios"] = report.ratios(results)
        report.write(results, arguments.output)
    return report.compare(results["ratios"], arguments.limits) if arguments.limits else 0


if __name__ == "__main__":
    sys.exit(main())
