"""The resident host: its memory, with a history of 10,000 runs and after large tables."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
from history import RUNS, history_of
from measure import LONGSHORE, doubles, run, spread, timed

PASSES_ON = """
from longshore.api import Api
api = Api()
api.write_output_records(api.read_input_records())
api.close()
"""

# After its last run: the engine has removed the container, and memory has been returned.
SETTLED = 2


@contextlib.contextmanager
def host(folder: Path, state: Path | None = None) -> Iterator[tuple[str, int]]:
    """The socket and the process of a resident host, until the end."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o700)
    path = str(folder / "server.sock")
    environment = dict(os.environ, **({"XDG_STATE_HOME": str(state)} if state else {}))
    command = [LONGSHORE, "serve", "--socket", path]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment) as serving:
        try:
            while True:
                with socket.socket(socket.AF_UNIX) as client:
                    if client.connect_ex(path) == 0:
                        break
                time.sleep(0.01)
            yield path, serving.pid
        finally:
            serving.terminate()


def through(path: str, state: Path | None = None) -> dict[str, str]:
    """The environment of a command that uses this host, which has the same settings."""
    return dict(os.environ, LONGSHORE_RUNS_SERVER=path, **({"XDG_STATE_HOME": str(state)} if state else {}))


def memory(process: int) -> str:
    """What a process has in memory, and what of it is not pages of its program, in MiB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.startswith(("VmRSS", "RssAnon"))}
    return f"{sizes['VmRSS']:.1f} MiB | {sizes['RssAnon']:.1f} MiB"


def resident(folder: Path) -> list[str]:
    """Memory of a host that has just started, that has a long history, and that has passed on large tables."""
    nothing, passes_on, table = folder / "nothing.py", folder / "passes_on.py", folder / "resident.arrow"
    nothing.write_text("")
    passes_on.write_text(PASSES_ON)
    pa.feather.write_feather(doubles(), str(table), compression="uncompressed")
    state = folder / "of-resident"
    history_of(state)
    lines = ["| memory of `longshore serve` | resident | of it not its program |", "|---|---|---|"]

    def measured(name: str, process: int) -> None:
        time.sleep(SETTLED)
        lines.append(f"| {name} | {memory(process)} |")

    with host(folder / "resident", state) as (path, process):
        measured(f"idle, with {RUNS:,} runs in its history", process)
        command = [LONGSHORE, "run", "--quiet", "--engine", "docker"]
        for _ in range(20):
            run([*command, str(nothing)], env=through(path, state))
        measured("idle, after 20 runs", process)
        for _ in range(3):
            run(
                [*command, str(passes_on), "-i", str(table), "-o", str(folder / "passed.arrow")],
                env=through(path, state),
            )
        measured("idle, after 3 runs with 1 GiB in and out", process)
    listing = [LONGSHORE, "runs", "list", "-n", "50"]
    listed = [timed(lambda: run(listing, env=dict(os.environ, XDG_STATE_HOME=str(state)))) for _ in range(30)]
    return [
        *lines,
        "",
        f"| first page of {RUNS:,} runs | median (range) |",
        "|---|---|",
        f"| `longshore runs list -n 50`, whole command | {spread(listed)} |",
    ]


resident_sections = {"Resident host": resident}
