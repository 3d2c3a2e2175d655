#!/usr/bin/env python3
"""Runs the vectors of this folder against a worker. README.md says how, and what the cases mean."""
import argparse, glob, json, os, re, socket, struct, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
TIMEOUT = 20
TYPES = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict, "null": type(None)}


# --- Reading cases: what a runner in another language has to do ---------------------------------------

def resolve(value, saved):
    """The value with {"$saved": name} replaced."""
    if isinstance(value, dict):
        return saved[value["$saved"]] if "$saved" in value else {k: resolve(v, saved) for k, v in value.items()}
    return [resolve(v, saved) for v in value] if isinstance(value, list) else value


def matches(want, got, saved):
    if isinstance(want, dict):
        if "$saved" in want: return got == saved[want["$saved"]]
        if "$type" in want: return type(got) is TYPES[want["$type"]]
        if "$pattern" in want: return isinstance(got, str) and re.search(want["$pattern"], got) is not None
        if "$oneOf" in want: return any(matches(each, got, saved) for each in want["$oneOf"])
        if "$contains" in want: return isinstance(got, list) and any(matches(want["$contains"], e, saved) for e in got)
        if "$save" in want:
            if not matches(want["$as"], got, saved): return False
            saved[want["$save"]] = got
            return True
        return isinstance(got, dict) and all(
            k not in got if isinstance(v, dict) and "$absent" in v else k in got and matches(v, got[k], saved)
            for k, v in want.items())
    if isinstance(want, list):
        return isinstance(got, list) and len(got) == len(want) and all(
            matches(w, g, saved) for w, g in zip(want, got))
    return type(got) is type(want) and got == want


def encode(part, saved):
    if "raw" in part: return bytes.fromhex(part["raw"])
    if "hex" in part: body = bytes.fromhex(part["hex"])
    elif "text" in part: body = part["text"].encode().ljust(part.get("padTo", 0))
    else: body = json.dumps(resolve(part["json"], saved)).encode()
    return struct.pack(">I", len(body)) + body


def expect(condition, message, got):
    if not condition: raise AssertionError(f"{message}; got {json.dumps(got)[:2000]}")


def run_step(step, connection, saved):
    if "send" in step:
        data = b"".join(encode(part, saved) for part in step["send"])
        for piece in ([bytes([b]) for b in data] if step.get("byteByByte") else [data]): connection.send(piece)
    elif "finishSending" in step: connection.finish_sending()
    elif "closed" in step: expect((got := connection.read_frame()) is None, "expected the end", got)
    elif "reply" in step: expect(matches(step["reply"], got := connection.read_frame(), saved), "another reply", got)
    elif "final" in step:
        while "event" in ((got := connection.read_frame()) or {}):
            expect(got["id"] == step["final"]["id"], "an event of another request", got)
        expect(matches(step["final"], got, saved), "another end", got)
    elif "replies" in step:
        left = list(step["replies"])
        while left:
            got = connection.read_frame()
            found = next((want for want in left if matches(want, got, saved)), None)
            expect(found is not None, f"no match among {json.dumps(left)}", got)
            left.remove(found)
    else: raise AssertionError(f"unknown step {step}")


class Connection:
    """A connection to a worker; every read has a deadline."""

    def __init__(self, path, check):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(path)
        self.check = check

    def send(self, data):
        try: self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError): pass  # A worker may close as soon as it has seen enough.

    def finish_sending(self):
        try: self.socket.shutdown(socket.SHUT_WR)
        except OSError: pass

    def read_frame(self):
        """The next body as a value; None at the end of the connection."""
        header = self.read(4)
        if header is None: return None
        value = json.loads(self.read(struct.unpack(">I", header)[0]).decode("utf-8"))
        self.check(value)
        return value

    def read(self, count):
        data = b""
        while len(data) < count:
            try: more = self.socket.recv(count - len(data))
            except ConnectionResetError: more = b""
            if not more:
                expect(not data, "the connection ended inside a frame", data.hex())
                return None
            data += more
        return data


# --- The schema, where the package jsonschema is there -------------------------------------------------

