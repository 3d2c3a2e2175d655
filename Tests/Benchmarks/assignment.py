"""One assignment until its tag is pushed: ours, the floor, and what people use today."""

import itertools
import os
import subprocess

import timing
from floor import HTTPSFloor, TagPack, push_through
from repositories import ARTIFACT, QUIET, VERSION
from timing import interleaved

START_UP = "stagekeeper --version"

BARE_SCRIPT = """set -e
git tag -a "$1" -m promote "$2"
git push -q origin "refs/tags/$1"
"""

# What a job has to do so that the number is right: look what there is, count, make, push.
HONEST_SCRIPT = """set -e
git fetch -q --tags origin
last=$(git tag -l "$1#*" | sed 's/.*#//' | sort -n | tail -n 1)
tag="$1#prod#$((${last:-0} + 1))"
git tag -a "$tag" -m promote "$2"
git push -q origin "refs/tags/$tag"
"""


class Assignments:
    """The contenders at one number of tags, each with a repository of its own."""

    def __init__(self, bench, count):
        self.bench, self.count, self.shelf = bench, count, bench.shelf(count)
        self.numbers = itertools.count(1)
        self.log = f"{self.shelf.place}/log"
        self.contenders = {}

    def tag(self):
        return f"{ARTIFACT}#prod#{next(self.numbers)}"

    def add_floors(self):
        ssh, commit = self.bench.ssh, self.shelf.commit
        over_ssh, on_path = self.shelf.copy("floor-ssh"), self.shelf.copy("floor-path")
        command = [*ssh.client(shared=True), *ssh.destination(), f"git-receive-pack '{over_ssh}'"]
        self.contenders["floor, ssh"] = lambda _: push_through(command, TagPack([self.tag()], commit))
        self.contenders["floor, path"] = lambda _: push_through(
            ["git-receive-pack", on_path], TagPack([self.tag()], commit))
        if self.bench.https:
            https, path = self.bench.https, self.shelf.copy("floor-https")
            client = HTTPSFloor(https.port, https.ca_file, https.username, https.token)

            def push(_):
                client.warm_up(path)
                return client.push(path, TagPack([self.tag()], commit))

            self.contenders["floor, https"] = push

    def add_ours(self, worker):
        start = [f"{self.bench.programs}/stagekeeper", "--version"]
        self.contenders[START_UP] = lambda _: timing.run(start, QUIET, self.log)
        for transport in self.bench.transports:
            command = [f"{self.bench.programs}/stagekeeper", "--socket", worker.socket, "--repo",
                       repository_id(transport, self.count), "assign", ARTIFACT, "--version", VERSION,
                       "--stage", "prod", "--force"]
            self.contenders[f"stagekeeper, {transport}"] = lambda _, command=command: timing.run(
                command, QUIET, self.log)

    def add_scripts(self):
        for name, script, shared in (
            ("script", BARE_SCRIPT, False), ("script, shared", BARE_SCRIPT, True),
            ("script that counts", HONEST_SCRIPT, False), ("script that counts, shared", HONEST_SCRIPT, True),
        ):
            clone, environment = self.clone(name.replace(", ", "-").replace(" ", "-"), shared)

            def run(_, script=script, clone=clone, environment=environment):
                first = self.tag() if script is BARE_SCRIPT else ARTIFACT
                return timing.run(["/bin/sh", "-c", script, "sh", first, self.shelf.commit], environment,
                                  self.log, clone)

            self.contenders[name] = run

    def add_gto(self, program):
        clone, environment = self.clone("gto", shared=False)
        environment = {**environment, "PATH": f"{self.bench.ssh.program_directory()}:{os.environ['PATH']}"}
        command = [program, "assign", ARTIFACT, "--version", VERSION, "--stage", "prod", "--force", "--push"]
        self.contenders["gto assign --push"] = lambda _: timing.run(command, environment, self.log, clone)

    def clone(self, name, shared):
        ssh = self.bench.ssh
        command = " ".join(ssh.client(shared))
        path = self.shelf.clone(f"clone-{name}", ssh.url(self.shelf.copy(name)), command)
        return path, {**QUIET, "GIT_SSH_COMMAND": command}

    def measure(self, rounds, gto_rounds):
        before = timing.load()
        series = interleaved(self.contenders, rounds, {"gto assign --push": gto_rounds})
        return {"tags": self.count, "load": [before, timing.load()],
                "series": {name: one.summary() for name, one in series.items()},
                "ratios": ratios(series)}


def ratios(series):
    """Ours over each floor, and everything else over ours, over ssh."""
    found = {}
    for transport in ("ssh", "path", "https"):
        ours, floor = series.get(f"stagekeeper, {transport}"), series.get(f"floor, {transport}")
        if ours and floor:
            found[f"ours/floor, {transport}"] = ours.ratio_to(floor)
            found[f"ours without its start-up/floor, {transport}"] = ours.minus(series[START_UP]).ratio_to(floor)
    for name, other in series.items():
        if name.startswith(("script", "gto")) and other.samples:
            found[f"{name}/ours"] = other.ratio_to(series["stagekeeper, ssh"])
    return found


def repository_id(transport, count):
    return f"{transport}-{count}"


def settings(bench, transport, path, **more):
    """A repository of the worker's configuration."""
    if transport == "ssh":
        return {"url": bench.ssh.url(path), **more,
                "ssh": {"keyFile": bench.ssh.key, "knownHostsFile": bench.ssh.known_hosts}}
    if transport == "https":
        https = bench.https
        return {"url": https.url(path), **more, "https": {
            "username": https.username, "tokenFile": https.token_file, "caFile": https.ca_file}}
    return {"url": path, **more}


def clone_seconds(bench, path, target):
    """What `git clone --bare` of the same repository takes."""
    environment = {**QUIET, "GIT_SSH_COMMAND": " ".join(bench.ssh.client(shared=False))}
    seconds = timing.run(["git", "clone", "-q", "--bare", bench.ssh.url(path), target], environment,
                         f"{os.path.dirname(target)}/log")
    subprocess.run(["rm", "-rf", target], check=True)
    return seconds
