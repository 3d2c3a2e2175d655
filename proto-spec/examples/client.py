#!/usr/bin/env python3
"""A Stagekeeper client in Python, written from ../protocol.md alone.

    client.py REPOSITORY assign ARTIFACT VERSION STAGE
    client.py REPOSITORY show [ARTIFACT]
"""
import json, os, socket, struct, sys, time, uuid

EXIT = {"usage": 64, "refused": 65, "unavailable": 69, "internal": 70, "retry": 75, "denied": 77}


def socket_path():
    private = os.path.join(os.environ.get("XDG_RUNTIME_DIR", "/nowhere"), "stagekeeper/worker.sock")
    standard = private if os.path.exists(private) else "/run/stagekeeper/worker.sock"
    return os.environ.get("STAGEKEEPER_SOCKET") or standard


class Refused(Exception):
    """The worker's error: its members are in `error`."""

    def __init__(self, error):
        super().__init__(error["message"])
        self.error = error


def read_exactly(stream, count):
    data = stream.read(count)
    if len(data) < count: raise ConnectionError("the worker closed the connection")
    return data


def call(method, params, on_event=lambda event: None):
    """One request on a connection of its own: its result, or Refused."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(socket_path())
        body = json.dumps({"id": 1, "method": method, "params": params}).encode()
        try: connection.sendall(struct.pack(">I", len(body)) + body)
        except BrokenPipeError: pass  # A worker that is busy says so and closes; it can still be read.
        stream = connection.makefile("rb")
        while True:
            length, = struct.unpack(">I", read_exactly(stream, 4))
            reply = json.loads(read_exactly(stream, length))
            if "event" in reply: on_event(reply["event"])
            elif "error" in reply: raise Refused(reply["error"])
            else: return reply["result"]


def assign(repository, artifact, version, stage):
    """Sent again under the same key when the connection breaks, or the worker can't do it now: it is done once."""
    params = {"repository": repository, "artifact": artifact, "version": version, "stage": stage,
              "requestKey": uuid.uuid4().hex}
    for attempt in range(5):
        try: return call("assign", params, lambda event: print(event["job"]["state"], file=sys.stderr))
        except ConnectionError:
            if attempt == 4: raise
        except Refused as refusal:
            ended = "job" in refusal.error.get("details", {})
            if refusal.error["category"] != "retry" or ended or attempt == 4: raise
            time.sleep(refusal.error.get("retryAfter", 1))


def main(repository, verb, *words):
    if verb == "assign" and len(words) == 3: return assign(repository, *words)
    if verb == "show" and len(words) < 2:
        return call("show", {"repository": repository, **({"name": words[0]} if words else {})})["value"]
    raise SystemExit(__doc__)


if __name__ == "__main__":
    if len(sys.argv) < 3: raise SystemExit(__doc__)
    try: print(json.dumps(main(*sys.argv[1:]), indent=2))
    except Refused as refusal:
        print(f"{refusal.error['code']}: {refusal}", file=sys.stderr)
        sys.exit(EXIT.get(refusal.error["category"], 70))
