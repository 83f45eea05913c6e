"""The way of a table from a program to the script of its run, through a resident host."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Any

import longshore
import numpy as np
import pandas as pd
import polars as pl
from longshore import _tables
from longshore._longshore import Given
from measure import doubles, in_turns, ratio, spread, timed
from resident import host

ROUNDS = 7

READS = """
from longshore.api import Api
Api().read_input()
"""


def copy(columns: list[Any], memory: mmap.mmap) -> None:
    """Copies columns one after the other."""
    target = np.frombuffer(memory, dtype="u1")
    offset = 0
    for column in columns:
        target[offset : offset + column.nbytes] = column.view("u1")
        offset += column.nbytes


def memcpy(columns: list[Any]) -> float:
    """Seconds to copy columns onto fresh shared memory."""
    descriptor = os.memfd_create("bench")
    length = sum(column.nbytes for column in columns)
    os.ftruncate(descriptor, length)
    with mmap.mmap(descriptor, length) as memory:
        seconds = timed(lambda: copy(columns, memory))
    os.close(descriptor)
    return seconds


def callers(folder: Path) -> list[str]:
    """One gibibyte of doubles from a program's table to its script."""
    arrow = doubles()
    columns = [column.to_numpy() for column in arrow.columns]
    forms = {
        "pyarrow": arrow,
        "polars": pl.from_arrow(arrow),
        "pandas": pd.DataFrame(dict(zip(arrow.column_names, columns)), copy=False),
    }
    sealed = {
        name: (lambda table=table: timed(lambda: Given(_tables.to_stream(table)))) for name, table in forms.items()
    }
    copies = in_turns(ROUNDS, memcpy=lambda: memcpy(columns), **sealed)
    script = folder / "reads.py"
    script.write_text(READS)
    with host(folder / "callers") as (path, _):

        def run(table: Any) -> float:
            return timed(lambda: longshore.run(script, table, socket=path, engine="docker", quiet=True))

        runs = in_turns(ROUNDS, small=lambda: run(arrow.slice(0, 1)), large=lambda: run(arrow))
    beyond = [large - small - copy for large, small, copy in zip(runs["large"], runs["small"], copies["pyarrow"])]
    return [
        "| 1 GiB of doubles, onto shared memory | median (range) | relative to memcpy |",
        "|---|---|---|",
        f"| memcpy | {spread(copies['memcpy'])} | 1 |",
        *(f"| from {name} | {spread(copies[name])} | {ratio(copies[name], copies['memcpy'])} |" for name in forms),
        "",
        "| run in a container, from the call to the result | median (range) |",
        "|---|---|",
        f"| a table of one row | {spread(runs['small'])} |",
        f"| 1 GiB | {spread(runs['large'])} |",
        f"| the difference, less the copy | {spread(beyond)} |",
    ]


caller_sections = {"Callers": callers}
