"""Prints what a script sees of its interpreter. The beginning of a case comes before this, and imports `sys`."""

# ruff: noqa: F821, PLW1510, SIM115
_modules = list(sys.modules)
_globals = sorted(globals())
_main = {name: type(globals()[name]).__name__ for name in _globals if name.startswith("__")}
_frames = sys._getframe().f_back is None
_cache = sorted(sys.path_importer_cache)
_argv, _orig = list(sys.argv), list(getattr(sys, "orig_argv", []))

import atexit
import builtins
import faulthandler
import gc
import json
import locale
import multiprocessing
import os
import pickle
import resource
import signal
import subprocess
import threading
import time
import traceback
import warnings


class Kept:
    """Pickled, and found again in `__main__`."""


def double(number):
    return 2 * number


def descriptors():
    listing = os.open("/proc/self/fd", os.O_RDONLY)
    found = {}
    for name in os.listdir(listing):
        try:
            target = os.readlink(name, dir_fd=listing)
        except OSError:
            continue
        if int(name) != listing:
            found[name] = target.split(":[")[0]
    os.close(listing)
    return found


def status():
    wanted = (
        "CapInh",
        "CapPrm",
        "CapEff",
        "CapBnd",
        "CapAmb",
        "NoNewPrivs",
        "Seccomp",
        "SigBlk",
        "SigIgn",
        "SigCgt",
        "Groups",
        "Umask",
    )
    with open("/proc/self/status") as file:
        lines = dict(line.rstrip().split(":\t", 1) for line in file if ":\t" in line)
    return {name: lines.get(name) for name in wanted}


def stream(file):
    names = ("encoding", "errors", "line_buffering", "write_through", "newlines", "name", "mode")
    facts = {name: getattr(file, name, None) for name in names}
    return {**facts, "tty": file.isatty(), "seekable": file.seekable(), "fileno": file.fileno()}


state = {
    "modules": _modules,
    "globals": _globals,
    "main": _main,
    "first frame": _frames,
    "importer cache": _cache,
    "argv": _argv,
    "orig_argv": _orig,
    "path": sys.path,
    "flags": str(sys.flags),
    "xoptions": sys._xoptions,
    "warnoptions": sys.warnoptions,
    "meta_path": [str(finder)[:60] for finder in sys.meta_path],
    "path_hooks": len(sys.path_hooks),
    "hooks": [sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__],
    "streams": [stream(file) for file in (sys.stdin, sys.stdout, sys.stderr)],
    "builtins": sorted(vars(builtins)),
    "environment": {name: value for name, value in os.environ.items() if not name.endswith("_SOCKET")},
    "order": list(os.environ),
    "bytes": sorted(os.environb) == sorted(map(os.fsencode, os.environ)),
    "child": sorted(
        line.split("=")[0] for line in subprocess.run(["env"], capture_output=True, text=True).stdout.splitlines()
    ),
    "folder": [
        os.getcwd() == os.path.dirname(os.path.abspath(__file__)),
        sorted(os.listdir(".")),
        sorted(os.listdir("/tmp")),
    ],
    "file": [os.path.basename(__file__), __name__, __spec__ is None, type(__loader__).__name__],
    "descriptors": descriptors(),
    "limits": {
        name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")
    },
    "status": status(),
    "nice": os.getpriority(os.PRIO_PROCESS, 0),
    "oom": open("/proc/self/oom_score_adj").read(),
    "group": [os.getpgid(0) == os.getpid(), os.getsid(0) == os.getpid()],
    "signals": {str(number): str(signal.getsignal(number)) for number in sorted(signal.valid_signals())},
    "threads": [threading.active_count(), threading.current_thread() is threading.main_thread()],
    "filters": [str(entry) for entry in warnings.filters],
    # Objects of early imports are frozen, and differ in nothing else.
    "gc": [gc.isenabled(), gc.get_threshold(), gc.get_debug()],
    "recursion": sys.getrecursionlimit(),
    "interval": sys.getswitchinterval(),
    "fault handler": faulthandler.is_enabled(),
    "locale": [locale.setlocale(locale.LC_ALL), time.tzname],
    "exit": atexit._ncallbacks() if hasattr(atexit, "_ncallbacks") else None,
    "stack": len(traceback.extract_stack()),
    "pickled": type(pickle.loads(pickle.dumps(Kept()))) is Kept,
    "blocking": [os.get_blocking(number) for number in range(3)],
    "command": [part.decode() for part in open("/proc/self/cmdline", "rb").read().split(b"\0")][:2],
}
for name, value in state.items():
    print(name, json.dumps(value, default=str))

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print("spawned", pool.map(double, [1, 2]))
    warnings.warn("at the top", stacklevel=1)
    warnings.warn("above the top", stacklevel=2)
    atexit.register(print, "at the end")
