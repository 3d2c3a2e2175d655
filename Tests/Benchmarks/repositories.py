"""Repositories with a given number of tags, as a registry that has been in use leaves them."""

import os
import shutil
import subprocess

COMMITS = 200
TAGS_PER_ARTIFACT = 50
STAGES = ("dev", "staging", "prod")
START = 1_600_000_000
ARTIFACT = "churn"
VERSION = "v1.0.0"

QUIET = {
    **os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Benchmark", "GIT_AUTHOR_EMAIL": "benchmark@example.com",
    "GIT_COMMITTER_NAME": "Benchmark", "GIT_COMMITTER_EMAIL": "benchmark@example.com",
}


def git(*arguments, where=None, **options):
    result = subprocess.run(["git", *arguments], cwd=where, env=QUIET, check=True, capture_output=True, **options)
    return result.stdout.decode().strip()


def tag_names(count):
    """`count` tags in the order of their events: artifacts of 50 tags, 15 of them versions.

    Yields the name and the number of the commit. A version has a commit of its own, since GTO cannot read two
    versions of one artifact on one commit."""
    for number in range(count):
        artifact, step = divmod(number, TAGS_PER_ARTIFACT)
        name = f"model-{artifact:05}"
        version = step // 10 * 3 + min(step % 10 // 3, 2)
        if step % 10 in (0, 3, 6):
            yield f"{name}@v0.{version}.0", (artifact + version) % COMMITS
        else:
            yield f"{name}#{STAGES[step % 3]}#{step + 1}", (artifact + version) % COMMITS


def import_stream(count):
    """git-fast-import(1)'s input: a line of commits, the tags, and one version to assign on the tip."""
    who = "Benchmark <benchmark@example.com>"
    for commit in range(COMMITS):
        text = f"metrics {commit}\n"
        yield (f"commit refs/heads/main\nmark :{commit + 1}\ncommitter {who} {START + commit} +0000\n"
               f"data 6\ntrain\nM 644 inline metrics.txt\ndata {len(text)}\n{text}\n")
    for number, (name, commit) in enumerate(tag_names(count)):
        yield (f"tag {name}\nfrom :{commit + 1}\ntagger {who} {START + 1000 + number} +0000\n"
               f"data 8\npromote\n\n")
    yield f"tag {ARTIFACT}@{VERSION}\nfrom :{COMMITS}\ntagger {who} {START + 1000 + count} +0000\ndata 8\nversion\n\n"


def make(path, count):
    """A bare repository with `count` tags and one version more, everything packed."""
    git("init", "-q", "--bare", "-b", "main", path)
    for setting in ("gc.auto", "receive.autogc"):
        git("config", setting, "0", where=path)
    git("config", "transfer.fsckObjects", "true", where=path)
    git("fast-import", "--quiet", where=path, input="".join(import_stream(count)).encode())
    git("pack-refs", "--all", where=path)
    git("repack", "-a", "-d", "-q", where=path)
    return git("rev-parse", "main", where=path)


class Shelf:
    """Copies of one repository: each contender has its own, so that none sees another's tags."""

    def __init__(self, place, count):
        self.place, self.base = place, os.path.join(place, "base.git")
        os.makedirs(place)
        self.commit = make(self.base, count)

    def copy(self, name):
        path = os.path.join(self.place, name + ".git")
        shutil.copytree(self.base, path)
        return path

    def clone(self, name, url, ssh_command):
        """A job's clone, as `git clone` makes it."""
        path = os.path.join(self.place, name)
        environment = {**QUIET, "GIT_SSH_COMMAND": ssh_command}
        subprocess.run(["git", "clone", "-q", url, path], env=environment, check=True, capture_output=True)
        git("config", "gc.auto", "0", where=path)
        git("config", "user.name", "Script", where=path)
        git("config", "user.email", "script@example.com", where=path)
        return path