class Schemas:
    def __init__(self):
        try:
            import jsonschema, referencing
        except ImportError:
            self.registry = None
            return
        self.jsonschema = jsonschema
        documents = [json.load(open(path)) for path in glob.glob(os.path.join(HERE, "../schema/*.json"))]
        self.base = documents[0]["$id"].rsplit("/", 1)[0]
        self.registry = referencing.Registry().with_resources(
            [(d["$id"], referencing.Resource.from_contents(d)) for d in documents])

    def check(self, reference, value):
        if self.registry is None: return
        validator = self.jsonschema.Draft202012Validator(
            {"$ref": f"{self.base}/{reference}"}, registry=self.registry)
        errors = [f"{e.json_path}: {e.message[:300]}" for e in validator.iter_errors(value)]
        expect(not errors, f"the schema {reference} says: {errors}", value)

    def watch(self, case, saved):
        """Checks each reply; and by the method that the case asked for under its id each result, and its request."""
        kind = case.get("socket", "client")
        requests = [p["json"] for s in case["steps"] for p in s.get("send", []) if isinstance(p.get("json"), dict)]
        methods = {r.get("id"): r.get("method") for r in requests}

        def check(reply):
            self.check("reply.json", reply)
            mine = [r for r in requests if r.get("id") == reply.get("id")]
            if "result" in reply and len(mine) == 1:
                self.check(f"{kind}-results.json#/$defs/{methods[reply['id']]}", reply["result"])
                request = resolve(mine[0], saved)
                # A parameter that is null counts as left out.
                params = {k: v for k, v in (request.get("params") or {}).items() if v is not None}
                self.check(f"{kind}-request.json", {**request, "params": params} if "params" in request else request)
        return check


# --- A worker of our own ---------------------------------------------------------------------------------

def git(directory, *arguments, date="2025-12-31T00:00:00Z"):
    name = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "Fixture"), ("EMAIL", "fixture@example.com"), ("DATE", date))}
    environment = {**os.environ, **name, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    subprocess.run(["git", "-C", directory, *arguments], check=True, env=environment, stdout=subprocess.DEVNULL)


def make_fixture(directory):
    """The bare repository of README.md, "The fixture"."""
    work, bare = os.path.join(directory, "work"), os.path.join(directory, "demo.git")
    os.makedirs(work)
    git(work, "init", "-q", "-b", "main")
    git(work, "commit", "-q", "--allow-empty", "-m", "Train a model")
    git(work, "tag", "-a", "churn@v1.0.0", "-m", "Registering artifact churn version v1.0.0", date="2026-01-01T00:00:00Z")
    git(work, "tag", "-a", "churn#dev#1", "-m", "Assigning stage dev to artifact churn version v1.0.0",
        date="2026-01-02T00:00:00Z")
    git(work, "commit", "-q", "--allow-empty", "-m", "Train it again")
    git(directory, "clone", "-q", "--bare", work, bare)
    return bare


class Worker:
    def __init__(self, program, directory):
        self.client, self.admin = (os.path.join(directory, name) for name in ("worker.sock", "admin.sock"))
        self.log = os.path.join(directory, "worker.log")
        self.process = subprocess.Popen(
            [program, "--repo", f"demo={make_fixture(directory)}", "--state", os.path.join(directory, "state"),
             "--socket", self.client, "--admin-socket", self.admin],
            stdin=subprocess.DEVNULL, stdout=open(self.log, "w"), stderr=subprocess.STDOUT)
        deadline = time.monotonic() + TIMEOUT
        while not all(os.path.exists(path) for path in (self.client, self.admin)):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                sys.exit(f"the worker did not start:\n{open(self.log).read()}")
            time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        try: self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired: self.process.kill()


def run_cases(client, admin, only):
    schemas, failures, count = Schemas(), 0, 0
    if schemas.registry is None: print("note: without the Python package jsonschema the schema is not checked")
    for path in sorted(glob.glob(os.path.join(HERE, "[0-9]*.json"))):
        saved = {}
        for case in json.load(open(path)):
            if only and only not in case["name"]: continue
            count += 1
            try:
                connection = Connection(admin if case.get("socket") == "admin" else client, schemas.watch(case, saved))
                for step in case["steps"]: run_step(step, connection, saved)
                connection.socket.close()
            except (AssertionError, OSError, ValueError, KeyError) as error:
                failures += 1
                print(f"FAILED {os.path.basename(path)}: {case['name']}: {type(error).__name__}: {error}")
    print(f"{count} cases, {failures} failed")
    return 1 if failures or not count else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worker", metavar="PROGRAM", help="start this stagekeeperd on a fresh fixture")
    parser.add_argument("--client", metavar="SOCKET", help="the client socket of a worker that is there")
    parser.add_argument("--admin", metavar="SOCKET", help="its admin socket")
    parser.add_argument("--only", metavar="WORDS", help="only cases with these words in their name")
    options = parser.parse_args()
    if not options.worker:
        if not (options.client and options.admin): parser.error("give --worker, or --client and --admin")
        return run_cases(options.client, options.admin, options.only)
    with tempfile.TemporaryDirectory(prefix="stagekeeper-vectors-") as directory:
        worker = Worker(os.path.abspath(options.worker), directory)
        try: return run_cases(worker.client, worker.admin, options.only)
        finally:
            worker.stop()
            if worker.process.returncode not in (0, None): print(open(worker.log).read())


if __name__ == "__main__":
    sys.exit(main())
