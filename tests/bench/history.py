"""The run history: what a record costs beside its run, how fast a log is written, how soon the list is there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from measure import LONGSHORE

# Built beside the program: it records runs as a host and as the command does.
RECORD = Path(LONGSHORE).parent / "examples" / "record"

# As many as it records.
RUNS = 10_000


def history_of(state: Path) -> dict[str, Any]:
    """Makes a history in a folder of states, and returns what was measured meanwhile."""
    folder = state / "longshore"
    folder.mkdir(parents=True)
    figures = json.loads(subprocess.run([RECORD, folder], capture_output=True, text=True, check=True).stdout)
    if figures["left_out"]:
        raise SystemExit(f"{figures['left_out']} bytes of the log are left out")
    return figures


def history(folder: Path) -> list[str]:
    """Records in a history of 10,000 runs, and logs of 100 MB/s for three seconds."""
    figures = history_of(folder / "history")

    def times(name: str) -> str:
        return f"{figures[name][0]:.2f} ms ({figures[name][1]:.2f})"

    return [
        f"| history of {RUNS:,} runs | median (of ten, nine are below) |",
        "|---|---|",
        f"| a record and its log, database opened for it | {times('command_ms')} |",
        f"| a record and its log, by a host that has it open | {times('host_ms')} |",
        f"| a log at 100 MB/s, all of it kept: written | {figures['log_mb_s']:.0f} MB/s |",
        f"| a log at full speed, 1 MB of it kept: taken | {figures['part_mb_s']:.0f} MB/s |",
        f"| first page of the list, 50 runs | {times('first_page_ms')} |",
    ]


history_sections = {"Run history": history}
