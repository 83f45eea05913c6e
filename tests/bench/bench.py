"""Measures Longshore against what people do today, side by side in one run, and writes ``target/bench/report.md``.

Every comparison takes turns: A, B, A, B. Medians are given with the least and the greatest, and ratios are medians of
the ratios of neighbours, so that a machine whose speed drifts does not decide them.
"""

from __future__ import annotations

import json
import math
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.flight
import pyarrow.parquet
from admission import admission_sections
from chains import chain_sections
from environments import environment_sections
from from_callers import caller_sections
from history import history_sections
from measure import GIB, LONGSHORE, ROUNDS, doubles, in_turns, ratio, result, run, spread, timed
from members import member_sections
from resident import host, resident_sections, through
from stream import stream_sections
from text import text_sections
from waiting import waiting_sections

from r import r_sections

IMAGE = "longshore/python:latest"

VISIBLE = """
import time, json, sys
{prepare}
before = time.perf_counter()
{read}
seen = time.perf_counter() - before
resident = [line for line in open("/proc/self/status") if line.startswith("RssAnon")][0].split()[1]
print("RESULT", json.dumps({{"seconds": seen, "anonymous_mib": int(resident) / 1024}}), flush=True)
"""

WRITE = """
import time, json
import numpy as np, pandas as pd, pyarrow
from longshore.api import Api
api = Api()
n = (1 << 30) // 64
frame = pd.DataFrame({f"c{i}": np.random.rand(n) for i in range(8)}, copy=False)
source = [frame[name].to_numpy() for name in frame.columns]
target = [np.ones_like(column) for column in source]
times = {"memcpy": [], "write": []}
for _ in range(4):
    before = time.perf_counter()
    for a, b in zip(target, source):
        np.copyto(a, b)
    times["memcpy"].append(time.perf_counter() - before)
    before = time.perf_counter()
    api.write_output_records(frame)
    times["write"].append(time.perf_counter() - before)
print("RESULT", json.dumps(times), flush=True)
"""

PIPELINE = """
frame["total"] = frame["c0"] * frame["c1"] + frame["n"]
frame = frame[frame["total"] > 0.5]
"""


def cold_start(folder: Path) -> list[str]:
    """A whole run of a script that does nothing, relative to `docker run` of the same image and command."""
    script = folder / "hello.py"
    script.write_text("print('hello')\n")
    ours = [LONGSHORE, "run", str(script), "--engine", "docker", "--quiet"]
    theirs = ["docker", "run", "--rm", "--network", "none", "-v", f"{script}:/work/hello.py:ro"]
    theirs += ["--entrypoint", "python3", IMAGE, "/work/hello.py"]
    alone = dict(os.environ, LONGSHORE_RUNS_SERVER="none")
    with host(folder / "cold") as (path, _):
        times = in_turns(
            ROUNDS,
            ours=lambda: timed(lambda: run(ours, env=alone)),
            through=lambda: timed(lambda: run(ours, env=through(path))),
            docker=lambda: timed(lambda: run(theirs)),
        )
    saved = spread([ours - through for ours, through in zip(times["ours"], times["through"])])
    relative = ratio(times["through"], times["ours"])
    process = [LONGSHORE, "run", str(script), "--engine", "process", "--quiet"]
    processes = in_turns(ROUNDS, process=lambda: timed(lambda: run(process)), first=lambda: first_output(process[:-1]))
    return [
        "| cold start, whole command | median (range) | relative to `docker run` |",
        "|---|---|---|",
        f"| `longshore run`, engine docker | {spread(times['ours'])} | {ratio(times['ours'], times['docker'])} |",
        f"| the same, through a resident host | {spread(times['through'])} | {ratio(times['through'], times['docker'])} |",
        f"| `docker run --rm --network none` | {spread(times['docker'])} | 1 |",
        f"| `longshore run`, engine process | {spread(processes['process'])} | |",
        f"| the same, until the script's first output | {spread(processes['first'])} | |",
        "",
        f"A run through a resident host takes {relative} times as long as without one, {saved} less.",
    ]


def first_output(command: list[str]) -> float:
    """Seconds until the first byte of a command's output, which prints `hello`."""
    before = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
        assert running.stdout is not None
        first = running.stdout.read1(5)
        seconds = time.perf_counter() - before
        running.stdout.read()
    if first != b"hello":
        raise SystemExit(f"{command} printed {first!r} first")
    return seconds


