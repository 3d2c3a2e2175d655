"""A stagekeeperd of the release build, and its protocol as the measurements speak it."""

import json
import os
import pwd
import socket
import struct

from servers import wait_for


class Connection:
    """One connection; one request at a time, or many with `send` and `receive`."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.stream = self.socket.makefile("rb")
        self.last = 0

    def send(self, method, params):
        self.last += 1
        self.socket.sendall(frame({"id": self.last, "method": method, "params": params}))
        return self.last

    def receive(self):
        """The next result or error; events are skipped."""
        while True:
            length, = struct.unpack(">I", self.stream.read(4))
            reply = json.loads(self.stream.read(length))
            if "error" in reply:
                raise RuntimeError(f"{reply['error']['code']}: {reply['error']['message']}")
            if "result" in reply:
                return reply["result"]

    def call(self, method, **params):
        self.send(method, params)
        return self.receive()

    def close(self):
        self.stream.close()
        self.socket.close()


def frame(value):
    body = json.dumps(value, separators=(",", ":")).encode()
    return struct.pack(">I", len(body)) + body


class Worker:
    def __init__(self, place, programs, processes, repositories, **limits):
        self.place, self.programs, self.processes = place, programs, processes
        os.makedirs(place)
        self.socket, self.admin_socket = f"{place}/w.sock", f"{place}/a.sock"
        user = pwd.getpwuid(os.getuid()).pw_name
        self.configuration = {
            "stateDirectory": f"{place}/state",
            "sockets": {"client": {"path": self.socket, "mode": "0600"}, "admin": {"path": self.admin_socket}},
            "repositories": repositories,
            "tenants": {"benchmark": {"users": [user]}},
            "grants": [{"tenants": ["benchmark"], "repositories": ["*"], "actions": ["*"]}],
            "limits": limits,
        }
        self.process = None
        self.runs = 0

    def start(self):
        self.runs += 1
        file, log = f"{self.place}/worker.json5", f"{self.place}/log-{self.runs}"
        with open(file, "w", encoding="utf-8") as output:
            json.dump(self.configuration, output)
        self.process = self.processes.start([f"{self.programs}/stagekeeperd", "--config", file], log)
        wait_for(f"the worker is ready, see {log}", lambda: self.is_ready(log))
        return self

    def is_ready(self, log):
        with open(log, encoding="utf-8", errors="replace") as file:
            text = file.read()
        if self.process.poll() is not None:
            raise RuntimeError(f"the worker ended: {text}")
        return "stagekeeperd ready: " in text

    def stop(self):
        if self.process:
            self.processes.stop(self.process)
            self.process = None

    def connect(self):
        return Connection(self.socket)

    def admin(self, method, **params):
        connection = Connection(self.admin_socket)
        try:
            return connection.call(method, **params)
        finally:
            connection.close()

    def lane(self, repository):
        """The process that serves a repository now, or None."""
        for entry in self.admin("repositories")["repositories"]:
            if entry["repository"] == repository:
                return entry["lanePid"]
        return None


def memory(pid):
    """Resident bytes of a process, and how many of them are its own (not pages of files)."""
    values = {}
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        for line in file:
            key, _, rest = line.partition(":")
            if key in ("VmRSS", "RssAnon"):
                values[key] = int(rest.split()[0]) * 1024
    return {"resident": values["VmRSS"], "anonymous": values["RssAnon"]}
