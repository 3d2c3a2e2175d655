"""What a signature costs: tags that a lane makes a second with each kind of key, and the share of a warm push."""

import os
import shutil
import socket
import subprocess
import time

from assignment import settings
from floor import ZERO_ID
from repositories import ARTIFACT, QUIET, VERSION
from timing import Series, interleaved, run
from worker import Connection, Worker, frame

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../TagSigningTests/Fixtures")
KEYS = {"ssh, ed25519": ("ssh", "ed25519"), "ssh, ecdsa p256": ("ssh", "p256"), "ssh, ecdsa p384": ("ssh", "p384"),
        "ssh, ecdsa p521": ("ssh", "p521"), "ssh, rsa": ("ssh", "rsa"),
        "x509, rsa": ("x509", "rsa"), "x509, ecdsa p256": ("x509", "p256"), "x509, ecdsa p384": ("x509", "p384")}


def signing(place, kind):
    """The member `signing` of a repository, with a copy of a test key as the worker wants it."""
    format_, name = KEYS[kind]
    os.makedirs(place, exist_ok=True)
    key = shutil.copy(f"{FIXTURES}/keys/{name}" + (".pk8.pem" if format_ == "x509" else ""), f"{place}/{format_}-{name}")
    os.chmod(key, 0o600)
    found = {"format": format_, "keyFile": key}
    if format_ == "x509":
        found["certificateFile"] = shutil.copy(f"{FIXTURES}/x509/{name}.pem", f"{key}.pem")
    return found


class Lane(Connection):
    """A lane that is asked as the worker asks it."""

    def __init__(self, bench, place, repository, signing_settings):
        ours, its = socket.socketpair()
        # The lane finds its parent at descriptor 3.
        self.process = subprocess.Popen([f"{bench.programs}/stagekeeper-lane", "--parent", str(os.getpid())],
                                        preexec_fn=lambda: os.dup2(its.fileno(), 3), pass_fds=[3], env=QUIET)
        its.close()
        self.socket, self.stream, self.last = ours, ours.makefile("rb"), 0
        self.call("open", repository="one", url=repository, mirrorDirectory=place, taggerName="Benchmark",
                  taggerEmail="benchmark@example.com", operationSeconds=60, signing=signing_settings)

    def seconds_of_tags(self, count):
        tags = [{"name": f"{ARTIFACT}#prod#{number}", "target": ZERO_ID.replace("0", "1"),
                 "message": f"Assigning stage prod to artifact {ARTIFACT} version {VERSION}\n",
                 "seconds": int(time.time()) + number, "zone": 0} for number in range(1, count + 1)]
        start = time.perf_counter()
        made = self.call("prepare", tags=tags)["tags"]
        seconds = time.perf_counter() - start
        if len(made) != count:
            raise RuntimeError(f"{len(made)} of {count} tags were made")
        return seconds

    def close(self):
        super().close()
        self.process.wait(10)


def rates(bench, place, repository, count=100, rounds=9):
    """Signatures a second: what tags take beside the same tags without a signature."""
    lanes = {"unsigned": Lane(bench, f"{place}/lane-unsigned", repository, None)}
    for kind in KEYS:
        name = kind.replace(", ", "-").replace(" ", "-")
        lanes[kind] = Lane(bench, f"{place}/lane-{name}", repository, signing(f"{place}/keys", kind))
    series = interleaved({kind: lambda _, lane=lane: lane.seconds_of_tags(count) for kind, lane in lanes.items()}, rounds)
    for lane in lanes.values():
        lane.close()
    plain = series["unsigned"]
    found = []
    for kind, one in series.items():
        extra = Series(kind)
        extra.samples = {n: max(one.samples[n] - plain.samples[n], 1e-9) / count for n in one.samples}
        found.append({"kind": kind, "tag": one.summary()["median"] / count,
                      "signature": None if one is plain else extra.summary()["median"]})
    return found


def share(bench, shelf, place, rounds):
    """Warm assignments over ssh with and without a signature, in turns."""
    configured = {name: settings(bench, "ssh", shelf.copy(f"signing-{name}"),
                                 **({"signing": signing(f"{place}/keys", "ssh, ed25519")} if name == "signed" else {}))
                  for name in ("plain", "signed")}
    worker = Worker(f"{place}/worker", bench.programs, bench.processes, configured).start()

    def assign(name):
        command = [f"{bench.programs}/stagekeeper", "--socket", worker.socket, "--repo", name, "assign", ARTIFACT,
                   "--version", VERSION, "--stage", "prod", "--force"]
        return lambda _: run(command, QUIET, f"{place}/log")

    series = interleaved({name: assign(name) for name in configured}, rounds)
    worker.stop()
    return series["signed"].ratio_to(series["plain"])


def measure(bench, shelf, place, quick):
    os.makedirs(place)
    return {"rates": rates(bench, place, shelf.copy("signing-lanes"), 50 if quick else 100, 5 if quick else 15),
            "signed/unsigned": share(bench, shelf, place, 11 if quick else 41)}