def visible(folder: Path) -> list[str]:
    """One gibibyte of doubles until the script has it, by each way that it can come."""
    table = doubles()
    pa.feather.write_feather(table, str(folder / "in.arrow"), compression="uncompressed")
    pa.parquet.write_table(table, folder / "in.parquet")
    pa.csv.write_csv(table, folder / "in.csv")

    def ours(read: str, decoded: bool = True) -> dict[str, Any]:
        prepare = "import pandas, pyarrow, polars\nfrom longshore.api import Api\napi = Api()\n"
        prepare += "api.read_input()" if decoded else ""
        script = folder / "visible.py"
        script.write_text(VISIBLE.format(prepare=prepare, read=read))
        command = [LONGSHORE, "run", str(script), "--engine", "docker", "-i", str(folder / "in.arrow")]
        return result(run(command))

    def mounted(read: str) -> dict[str, Any]:
        prepare = "import pandas, pyarrow.parquet, pyarrow.csv"
        (folder / "mounted.py").write_text(VISIBLE.format(prepare=prepare, read=read))
        command = ["docker", "run", "--rm", "--network", "none", "-v", f"{folder}:/data:ro", "--entrypoint", "python3"]
        return result(run([*command, IMAGE, "/data/mounted.py"]))

    def flight() -> float:
        server = _Flight(table)
        with server, pa.flight.connect(f"grpc://127.0.0.1:{server.port}") as client:
            threading.Thread(target=server.serve, daemon=True).start()
            return timed(lambda: client.do_get(pa.flight.Ticket(b"")).read_all())

    measured: dict[str, list[dict[str, Any]]] = {}
    for _ in range(3):
        for name, action in {
            "Longshore, as Arrow, after decoding by the host": lambda: ours("t = api.read_input()"),
            "Longshore, as pandas, after decoding": lambda: ours("t = api.read_input_records()"),
            "Longshore, as polars, after decoding": lambda: ours("t = api.read_input(as_='polars')"),
            "Longshore, as pandas, while the host decodes the Arrow file": lambda: ours(
                "t = api.read_input_records()", decoded=False
            ),
            "Parquet in a mounted folder, pandas": lambda: mounted("t = pandas.read_parquet('/data/in.parquet')"),
            "Arrow file in a mounted folder, pyarrow, not mapped": lambda: mounted(
                "t = pyarrow.ipc.open_file(pyarrow.OSFile('/data/in.arrow')).read_all()"
            ),
            "Arrow Flight on loopback, no container": lambda: {"seconds": flight(), "anonymous_mib": float("nan")},
        }.items():
            measured.setdefault(name, []).append(action())
    measured["CSV in a mounted folder, pyarrow"] = [mounted("t = pyarrow.csv.read_csv('/data/in.csv')")]
    lines = [
        "| 1 GiB of doubles, time to reach the script | median (range) | private memory |",
        "|---|---|---|",
    ]
    for name, values in measured.items():
        memory = statistics.median(value["anonymous_mib"] for value in values)
        shown = "" if math.isnan(memory) else f"{memory:.0f} MiB"
        lines.append(f"| {name} | {spread([value['seconds'] for value in values])} | {shown} |")
    whole = [
        LONGSHORE,
        "run",
        str(folder / "visible.py"),
        "--engine",
        "docker",
        "--json",
        "-i",
        str(folder / "in.arrow"),
    ]
    first = [json.loads(subprocess.run(whole, capture_output=True, text=True, check=True).stdout) for _ in range(3)]
    totals = [record["timings_ms"]["total"] / 1000 for record in first]
    lines.append(f"| (complete run, including decoding of the file) | {spread(totals)} | |")
    return lines


class _Flight(pa.flight.FlightServerBase):
    def __init__(self, table: Any) -> None:
        super().__init__("grpc://127.0.0.1:0")
        self._table = table

    def do_get(self, context: Any, ticket: Any) -> Any:
        return pa.flight.RecordBatchStream(self._table)


def output(folder: Path) -> list[str]:
    """One gibibyte from the script to the host, checked there, against copying it inside the script."""
    script = folder / "write.py"
    script.write_text(WRITE)
    times = result(run([LONGSHORE, "run", str(script), "--engine", "docker"]))
    write, memcpy = times["write"][1:], times["memcpy"][1:]
    rates = {name: [1 / value for value in values] for name, values in {"write": write, "memcpy": memcpy}.items()}
    return [
        "| 1 GiB output, received and validated by the host | median (range) | relative to memcpy |",
        "|---|---|---|",
        f"| `write_output_records` | {spread(rates['write'], 'GiB/s', 1)} | {ratio(rates['write'], rates['memcpy'])} |",
        f"| memcpy onto warm memory, in the same script | {spread(rates['memcpy'], 'GiB/s', 1)} | 1 |",
    ]


