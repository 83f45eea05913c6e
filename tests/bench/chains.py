"""Chains: three blocks over a table of 1 GiB, beside three scripts that pass it on as Parquet files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
from measure import LONGSHORE, ROUNDS, doubles, in_turns, ratio, run, spread, timed
from resident import host, through

# What each step does with the table, and how it comes and goes.
STEPS = {
    "scales": "table['c0'] = table['c0'] * 2.0",
    "shifts": "table['c1'] = table['c1'] + table['c0']",
    "sums": "table = table.sum().to_frame().T",
}

BLOCK = """
from longshore.api import Api
api = Api()
table = api.read_input_records()
{step}
api.write_output_records(table)
"""

BARE = """
import sys
import pandas
table = pandas.read_parquet(sys.argv[1])
{step}
table.to_parquet(sys.argv[2])
"""


def chain(folder: Path) -> list[str]:
    """The chain in three fresh containers, and the scripts one after the other with no isolation."""
    table, final = folder / "chain.parquet", folder / "sums.parquet"
    pa.parquet.write_table(doubles(), str(table))
    blocks, bare = [], []
    for name, step in STEPS.items():
        blocks.append(folder / f"{name}.py")
        blocks[-1].write_text(BLOCK.format(step=step))
        bare.append(folder / f"bare_{name}.py")
        bare[-1].write_text(BARE.format(step=step))

    with host(folder / "chains") as (path, _):

        def ours() -> None:
            command = [LONGSHORE, "run", "--quiet", "--engine", "docker", *map(str, blocks)]
            run([*command, "-i", str(table), "-o", str(final)], env=through(path))

        def theirs() -> None:
            at = table
            for number, script in enumerate(bare):
                to = folder / f"step{number}.parquet"
                subprocess.run([sys.executable, str(script), str(at), str(to)], check=True)
                at = to

        seen = in_turns(ROUNDS, ours=lambda: timed(ours), theirs=lambda: timed(theirs))
    if not pa.parquet.read_table(str(final)).equals(pa.parquet.read_table(str(folder / "step2.parquet"))):
        raise SystemExit("the chain has another result than the scripts")
    times = ratio(seen["theirs"], seen["ours"])
    return [
        "| three steps over 1 GiB of a Parquet file | median (range) | times faster |",
        "|---|---|---|",
        f"| a chain, each step in a fresh container | {spread(seen['ours'], 's', 1)} | {times} |",
        f"| scripts with Parquet files between, no isolation | {spread(seen['theirs'], 's', 1)} | 1 |",
    ]


chain_sections = {"Chains": chain}
