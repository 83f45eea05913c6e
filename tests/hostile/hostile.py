"""What attempts in Python share: the kernel's calls by number, and what the host gave them."""

import ctypes
import os
import platform
import signal

from given import *

libc = ctypes.CDLL(None, use_errno=True)

# Numbers of calls that differ by machine; newer ones do not.
CALLS = {
    "x86_64": {
        "bpf": 321,
        "userfaultfd": 323,
        "perf_event_open": 298,
        "add_key": 248,
        "io_setup": 206,
        "ioprio_set": 251,
    },
    "aarch64": {
        "bpf": 280,
        "userfaultfd": 282,
        "perf_event_open": 241,
        "add_key": 217,
        "io_setup": 0,
        "ioprio_set": 30,
    },
}[platform.machine()] | {
    "pidfd_open": 434,
    "clone3": 435,
    "io_uring_setup": 425,
    "open_tree": 428,
    "fsopen": 430,
    "pidfd_getfd": 438,
    "memfd_secret": 447,
}


def check(result):
    """What a call of the C library answered, or its error."""
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def call(name, *arguments):
    """Makes a call of the kernel's."""
    passed = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return check(libc.syscall(ctypes.c_long(CALLS[name]), *passed))


def attempted(name):
    """Says that there is no more to come, and stays."""
    print(f"attempted {name}.", flush=True)
    while True:
        signal.pause()
