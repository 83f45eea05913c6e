"""Streams: more than the container's memory passes through, and neither side grows. And messages: what they cost."""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from measure import COLUMNS, GIB, LONGSHORE, ratio, result, run, spread

GIBIBYTES = int(os.environ.get("BENCH_STREAM_GIB", "10"))
CHUNK_ROWS = 65_536

PYTHON = """
import json
from longshore.api import Api
api = Api()
seen = {"chunks": 0, "mib": []}
def anonymous():
    return int([line for line in open("/proc/self/status") if line.startswith("RssAnon")][0].split()[1]) / 1024
def work(frame):
    frame["total"] = frame["c0"] + frame["c1"]
    seen["chunks"] += 1
    if seen["chunks"] % 16 == 0:
        seen["mib"].append(anonymous())
    return frame
api.process_stream(work)
print("RESULT " + json.dumps({"chunks": seen["chunks"], "mib": seen["mib"]}), flush=True)
"""

R = """
library(longshore)
api <- longshore.api()
chunks <- 0
mib <- c()
anonymous <- function() {
  as.numeric(gsub("[^0-9]", "", grep("^RssAnon", readLines("/proc/self/status"), value = TRUE))) / 1024
}
process.stream(api, function(chunk) {
  chunk$total <- chunk$c0 + chunk$c1
  chunks <<- chunks + 1
  if (chunks %% 16 == 0) mib <<- c(mib, anonymous())
  chunk
})
cat(sprintf('RESULT {"chunks": %d, "mib": [%s]}\\n', as.integer(chunks), paste(round(mib, 1), collapse = ", ")))
"""

MESSAGES = """
import json, time
from longshore.api import Api
api = Api()
def cost(turns):
    before = time.perf_counter()
    for turn in range(turns):
        api.update_message("row 12345")
    return (time.perf_counter() - before) / turns
print("RESULT " + json.dumps({"seconds": [cost(200_000) for _ in range(7)]}), flush=True)
"""

MESSAGES_R = """
library(longshore)
api <- longshore.api()
cost <- function(turns) {
  before <- Sys.time()
  for (turn in seq_len(turns)) update.message(api, "row 12345")
  (as.numeric(Sys.time()) - as.numeric(before)) / turns
}
cat(sprintf('RESULT {"seconds": [%s]}\\n', paste(sprintf("%.9f", replicate(7, cost(50000))), collapse = ", ")))
"""


def block(folder: Path, language: str, script: str) -> Path:
    """A block with the mode stream."""
    path = folder / f"stream-{language}"
    path.mkdir(exist_ok=True)
    name = "script.R" if language == "r" else "script.py"
    (path / name).write_text(script)
    (path / "block.toml").write_text(f'name = "stream"\nlanguage = "{language}"\nscript = "{name}"\nmode = "stream"\n')
    return path


def host_memory(process: int) -> float:
    """MiB of the host's own memory."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) / 1024


def passes(folder: Path, language: str, script: str) -> str:
    """A row about so many GiB of doubles through a container with 512 MiB."""
    command = [LONGSHORE, "run", str(block(folder, language, script)), "-i", "-", "-o", "-", "--format", "arrows"]
    command += ["--engine", "docker", "--memory", "512m"]
    batch = pa.record_batch({f"c{index}": np.random.default_rng(index).random(CHUNK_ROWS) for index in range(COLUMNS)})
    chunks = GIBIBYTES * GIB // (CHUNK_ROWS * 8 * COLUMNS)
    begun = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=False
    ) as running:
        host: list[float] = []
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(0.25):
                host.append(host_memory(running.pid))

        watching = threading.Thread(target=watch)
        assert running.stdin is not None and running.stderr is not None
        with pa.ipc.new_stream(running.stdin, batch.schema) as writer:
            watching.start()
            for _ in range(chunks):
                writer.write_batch(batch)
            ended.set()
        watching.join()
        running.stdin.close()
        printed = running.stderr.read().decode()
    seconds = time.perf_counter() - begun
    if running.returncode != 0:
        raise SystemExit(f"the stream failed:\n{printed}")
    seen = result(printed)
    assert seen["chunks"] == chunks, seen["chunks"]
    # What is there once everything is warm, and never more.
    script_mib, host_mib = seen["mib"][len(seen["mib"]) // 10 :], host[len(host) // 10 :]
    rate = GIBIBYTES / seconds
    name = "R" if language == "r" else "Python"
    return (
        f"| {name} | {rate:.2f} GiB/s | {statistics.median(script_mib):.0f} MiB "
        f"({min(script_mib):.0f} to {max(script_mib):.0f}) | {statistics.median(host_mib):.0f} MiB "
        f"({min(host_mib):.0f} to {max(host_mib):.0f}) |"
    )


def streams(folder: Path) -> list[str]:
    """Much more than the container's memory, through both languages."""
    return [
        f"| {GIBIBYTES} GiB of doubles in and out, container of 512 MiB | rate | script's memory | host's memory |",
        "|---|---|---|---|",
        passes(folder, "python", PYTHON),
        passes(folder, "r", R),
    ]


def messages(folder: Path) -> list[str]:
    """What one message costs the script, where 100,000 are sent in a second."""
    lines = [
        "| `update_message`, repeated calls | per call | share of a second, for 100,000 calls |",
        "|---|---|---|",
    ]
    for name, file, script in [("Python", "messages.py", MESSAGES), ("R", "messages.R", MESSAGES_R)]:
        (folder / file).write_text(script)
        seconds = result(run([LONGSHORE, "run", str(folder / file), "--engine", "docker"]))["seconds"]
        share = ratio(seconds, [1e-5 for _ in seconds])
        lines.append(f"| {name} | {spread(seconds, 'µs', 1e6)} | {float(share) * 100:.0f} % |")
    return lines


stream_sections = {"Streams": streams, "Messages": messages}
