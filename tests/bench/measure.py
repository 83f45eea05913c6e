"""What every section measures with: commands run in turns, medians with the least and the greatest, ratios."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

GIB = 1 << 30
COLUMNS = 8
LONGSHORE = sys.argv[1]
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "15"))


def run(command: list[str], **options: Any) -> str:
    """What a command prints on both streams; a failure ends the benchmark."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise SystemExit(f"{command} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout + done.stderr


def doubles() -> pa.Table:
    """A table of 1 GiB: the same random numbers each time."""
    generator = np.random.default_rng(1)
    return pa.table({f"c{index}": generator.random(GIB // 8 // COLUMNS) for index in range(COLUMNS)})


def timed(action: Callable[[], Any]) -> float:
    """Seconds that an action takes."""
    before = time.perf_counter()
    action()
    return time.perf_counter() - before


def result(text: str) -> dict[str, Any]:
    """What a script printed after RESULT."""
    line = next(line for line in text.splitlines() if line.startswith("RESULT"))
    return json.loads(line.removeprefix("RESULT"))


def spread(values: list[float], unit: str = "ms", factor: float = 1000) -> str:
    """Median, least and greatest."""
    low, middle, high = min(values) * factor, statistics.median(values) * factor, max(values) * factor
    digits = 1 if middle >= 10 else 2
    return f"{middle:.{digits}f} {unit} ({low:.{digits}f} to {high:.{digits}f})"


def ratio(first: list[float], second: list[float]) -> str:
    """The median of the ratios of neighbours."""
    return f"{statistics.median(a / b for a, b in zip(first, second)):.2f}"


def in_turns(rounds: int, **actions: Callable[[], float]) -> dict[str, list[float]]:
    """Runs actions in turns, after one round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    for index in range(rounds + 1):
        for name, action in actions.items():
            seconds = action()
            if index:
                times[name].append(seconds)
    return times
