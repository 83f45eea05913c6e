"""Admission: what a neighbour's burst of runs does to mine, and a thousand runs that wait."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import longshore
from measure import ratio, spread, timed
from resident import host, memory

# Runs of a neighbour, and of mine before, beside and after them.
BURST = 200
MINE = 30
ROUNDS = 3

WAITING = int(os.environ.get("BENCH_WAITING", "1000"))

# Another session of processes is another caller.
NEIGHBOUR = """
import sys, longshore
socket, script, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
submitted = [longshore.submit(script, socket=socket, engine="docker") for _ in range(runs)]
print("submitted", flush=True)
for run in submitted:
    run.result()
print("ended", flush=True)
"""

ORDER = """
import sys
print(sys.argv[1])
"""


def p95(values: list[float]) -> float:
    """What one in twenty exceeds."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def burst(folder: Path) -> list[str]:
    """The same run again and again: on a quiet host, and while a neighbour's runs wait at it."""
    script, neighbour = folder / "mine.py", folder / "neighbour.py"
    script.write_text("print('mine')\n")
    neighbour.write_text(NEIGHBOUR)
    quiet: list[float] = []
    beside: list[float] = []
    of_rounds: list[tuple[float, float]] = []
    with host(folder / "burst") as (path, _):

        def mine() -> float:
            return timed(lambda: longshore.run(script, socket=path, engine="docker", quiet=True))

        mine()
        for _ in range(ROUNDS):
            quiet_now = [mine() for _ in range(MINE)]
            command = [sys.executable, str(neighbour), path, str(script), str(BURST)]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as other:
                assert other.stdout is not None
                if other.stdout.readline() != "submitted\n":
                    raise SystemExit("the neighbour's runs are not submitted")
                beside_now = []
                while other.poll() is None and len(beside_now) < MINE:
                    beside_now.append(mine())
                goes_on = other.poll() is None
                other.stdout.read()
            if not goes_on:
                raise SystemExit(f"the burst had ended after {len(beside_now)} runs")
            quiet += quiet_now
            beside += beside_now
            of_rounds.append((p95(beside_now), p95(quiet_now)))
    relative = ratio([loud for loud, _ in of_rounds], [still for _, still in of_rounds])
    return [
        f"| my runs, with a neighbour's burst of {BURST} | median (range) | p95 | p95 relative to quiet |",
        "|---|---|---|---|",
        f"| quiet | {spread(quiet)} | {p95(quiet) * 1000:.1f} ms | 1 |",
        f"| beside the burst | {spread(beside)} | {p95(beside) * 1000:.1f} ms | {relative} |",
    ]


def waiting(folder: Path) -> list[str]:
    """Many runs at once: the host's memory while they wait, their order, and how long all take."""
    script = folder / "order.py"
    script.write_text(ORDER)
    with host(folder / "waiting") as (path, process):
        longshore.run(script, socket=path, engine="docker", arguments=["warm"], quiet=True)
        time.sleep(2)
        idle = memory(process)
        begun = time.perf_counter()
        runs = [
            longshore.submit(script, socket=path, engine="docker", arguments=[str(number)]) for number in range(WAITING)
        ]
        submitted = time.perf_counter() - begun
        full = memory(process)
        for submission in runs:
            submission.result()
        seconds = time.perf_counter() - begun
        time.sleep(2)
        after = memory(process)
    return [
        f"| {WAITING:,} runs at once | |",
        "|---|---|",
        f"| until all are in the queue | {submitted:.2f} s |",
        f"| until all have ended | {seconds:.1f} s |",
        "",
        "| memory of the host | resident | of it not its program |",
        "|---|---|---|",
        f"| before | {idle} |",
        f"| while they wait | {full} |",
        f"| after | {after} |",
    ]


admission_sections = {"A neighbour's burst": burst, "Many runs at once": waiting}