def pipeline(folder: Path) -> list[str]:
    """Parquet in, pandas, Parquet out: the run against the same script bare."""
    rows = 8_000_000
    generator = np.random.default_rng(2)
    columns = {f"c{index}": generator.random(rows) for index in range(4)}
    table = pa.table(
        {**columns, "n": np.arange(rows), "t": pa.array(generator.integers(0, 1000, rows)).cast(pa.string())}
    )
    pa.parquet.write_table(table, folder / "pipeline.parquet", compression="snappy")
    (folder / "ours.py").write_text(
        "from longshore.api import Api\napi = Api()\nframe = api.read_input_records()\n"
        + PIPELINE
        + "api.write_output_records(frame)\napi.close()\n"
    )
    (folder / "bare.py").write_text(
        "import sys, pyarrow.parquet as pq, pyarrow as pa\nframe = pq.read_table(sys.argv[1]).to_pandas()\n"
        + PIPELINE
        + "pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), sys.argv[2])\n"
    )
    source, target = str(folder / "pipeline.parquet"), str(folder / "out.parquet")
    ours = [LONGSHORE, "run", str(folder / "ours.py"), "-i", source, "-o", target, "--quiet", "--engine"]
    bare = [sys.executable, str(folder / "bare.py"), source, target]
    times = in_turns(
        5,
        docker=lambda: timed(lambda: run([*ours, "docker"])),
        process=lambda: timed(lambda: run([*ours, "process"])),
        bare=lambda: timed(lambda: run(bare)),
    )
    lines = [
        "| Parquet in, pandas, Parquet out, 8 million rows | median (range) | relative to the bare script |",
        "|---|---|---|",
    ]
    names = {
        "docker": "`longshore run`, engine docker",
        "process": "`longshore run`, engine process",
        "bare": "bare script",
    }
    return lines + [
        f"| {names[key]} | {spread(value)} | {ratio(value, times['bare'])} |" for key, value in times.items()
    ]


def agent(folder: Path) -> list[str]:
    """The agent's size, memory and time to connect."""
    binary = Path(LONGSHORE).with_name("longshore-agent")

    def connect() -> float:
        path = folder / "agent.sock"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            before = time.perf_counter()
            # It complains of a host that hangs up so early, as it should.
            process = subprocess.Popen([binary, str(path)], stderr=subprocess.DEVNULL)
            connection, _ = listener.accept()
            connection.recv(1)
            seconds = time.perf_counter() - before
            connection.close()
        process.wait()
        return seconds

    script = folder / "rss.py"
    script.write_text("print([line for line in open('/proc/1/status') if line.startswith('VmRSS')][0])\n")
    resident = run([LONGSHORE, "run", str(script), "--engine", "docker"]).split("VmRSS:")[1].split()[0]
    return [
        "| agent | |",
        "|---|---|",
        f"| size | {binary.stat().st_size / 2**20:.2f} MiB |",
        f"| resident memory while a script runs | {int(resident) / 1024:.2f} MiB |",
        f"| time from start to `hello` | {spread(in_turns(30, connect=connect)['connect'])} |",
    ]


def machine() -> str:
    """The machine, in a line."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    engine = run(["docker", "version", "--format", "{{.Server.Version}}"]).strip()
    return (
        f"{os.cpu_count()} cores of {cpu}, {memory:.0f} GiB, Linux {platform.release().split('-')[0]}, Docker {engine}"
    )


def main() -> None:
    """Measures everything and writes the report."""
    sections = {
        "Cold start": cold_start,
        "Inputs": visible,
        "Outputs": output,
        "Complete job": pipeline,
        "Agent": agent,
        **stream_sections,
        **text_sections,
        **r_sections,
        **environment_sections,
        **history_sections,
        **resident_sections,
        **caller_sections,
        **admission_sections,
        **waiting_sections,
        **member_sections,
        **chain_sections,
    }
    only = os.environ.get("BENCH_ONLY", "")
    sections = {title: measure for title, measure in sections.items() if not only or title in only.split(",")}
    lines = ["# Benchmarks", "", f"Measured by `make bench` on {machine()}.", ""]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        Path(folder).chmod(0o755)
        for title, measure in sections.items():
            print(title, file=sys.stderr)
            lines += [f"## {title}", "", *measure(Path(folder)), ""]
    report = Path(__file__).parents[2] / "target" / "bench" / "report.md"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text("\n".join(lines))
    print(report.read_text())


if __name__ == "__main__":
    main()
