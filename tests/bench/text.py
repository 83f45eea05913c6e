"""Text: CSV and NDJSON until their rows are there, detection included, against pyarrow and polars with the same files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.csv
from measure import LONGSHORE, ROUNDS, in_turns, ratio, run, spread, timed

# Built beside the program: it checks and reads a file as a run does.
READ = Path(LONGSHORE).parent / "examples" / "read"

CSV_ROWS = 2_000_000
NDJSON_ROWS = 500_000

OURS = "from longshore.api import Api\nassert Api().read_input().num_rows > 1000\n"
BARE = "import pyarrow.csv\nassert pyarrow.csv.read_csv({path!r}).num_rows > 1000\n"


def table(rows: int) -> pl.DataFrame:
    """A whole number, a number with two digits, a few words, a date, a time, and text of which some is missing."""
    generator = np.random.default_rng(1)
    seconds = 1_420_070_400 + generator.integers(0, 3650 * 86_400, rows)
    times = pl.Series((seconds * 1000).astype("datetime64[ms]")).cast(pl.Datetime("us"))
    words = pl.Series(["Aachen", "Berlin", "Köln", "London", "Paris", "Rome", "Zwickau", "New York"])
    notes = pl.Series(["lorem ipsum", "dolor", "sit amet consetetur", "sadipscing elitr", "sed diam", None])
    return pl.DataFrame(
        {
            "id": np.arange(rows),
            "price": np.round(generator.random(rows) * 10_000, 2),
            "shop": words.gather(generator.integers(0, len(words), rows)),
            "day": times.cast(pl.Date),
            "at": times,
            "note": notes.gather(generator.integers(0, len(notes), rows)),
        }
    )


def ours(path: Path) -> float:
    """Seconds until all rows of a file are there, by the clock of the program that reads it."""
    return float(subprocess.run([READ, path], capture_output=True, text=True, check=True).stdout.split()[0])


def lines_of(title: str, times: dict[str, list[float]]) -> list[str]:
    """A table, with the ratio of ours to each."""
    lines = [f"| {title} | median (range) | Longshore relative to it |", "|---|---|---|"]
    return lines + [f"| {name} | {spread(values)} | {ratio(times['ours'], values)} |" for name, values in times.items()]


def text(folder: Path) -> list[str]:
    """Both formats in turns, and a whole run of a script against the script alone."""
    csv, ndjson = folder / "text.csv", folder / "text.ndjson"
    table(CSV_ROWS).write_csv(csv, datetime_format="%Y-%m-%d %H:%M:%S", float_precision=2)
    as_text = [pl.col("day").cast(pl.Utf8), pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%S")]
    table(NDJSON_ROWS).with_columns(as_text).write_ndjson(ndjson)
    readers: dict[str, Any] = {
        "ours": lambda: ours(csv),
        "pyarrow": lambda: timed(lambda: pyarrow.csv.read_csv(csv)),
        "polars, dates too": lambda: timed(lambda: pl.read_csv(csv, try_parse_dates=True)),
    }
    lines = lines_of(f"{csv.stat().st_size >> 20} MiB of CSV, {CSV_ROWS} rows", in_turns(ROUNDS, **readers))
    readers = {"ours": lambda: ours(ndjson), "polars": lambda: timed(lambda: pl.read_ndjson(ndjson))}
    title = f"{ndjson.stat().st_size >> 20} MiB of NDJSON, {NDJSON_ROWS} rows"
    lines += ["", *lines_of(title, in_turns(ROUNDS, **readers))]
    script, bare = folder / "text.py", folder / "bare.py"
    script.write_text(OURS)
    bare.write_text(BARE.format(path=str(csv)))
    command = [LONGSHORE, "run", str(script), "-i", str(csv), "--engine", "process", "--quiet"]
    whole = in_turns(
        ROUNDS,
        ours=lambda: timed(lambda: run(command)),
        pyarrow=lambda: timed(lambda: run([sys.executable, str(bare)])),
    )
    return [*lines, "", *lines_of("the CSV in a whole run, process engine, or a script alone", whole)]


text_sections = {"CSV and NDJSON": text}
