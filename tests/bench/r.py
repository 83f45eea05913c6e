"""R against what R scripts do today: ``data.table::fread`` of a CSV in a mounted folder, and ``docker run``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
from measure import COLUMNS, GIB, LONGSHORE, ROUNDS, in_turns, ratio, result, run, spread, timed

IMAGE = "longshore/r:latest"
ROWS_OF_TEXT = 5_000_000

VISIBLE = """
{prepare}
anonymous <- function() {{
  line <- grep("^RssAnon", readLines("/proc/self/status"), value = TRUE)
  as.numeric(gsub("[^0-9]", "", line)) / 1024
}}
invisible(gc())
at.first <- anonymous()
before <- Sys.time()
{read}
seconds <- as.numeric(Sys.time()) - as.numeric(before)
new <- anonymous() - at.first
cat(sprintf('RESULT {{"seconds": %.6f, "anonymous_mib": %.1f}}\\n', seconds, new))
"""

WRITE = """
library(longshore)
api <- longshore.api()
rows <- 2^30 / 64
frame <- as.data.frame(lapply(setNames(1:8, paste0("c", 1:8)), function(i) runif(rows)))
seconds <- vapply(1:4, function(i) {
  before <- Sys.time()
  write.output.records(api, frame)
  as.numeric(Sys.time()) - as.numeric(before)
}, 0)
cat(sprintf('RESULT {"write": [%s]}\\n', paste(format(seconds, digits = 6), collapse = ", ")))
"""

MEMCPY = """
import time, json
import numpy as np
source = [np.random.rand((1 << 30) // 64) for _ in range(8)]
target = [np.ones_like(column) for column in source]
times = []
for _ in range(4):
    before = time.perf_counter()
    for a, b in zip(target, source):
        np.copyto(a, b)
    times.append(time.perf_counter() - before)
print("RESULT", json.dumps({"memcpy": times}), flush=True)
"""

OURS = "library(longshore)\napi <- longshore.api()\n"


def cold_start(folder: Path) -> list[str]:
    """A whole run of an R script that does nothing, relative to `docker run` of the same image and command."""
    script = folder / "hello.R"
    script.write_text("cat('hello\\n')\n")
    ours = [LONGSHORE, "run", str(script), "--engine", "docker", "--quiet"]
    theirs = ["docker", "run", "--rm", "--network", "none", "-v", f"{script}:/work/hello.R:ro"]
    theirs += ["--entrypoint", "Rscript", IMAGE, "--vanilla", "/work/hello.R"]
    process = [LONGSHORE, "run", str(script), "--engine", "process", "--quiet"]
    times = in_turns(
        ROUNDS,
        ours=lambda: timed(lambda: run(ours)),
        docker=lambda: timed(lambda: run(theirs)),
        process=lambda: timed(lambda: run(process)),
    )
    return [
        "| cold start, whole command | median (range) | relative to `docker run` |",
        "|---|---|---|",
        f"| `longshore run`, engine docker | {spread(times['ours'])} | {ratio(times['ours'], times['docker'])} |",
        f"| `docker run --rm --network none` | {spread(times['docker'])} | 1 |",
        f"| `longshore run`, engine process | {spread(times['process'])} | |",
    ]


def ours(folder: Path, table: str, read: str) -> dict[str, Any]:
    """What a script in a run measures, its input decoded before."""
    script = folder / "visible.R"
    script.write_text(VISIBLE.format(prepare=OURS + "invisible(read.input.records(api))", read=read))
    return result(run([LONGSHORE, "run", str(script), "--engine", "docker", "-i", str(folder / table)]))


def fread(folder: Path, read: str) -> dict[str, Any]:
    """What a script measures that reads a CSV in a mounted folder with data.table."""
    prepare = "library(data.table, warn.conflicts = FALSE)"
    (folder / "mounted.R").write_text(VISIBLE.format(prepare=prepare, read=read))
    command = ["docker", "run", "--rm", "--network", "none", "-v", f"{folder}:/data:ro", "--entrypoint", "Rscript"]
    return result(run([*command, IMAGE, "--vanilla", "/data/mounted.R"]))


def rows(title: str, pairs: dict[str, list[dict[str, Any]]]) -> list[str]:
    """A table of what was measured."""
    lines = [f"| {title} | median (range) | new memory |", "|---|---|---|"]
    for name, values in pairs.items():
        memory = [value["anonymous_mib"] for value in values]
        lines.append(f"| {name} | {spread([value['seconds'] for value in values])} | {max(memory):.0f} MiB at most |")
    return lines


def doubles(folder: Path) -> list[str]:
    """One gibibyte of doubles until the script has it as a data frame."""
    count = GIB // 8 // COLUMNS
    generator = np.random.default_rng(1)
    table = pa.table({f"c{index}": generator.random(count) for index in range(COLUMNS)})
    pa.feather.write_feather(table, str(folder / "doubles.arrow"), compression="uncompressed")
    pa.csv.write_csv(table, folder / "doubles.csv")
    measured: dict[str, list[dict[str, Any]]] = {}
    for _ in range(3):
        for name, action in {
            "Longshore, as a data frame, after decoding": lambda: ours(
                folder, "doubles.arrow", "t <- read.input.records(api)"
            ),
            "`fread` of the CSV in a mounted folder": lambda: fread(folder, "t <- fread('/data/doubles.csv')"),
        }.items():
            measured.setdefault(name, []).append(action())
    (folder / "doubles.csv").unlink()
    return rows("1 GiB of doubles, time to reach the script", measured)


def text(folder: Path) -> list[str]:
    """A column of text, until each of its values has been looked at."""
    # `nchar` in bytes looks at each value, and does little else.
    look = "; n <- sum(nchar(t$t, 'bytes'))"
    generator = np.random.default_rng(2)
    numbers = generator.integers(0, 1 << 60, ROWS_OF_TEXT)
    tables = {
        "all distinct": pa.table({"t": pa.array(numbers).cast(pa.string())}),
        "1,000 distinct": pa.table({"t": pa.array(numbers % 1000 + 1_000_000).cast(pa.string())}),
    }
    measured: dict[str, list[dict[str, Any]]] = {}
    for name, table in tables.items():
        pa.feather.write_feather(table, str(folder / "text.arrow"), compression="uncompressed")
        pa.csv.write_csv(table, folder / "text.csv", pa.csv.WriteOptions(quoting_style="all_valid"))
        for _ in range(3):
            for way, action in {
                f"Longshore, {name}": lambda: ours(folder, "text.arrow", "t <- read.input.records(api)" + look),
                f"`fread`, {name}": lambda: fread(
                    folder, "t <- fread('/data/text.csv', colClasses = 'character')" + look
                ),
            }.items():
                measured.setdefault(way, []).append(action())
    return rows(f"{ROWS_OF_TEXT // 10**6} million strings, time to access each", measured)


def output(folder: Path) -> list[str]:
    """One gibibyte of doubles from the script to the host, against copying as much on the same machine in between."""
    script, copying = folder / "write.R", folder / "memcpy.py"
    script.write_text(WRITE)
    copying.write_text(MEMCPY)
    write: list[float] = []
    memcpy: list[float] = []
    for _ in range(3):
        write += result(run([LONGSHORE, "run", str(script), "--engine", "docker"]))["write"][1:]
        memcpy += result(run([LONGSHORE, "run", str(copying), "--engine", "docker"]))["memcpy"][1:]
    rates = {name: [1 / value for value in values] for name, values in {"write": write, "memcpy": memcpy}.items()}
    return [
        "| 1 GiB output from R, received and validated by the host | median (range) | relative to memcpy |",
        "|---|---|---|",
        f"| `write.output.records` | {spread(rates['write'], 'GiB/s', 1)} | {ratio(rates['write'], rates['memcpy'])} |",
        f"| memcpy onto warm memory, in an alternating script | {spread(rates['memcpy'], 'GiB/s', 1)} | 1 |",
    ]


r_sections = {"R: cold start": cold_start, "R: numbers": doubles, "R: text": text, "R: outputs": output}
