#!/usr/bin/env python3
"""Tries system calls and prints what became of each, as JSON: "ok", or the name of the error.

Run as the superuser by a service that has every capability, so that what is refused is refused by the filter.
None of the calls does anything that stays; those that could are given arguments that the kernel refuses.
"""

import ctypes
import errno
import json
import mmap
import os
import socket

libc = ctypes.CDLL(None, use_errno=True)
NULL, BAD = None, ctypes.c_void_p(1)


def outcome(body):
    try:
        body()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "ok"


def call(function, *arguments):
    def body():
        ctypes.set_errno(0)
        if getattr(libc, function)(*arguments) == -1:
            raise OSError(ctypes.get_errno(), function)
    return body


def number(value, *arguments):
    return call("syscall", ctypes.c_long(value), *arguments)


def own_file():
    return os.open(".", os.O_TMPFILE | os.O_RDWR, 0o600)


def set_user_id():
    os.fchmod(own_file(), 0o4700)


def change_owner():
    os.fchown(own_file(), os.geteuid(), -1)


# Where the C library has no function, or one that looks at its arguments.
KERNEL = {"x86_64": {"add_key": 248, "bpf": 321, "clock_settime": 227, "init_module": 175, "perf_event_open": 298,
                     "pivot_root": 155, "userfaultfd": 323},
          "aarch64": {"add_key": 217, "bpf": 280, "clock_settime": 112, "init_module": 105, "perf_event_open": 241,
                      "pivot_root": 41, "userfaultfd": 282}}
numbers = KERNEL[os.uname().machine]
CLONE_NEWUSER, CLONE_NEWNS = 0x10000000, 0x20000
SCHED_BATCH, ADDR_NO_RANDOMIZE, PTRACE_ATTACH = 3, 0x40000, 16

calls = {
    "mount": call("mount", b"none", b"/nonexistent", b"tmpfs", 0, NULL),
    "umount2": call("umount2", b"/nonexistent", 0),
    "pivot_root": number(numbers["pivot_root"], b"/nonexistent", b"/nonexistent"),
    "chroot": call("chroot", b"/"),
    "swapon": call("swapon", b"/nonexistent", 0),
    "clock_settime": number(numbers["clock_settime"], 0, BAD),
    "init_module": number(numbers["init_module"], BAD, 0, BAD),
    "bpf": number(numbers["bpf"], -1, BAD, 0),
    "add_key": number(numbers["add_key"], BAD, BAD, BAD, 0, 0),
    "io_uring_setup": number(425, 1, BAD),
    "userfaultfd": number(numbers["userfaultfd"], 1 << 30),
    "perf_event_open": number(numbers["perf_event_open"], BAD, 0, 0, 0, 0),
    "ptrace": call("ptrace", PTRACE_ATTACH, 2**22, 0, 0),
    "setpriority": call("setpriority", 0, 0, 1),
    "sched_setscheduler": call("sched_setscheduler", 0, SCHED_BATCH, ctypes.byref(ctypes.c_int(0))),
    "setuid": call("setuid", os.getuid()),
    "chown": change_owner,
    "personality": call("personality", ADDR_NO_RANDOMIZE),
    "make a set-user-ID file": set_user_id,
    "map memory that can be written and executed": lambda: mmap.mmap(-1, 4096, prot=7),
    "open a netlink socket": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close(),
    "open a packet socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close(),
    # The last ones, because they change what the process may do.
    "unshare a mount namespace": call("unshare", CLONE_NEWNS),
    "unshare a user namespace": call("unshare", CLONE_NEWUSER),
}
# What the worker and its lanes cannot do without, by which it shows that not everything is refused.
needed = {
    "open a TCP socket": lambda: socket.socket(socket.AF_INET).close(),
    "open a Unix socket": lambda: socket.socket(socket.AF_UNIX).close(),
    "ask for Landlock": number(444, NULL, 0, 1),
}
os.chdir("/var/lib/stagekeeper")
print(json.dumps({name: outcome(body) for name, body in {**needed, **calls}.items()}))
