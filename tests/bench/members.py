"""Memory of interpreters that wait: what each has for itself, beside what they share with each other."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import longshore
from measure import run
from resident import host
from waiting import ATTACHES, IMPORTS

# Runs from which a host learns that several are asked for at once.
RUNS = 12

# Until as many as are asked for wait.
SETTLED = 5


def private(process: str) -> float:
    """MiB of a process that no other has."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private")) / 1024


def interpreters(program: str) -> list[str]:
    """Processes of containers of ours that run this program."""
    containers = run(["docker", "ps", "-q", "--filter", "label=longshore.owner=longshore"]).split()
    tops = (run(["docker", "top", container, "-eo", "pid,args"]).splitlines()[1:] for container in containers)
    return [line.split()[0] for top in tops for line in top if program in line.split(maxsplit=1)[1]]


def members(folder: Path) -> list[str]:
    """Waiting interpreters of both languages."""
    lines = ["| an interpreter that waits | memory of its own, median of those that wait |", "|---|---|"]
    kinds = {
        "Python, with pandas imported": ("python", "memory.py", IMPORTS),
        "R, with data.table loaded": ("/R", "memory.R", ATTACHES),
    }
    for name, (program, file, text) in kinds.items():
        script = folder / file
        script.write_text(text)
        with host(folder / f"members-{program.strip('/')}") as (path, _):
            for _ in range(2):
                for submitted in [longshore.submit(script, socket=path, engine="docker") for _ in range(RUNS)]:
                    submitted.result()
                time.sleep(SETTLED)
            sizes = [private(process) for process in interpreters(program)]
        if not sizes:
            raise SystemExit(f"no interpreter waits: {name}")
        lines.append(f"| {name} | {statistics.median(sizes):.1f} MiB ({len(sizes)} waited) |")
    return lines


member_sections = {"Memory of waiting interpreters": members}
