"""Runs the real GTO for the differential tests: one JSON request a line in, one JSON answer a line out.

Tag and commit records come out in the form of TagRecord and CommitRecord, read with plain git, so that
what GTO sees and what the tested code sees are two readings of one repository.
"""

import copy
import json
import os
import subprocess
import sys

import gto.api
import gto.constants
import gto.registry
import gto.tag
from gto.utils import make_ready_to_serialize
from gto.versions import SemVer
from pygit2 import Signature
from scmrepo.git.backend.pygit2 import Pygit2Backend

ENVIRONMENT = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_COMMITTER_NAME": "GTO",
    "GIT_COMMITTER_EMAIL": "gto@example.com",
}
os.environ.update(ENVIRONMENT)

# GTO derives the whole state again for every question, and several times for every write. Until a tag is
# made it stays the same; writes get a copy because they change what they get.
_get_state = gto.registry.GitRegistry.get_state
_create_tag = gto.tag.create_tag
_delete_tag = gto.registry.delete_tag
_cache = {}
_writing = False
_deleted = []


def _cached_state(self, *args, **kwargs):
    if "state" not in _cache:
        _cache["state"] = _get_state(self, *args, **kwargs)
    return copy.deepcopy(_cache["state"]) if _writing else _cache["state"]


def _create_tag_and_forget(*args, **kwargs):
    _cache.clear()
    return _create_tag(*args, **kwargs)


def _delete_tag_and_forget(scm, name):
    _cache.clear()
    _deleted.append(name)
    return _delete_tag(scm, name)


gto.registry.GitRegistry.get_state = _cached_state
gto.registry.delete_tag = _delete_tag_and_forget
gto.tag.create_tag = _create_tag_and_forget


def git(directory, *arguments, data=None):
    return subprocess.run(
        ["git", "-C", directory, *arguments], input=data, check=True, env=ENVIRONMENT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ).stdout


def make(request):
    directory = request["dir"]
    os.makedirs(directory)
    git(directory, "init", "-q", "-b", "main")
    git(directory, "fast-import", "--quiet", "--force", data=request["stream"].encode())
    if request.get("config") is not None:
        with open(os.path.join(directory, ".gto"), "w", encoding="utf-8") as file:
            file.write(request["config"])
    for tag in request.get("raw", []):
        write_tag({"dir": directory, **tag})
    return None if request.get("raw") else records(request)


def write_tag(request):
    """Makes a tag of any content, also one that git itself would not make."""
    _cache.clear()
    object_id = git(
        request["dir"], "hash-object", "-t", "tag", "-w", "--stdin", "--literally", data=request["text"].encode()
    ).decode().strip()
    git(request["dir"], "update-ref", "refs/tags/" + request["ref"], object_id)


def signature(line):
    identity, seconds, zone = line.rsplit(" ", 2)
    name, email = identity.split("<", 1)
    minutes = int(zone[1:3]) * 60 + int(zone[3:5])
    return {
        "name": name.strip(), "email": email.rstrip(">"), "seconds": int(seconds),
        "zone": -minutes if zone[0] == "-" else minutes,
    }


def read_objects(directory, ids):
    data = git(directory, "cat-file", "--batch", data="".join(i + "\n" for i in ids).encode())
    objects, position = {}, 0
    for object_id in ids:
        end = data.index(b"\n", position)
        _, kind, size = data[position:end].decode().split(" ")
        body = data[end + 1 : end + 1 + int(size)].decode()
        position = end + 2 + int(size)
        head, _, message = body.partition("\n\n")
        headers = dict(reversed([line.split(" ", 1) for line in head.split("\n") if " " in line]))
        objects[object_id] = (kind, headers, message)
    return objects


def records(request, only=None):
    directory = request["dir"]
    patterns = ["refs/tags"] if only is None else ["refs/tags/" + name for name in only]
    listing = git(
        directory, "for-each-ref", "--format=%(refname) %(objectname) %(objecttype) %(*objectname)", *patterns
    ).decode()
    refs = [line.split(" ") for line in listing.splitlines()]
    tags = read_objects(directory, sorted({r[1] for r in refs if r[2] == "tag"}))
    commits = [] if only is not None else sorted({r[3] or r[1] for r in refs} | set(git(directory, "rev-list", "--all").decode().split()))
    result = []
    for name, object_id, kind, peeled in refs:
        record = {"ref": name[len("refs/tags/") :], "object": object_id}
        if kind == "tag":
            _, headers, message = tags[object_id]
            record["tag"] = {
                "name": headers["tag"], "commit": peeled, "tagger": signature(headers["tagger"]),
                "message": message,
            }
            if headers["type"] == "tag":
                record["tag"]["nested"] = True
        result.append(record)
    return {
        "tags": result,
        "commits": [
            {
                "commit": i, "author": signature(h["author"]), "committer": signature(h["committer"]),
                "message": m,
            }
            for i, (kind, h, m) in read_objects(directory, commits).items() if kind == "commit"
        ],
        "head": git(directory, "rev-parse", "HEAD").decode().strip(),
    }


