"""Taking times so that they can be compared on a machine that does other things as well."""

import os
import statistics
import time


def run(command, environment, log, directory=None):
    """Seconds from a program's start to its exit; raises unless it ends well. The log has what it says."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    actions = [(os.POSIX_SPAWN_DUP2, descriptor, 1), (os.POSIX_SPAWN_DUP2, descriptor, 2)]
    here = os.getcwd()
    try:
        if directory:
            os.chdir(directory)
        start = time.perf_counter()
        pid = os.posix_spawnp(command[0], command, environment, file_actions=actions)
        _, status = os.waitpid(pid, 0)
        seconds = time.perf_counter() - start
    finally:
        os.chdir(here)
        os.close(descriptor)
    if status:
        raise RuntimeError(f"{' '.join(command)} ended with {status}, see {log}: {tail(log)}")
    return seconds


def tail(path):
    with open(path, "rb") as file:
        return file.read()[-500:].decode(errors="replace")


class Series:
    """The seconds that one contender took, round by round."""

    def __init__(self, name):
        self.name, self.samples = name, {}

    def values(self):
        return list(self.samples.values())

    def summary(self):
        values = sorted(self.values())
        quartiles = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
        return {"median": statistics.median(values), "low": quartiles[0], "high": quartiles[2],
                "best": values[0], "count": len(values)}

    def minus(self, other):
        """Round by round."""
        rest = Series(f"{self.name} without {other.name}")
        rest.samples = {n: self.samples[n] - other.samples[n] for n in self.samples.keys() & other.samples.keys()}
        return rest

    def ratio_to(self, other):
        """The median over the rounds that both took part in: what slows a whole round cancels out."""
        common = self.samples.keys() & other.samples.keys()
        return statistics.median(self.samples[n] / other.samples[n] for n in common) if common else None


def interleaved(contenders, rounds, limits=None, warm_up=1):
    """Runs each contender once a round, in an order that turns from round to round.

    `contenders` maps names to functions that take the round's number and return seconds; `limits` bounds the
    rounds of those that take long. Warm-up rounds are not counted (and left out by what has a limit)."""
    limits = limits or {}
    series = {name: Series(name) for name in contenders}
    names = list(contenders)
    for number in range(-warm_up, rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            if name in limits and not 0 <= number < limits[name]:
                continue
            seconds = contenders[name](number)
            if number >= 0:
                series[name].samples[number] = seconds
    return series


def load():
    return round(os.getloadavg()[0], 1)
