"""The run history: what a record costs beside its run, how fast a log is written, how soon the list is there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from measure import LONGSHORE

# Built beside the program: it records runs as a host and as the command does.
RECORD = Path(LONGSHORE).parent / "examples" / "record"


def history(folder: Path) -> list[str]:
    """Records in a history of 10,000 runs, and logs of 100 MB/s for three seconds."""
    state = folder / "history"
    state.mkdir()
    figures = json.loads(subprocess.run([RECORD, state], capture_output=True, text=True, check=True).stdout)
    if figures["left_out"]:
        raise SystemExit(f"{figures['left_out']} bytes of the log are left out")
    return [
        "| history of 10,000 runs | median |",
        "|---|---|",
        f"| a record and its log, database opened for it | {figures['command_ms']:.2f} ms |",
        f"| a record and its log, by a host that has it open | {figures['host_ms']:.2f} ms |",
        f"| a log at 100 MB/s, all of it kept: written | {figures['log_mb_s']:.0f} MB/s |",
        f"| a log at full speed, 1 MB of it kept: taken | {figures['part_mb_s']:.0f} MB/s |",
        f"| first page of the list | {figures['first_page_ms']:.2f} ms |",
    ]


history_sections = {"Run history": history}