def sort_of(request):
    return gto.constants.VersionSort(request.get("sort", "timestamp"))


def show(request):
    result = gto.api.show(
        request["dir"], name=request.get("name"), table=request.get("table", False),
        truncate_hexsha=request.get("table", False), registered_only=request.get("registeredOnly", False),
        deprecated=request.get("deprecated", False), assignments_per_version=request.get("av", -1),
        versions_per_stage=request.get("vs", 1), sort=sort_of(request),
    )
    return rows(result) if request.get("table") else result


def rows(result):
    table = [list(map(cell, row.values())) for row in result[0]]
    return {"columns": list(result[0][0].keys()) if result[0] else [], "rows": table}


def cell(value):
    return value if value is None else str(value)


def history(request):
    result = gto.api.history(
        request["dir"], request.get("name"), ascending=request.get("ascending", False),
        table=request.get("table", False), truncate_hexsha=request.get("table", False),
    )
    return rows(result) if request.get("table") else result


def check_ref(request):
    return [
        {**event.dict_state(exclude={"priority", "addition"}), "sentence": str(event)}
        for event in gto.api.check_ref(request["dir"], request["ref"])
    ]


def parse(request):
    def parsed(name):
        try:
            found = gto.tag.parse_name(name)
        except gto.exceptions.InvalidTagName:
            return None
        return {"counter" if k == "counter" else k: str(getattr(v, "value", v)) for k, v in found.items()}

    def accepted(name):
        return subprocess.run(["git", "check-ref-format", "refs/tags/" + name], check=False).returncode == 0

    return [[parsed(name), accepted(name)] for name in request["names"]]


def versions(request):
    order = sorted(
        range(len(request["versions"])), key=lambda i: SemVer(request["versions"][i])
    )
    return {
        "order": order,
        "bumped": [
            [SemVer(v).bump_major().version, SemVer(v).bump_minor().version, SemVer(v).bump_patch().version]
            for v in request["versions"]
        ],
    }


def write(request):
    global _writing  # pylint: disable=global-statement
    directory, arguments = request["dir"], request["arguments"]
    before = set(git(directory, "tag").split())
    Pygit2Backend._get_signature = lambda self, name: Signature("GTO", "gto@example.com", request["now"], 0)
    error = None
    _deleted.clear()
    _writing = True
    try:
        getattr(gto.api, request["action"])(directory, **arguments)
    except gto.exceptions.GTOException as exception:
        error = {"class": type(exception).__name__, "message": str(exception)}
    finally:
        _writing = False
    new = [tag.decode() for tag in git(directory, "tag").split() if tag not in before]
    if new and error:
        delete({"dir": directory, "refs": new})
        return {"error": error, "tags": [], "undone": new}
    return {"error": error, "deleted": list(_deleted), "tags": [t for t in records(request, new)["tags"]] if new else []}


def delete(request):
    _cache.clear()
    git(request["dir"], "tag", "-d", *request["refs"])


ACTIONS = {
    "delete": delete, "tag": write_tag,
    "make": make, "records": records, "show": show, "history": history, "check-ref": check_ref,
    "stages": lambda r: gto.api.get_stages(r["dir"], allowed=r.get("allowed", False), used=r.get("used", False)),
    "parse": parse, "versions": versions, "write": write,
}


def main():
    directory = None
    for line in sys.stdin:
        request = json.loads(line)
        if request.get("dir") != directory or request["op"] in ("make", "delete"):
            directory = request.get("dir")
            _cache.clear()
        try:
            answer = {"result": make_ready_to_serialize(ACTIONS[request["op"]](request))}
        except Exception as exception:  # pylint: disable=broad-except
            answer = {"failure": f"{type(exception).__name__}: {exception}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


main()
