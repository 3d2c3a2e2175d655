"""The floor: what one push costs when nothing is done but the push.

Git's own receive-pack protocol (gitprotocol-pack(5)), spoken by hand: read the advertisement, send the
commands and a pack that was made beforehand, read the report. No client can do less for a tag.
"""

import base64
import hashlib
import http.client
import os
import ssl
import struct
import subprocess
import time
import zlib

ZERO_ID = "0" * 40
TAG_OBJECT_TYPE = 4


class TagPack:
    """Annotated tags on one commit, and the pack that holds their objects."""

    def __init__(self, names, commit, message="floor"):
        self.updates, entries = [], []
        for name in names:
            body = (f"object {commit}\ntype commit\ntag {name}\n"
                    f"tagger Floor <floor@example.com> {int(time.time())} +0000\n\n{message}\n").encode()
            object_id = hashlib.sha1(b"tag %d\0" % len(body) + body).hexdigest()
            self.updates.append((object_id, f"refs/tags/{name}"))
            entries.append(entry_header(len(body)) + zlib.compress(body))
        pack = b"PACK" + struct.pack(">II", 2, len(entries)) + b"".join(entries)
        self.bytes = pack + hashlib.sha1(pack).digest()

    def request(self):
        """The commands, each create-only, and the pack."""
        lines = [f"{ZERO_ID} {object_id} {ref}" for object_id, ref in self.updates]
        lines[0] += "\0 report-status object-format=sha1"
        return b"".join(pkt_line(line.encode()) for line in lines) + b"0000" + self.bytes

    def check(self, report):
        """Raises unless every tag was accepted."""
        accepted = report.count(b"ok refs/tags/")
        if b"unpack ok" not in report or accepted != len(self.updates):
            raise RuntimeError(f"the push at the floor failed: {report!r}")


def entry_header(size):
    """Type and size of an object in a pack (gitformat-pack(5))."""
    byte, size, header = TAG_OBJECT_TYPE << 4 | size & 15, size >> 4, bytearray()
    while size:
        header.append(byte | 0x80)
        byte, size = size & 0x7F, size >> 7
    return bytes(header + bytes([byte]))


def pkt_line(payload):
    return b"%04x" % (len(payload) + 4) + payload


def read_advertisement(descriptor):
    """Reads to the flush packet: every line before it ends in a line feed."""
    data = bytearray()
    while not data.endswith(b"\n0000"):
        chunk = os.read(descriptor, 1 << 16)
        if not chunk:
            raise RuntimeError(f"the server closed the connection: {bytes(data[-200:])!r}")
        data += chunk
    return data


def push_through(command, pack):
    """Seconds of one exchange with a `git-receive-pack` that `command` starts, to the command's end."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        read_advertisement(process.stdout.fileno())
        process.stdin.write(pack.request())
        report = process.stdout.read()
        process.stdin.close()
    seconds = time.perf_counter() - start
    pack.check(report)
    return seconds


class HTTPSFloor:
    """The same over one https connection that stays open."""

    def __init__(self, port, ca_file, username, token):
        context = ssl.create_default_context(cafile=ca_file)
        self.connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=60)
        credential = base64.b64encode(f"{username}:{token}".encode()).decode()
        self.headers = {"Authorization": "Basic " + credential}

    def push(self, path, pack):
        start = time.perf_counter()
        self.ask("GET", f"{path}/info/refs?service=git-receive-pack")
        report = self.ask("POST", f"{path}/git-receive-pack", pack.request(),
                          {"Content-Type": "application/x-git-receive-pack-request"})
        seconds = time.perf_counter() - start
        pack.check(report)
        return seconds

    def ask(self, method, path, body=None, headers=None):
        self.connection.request(method, path, body, {**self.headers, **(headers or {})})
        answer = self.connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {data[:200]!r}")
        return data

    def warm_up(self, path):
        """Opens the connection where the server has closed it since."""
        try:
            self.ask("GET", f"{path}/HEAD")
        except (http.client.HTTPException, OSError):
            self.connection.close()
            self.ask("GET", f"{path}/HEAD")
