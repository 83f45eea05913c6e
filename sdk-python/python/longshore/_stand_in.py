"""Replacement for ``Api()`` in worker processes that import the script again, as ``multiprocessing`` does with spawn.

The run belongs to the script's first process. A worker that only creates an Api at the top of the script must not fail,
or its pool would start workers endlessly; a worker that uses it gets an error with advice, as does its parent.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from longshore._longshore import LongshoreError

WORDS = "an Api works only in the process that made it: return results there, and write them"
# Seconds that a worker waits for its pool to end it, before it fails and is replaced.
_WAIT = 5


class StandIn:
    """Replacement for the connection in a worker: every call is an error."""

    def __getattr__(self, name: str) -> Any:
        refuse()


def is_worker() -> bool:
    """Whether this process was started by another process of the same script, and imports the script again."""
    if _is_importing():
        return True
    # Processes that have not imported it are not its children, and the import is slow.
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


def refuse() -> NoReturn:
    """Raise an error: the Api works only in the script's first process.

    A worker that is still importing the script also interrupts its parent, whose pool would replace it endlessly.

    Raises:
        LongshoreError: always.
    """
    if _is_importing():
        _interrupt_parent()
    raise LongshoreError(WORDS)


def _is_importing() -> bool:
    """Whether the second import of the script is in progress: afterwards both names are the same module."""
    main = sys.modules.get("__mp_main__")
    return main is not None and main is not sys.modules.get("__main__")


def _interrupt_parent() -> None:
    """Interrupt the process that started this one, once for all its workers."""
    # Only workers started by `multiprocessing` interrupt their parent.
    if not any(argument.startswith("from multiprocessing.") for argument in getattr(sys, "orig_argv", [])):
        return
    parent = _parent()
    with socket.socket(socket.AF_UNIX) as first:
        try:
            # An abstract socket name, which is released when this process ends.
            first.bind(f"\0longshore-worker-of-{parent}")
        except OSError:
            time.sleep(_WAIT)
            return
        sys.stderr.write(
            "longshore: a worker process imports the script again, and uses the Api there: "
            'put what uses it below `if __name__ == "__main__":`\n'
        )
        sys.stderr.flush()
        os.kill(parent, signal.SIGINT)
        time.sleep(_WAIT)


def _parent() -> int:
    """The process that requested this one: the parent, or the parent of `multiprocessing`'s server."""
    parent = os.getppid()
    process = Path("/proc", str(parent))
    if b"from multiprocessing.forkserver" not in (process / "cmdline").read_bytes():
        return parent
    # After the name in brackets: the state letter and the parent's id.
    return int((process / "stat").read_text().rpartition(")")[2].split()[1])
