"""What ``Api()`` is in a worker process that imports the script again, as those of ``multiprocessing`` do by spawn.

The run belongs to the process that the script was started as. A worker that only makes an Api at the top of the script
must not fail, or its pool would start the next one for ever; one that uses it is told what to do, and so is its parent.
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
    """What stands for the connection in a worker: all that is asked of it is an error."""

    def __getattr__(self, name: str) -> Any:
        refuse()


def is_worker() -> bool:
    """Whether this process was started by another one of the same script, and imports the script again."""
    if _is_importing():
        return True
    # Who has not imported it is no child of it, and the import takes its time.
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


def refuse() -> NoReturn:
    """Say that the Api works in the script's first process alone.

    A worker that is still importing the script interrupts its parent too, whose pool would replace it for ever.

    Raises:
        LongshoreError: always.
    """
    if _is_importing():
        _interrupt_parent()
    raise LongshoreError(WORDS)


def _is_importing() -> bool:
    """Whether the script is being imported for a second time: once that is done, both names are the same module's."""
    main = sys.modules.get("__mp_main__")
    return main is not None and main is not sys.modules.get("__main__")


def _interrupt_parent() -> None:
    """Interrupt the process that started this one: once, however many workers it has."""
    # What `multiprocessing` has told the interpreter to do: nobody else's parent is to be interrupted.
    if not any(argument.startswith("from multiprocessing.") for argument in getattr(sys, "orig_argv", [])):
        return
    parent = _parent()
    with socket.socket(socket.AF_UNIX) as first:
        try:
            # A name without a file, which is free again when this process is gone.
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
    """The process that wanted this one: above the server of `multiprocessing`, where one starts its workers."""
    parent = os.getppid()
    process = Path("/proc", str(parent))
    if b"from multiprocessing.forkserver" not in (process / "cmdline").read_bytes():
        return parent
    # Behind the name in brackets stand a letter and the parent's number.
    return int((process / "stat").read_text().rpartition(")")[2].split()[1])
