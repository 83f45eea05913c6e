"""A resident host for tests: the program under test, in a home of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "longshore"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or CACHE / "target")
LONGSHORE = os.environ.get("LONGSHORE_BIN") or str(TARGET / "release/longshore")

# How long something may take that takes milliseconds on a quiet machine.
PATIENCE = 60


class Host:
    """``longshore serve``, until it is stopped."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.socket = str(folder / "server.sock")
        self._log = folder / "serve.log"
        homes = {name: str(folder / name.lower()) for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
        command = [LONGSHORE, "serve", "--socket", self.socket, "--allow-processes"]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=own() | homes | variables, cwd=folder
            )
        deadline = time.monotonic() + PATIENCE
        while not self._listens():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the host does not listen: {self.log}")
            time.sleep(0.02)

    @property
    def log(self) -> str:
        """What it has written."""
        return self._log.read_text()

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(self.socket) == 0

    def stop(self) -> None:
        """Ends it."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()


def own() -> dict[str, str]:
    """The environment of a host whose scripts have this Python and its packages."""
    return {**os.environ, "LONGSHORE_PYTHON": os.environ.get("LONGSHORE_PYTHON") or sys.executable}
