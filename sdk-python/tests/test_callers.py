"""Runs that programs ask a resident host for: tables come back as they went, and everything that fails says why."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import inspect
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import duckdb
import hypothesis.strategies as st
import longshore
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import tomllib
from conftest import Inputs
from host import PATIENCE, Host
from hypothesis import given, settings
from longshore import _frames, _functions, _showing, _story, _submissions
from longshore._longshore import Given
from test_properties import SCALARS

ECHO = """
from longshore.api import Api
api = Api()
number = 0
while (table := api.read_input(number)) is not None:
    api.write_output(table, number)
    number += 1
api.close(f"{number} tables")
"""

SLOW = """
import time, sys
from longshore.api import Api
api = Api()
print("on its way", flush=True)
api.update_progress(0.5, "half")
time.sleep(600)
"""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scripts")
    (folder / "echo.py").write_text(ECHO)
    (folder / "slow.py").write_text(SLOW)
    return folder


def run(host: Host, block: Any, *tables: Any, **keywords: Any) -> longshore.Result:
    keywords = {"engine": "process", "quiet": True, **keywords}
    return longshore.run(block, *tables, socket=host.socket, **keywords)


def submit(host: Host, block: Any, *tables: Any, **keywords: Any) -> longshore.Run:
    return longshore.submit(block, *tables, socket=host.socket, engine="process", **keywords)


def eventually(what: str, holds: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def frame() -> pd.DataFrame:
    return pd.DataFrame({"n": [1, 2, 3], "x": [0.5, np.nan, -1], "word": ["a", None, "ö"]})


# Tables


def test_all_kinds_of_tables_go_in_and_come_back(host: Host, scripts: Path) -> None:
    arrow = pa.table({"n": [1, 2, 3], "x": [0.5, None, -1.0], "word": ["a", None, "ö"]})
    pieces = pa.concat_tables([arrow.slice(0, 1), arrow.slice(1)])
    assert pieces["n"].num_chunks == 2
    views = pl.DataFrame(arrow)
    relation = duckdb.from_arrow(arrow)
    rows = [{"n": 1, "x": 0.5, "word": "a"}, {"n": 2}, {"n": 3, "x": -1.0, "word": "ö"}]
    columns = {"n": [1, 2, 3], "x": [0.5, None, -1.0], "word": ["a", None, "ö"]}
    path = scripts / "table.csv"
    path.write_text("n,x,word\n1,0.5,a\n2,,\n3,-1,ö\n")
    given = [arrow, pieces, frame(), views, views.lazy(), relation, rows, columns, path, arrow.to_batches()[0]]
    result = run(host, scripts / "echo.py", *given)
    assert result.message == f"{len(given)} tables"
    assert len(result) == len(given) == len(list(result))
    for number, table in enumerate(result):
        assert table.columns == ["n", "x", "word"] and len(table) == 3, number
        assert table.to_pyarrow().to_pylist() == arrow.to_pylist(), number
    pd.testing.assert_frame_equal(result[2].to_pandas(), frame())
    assert result[3].to_polars().equals(views)
    assert pa.table(result[0]).equals(arrow) or pa.table(result[0]).to_pylist() == arrow.to_pylist()
    assert duckdb.from_arrow(pa.table(result[0])).sum("n").fetchall() == [(6,)]
    # What came back goes in again.
    again = run(host, scripts / "echo.py", result[5])
    assert again[0].to_pyarrow().to_pylist() == arrow.to_pylist()
    assert "n" in result[0]._repr_html_()


PIECES = """
import pyarrow as pa
from longshore.api import Api
api = Api()
table = api.read_input()
api.write_output(pa.Table.from_batches(table.to_batches(max_chunksize=2)))
"""


@pytest.mark.parametrize("dtypes", ["numpy", "nullable", "arrow"])
def test_frames_of_several_batches_are_those_of_one(host: Host, scripts: Path, inputs: Inputs, dtypes: str) -> None:
    (scripts / "pieces.py").write_text(PIECES)
    kinds = {
        "int": (pa.int32(), [1, 2, 3, 4, 5, 6, 7]),
        "float": (pa.float64(), [0.5, 1, 2, 3, float("inf"), 5, 6]),
        "bool": (pa.bool_(), [True, False, True, True, False, False, True]),
        "date": (pa.date32(), [1, 2, 3, 4, 5, 6, 7]),
        "time": (pa.timestamp("us", "Europe/Berlin"), [1, 2, 3, 4, 5, 6, 7]),
        "text": (pa.string(), ["a", "", "ö", "d", "e", "f", "g"]),
    }
    missing = {"none": [], "first": [0, 1], "middle": [3], "last": [6], "all": list(range(7))}
    given = pa.table(
        {
            f"{kind} {where}": pa.array([None if row in rows else value for row, value in enumerate(values)], of)
            for kind, (of, values) in kinds.items()
            for where, rows in missing.items()
        }
    )
    seen = run(host, scripts / "pieces.py", given)[0]
    assert seen.to_pyarrow().column(0).num_chunks == 4
    pd.testing.assert_frame_equal(seen.to_pandas(dtypes), _frames.to_pandas(inputs.table(given), dtypes))


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=6)
TABLES = st.dictionaries(NAMES, st.sampled_from(sorted(SCALARS)), min_size=1, max_size=4)


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(0, 6))
    columns = {}
    for name, kind in draw(TABLES).items():
        values = draw(st.lists(st.one_of(st.none(), SCALARS[kind]), min_size=rows, max_size=rows))
        columns[name] = pa.array(values, pa.int64()) if rows == 0 else _array(values)
    return pa.table(columns)


def _array(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, OverflowError):
        return pa.array([None if value is None else str(value) for value in values])


@settings(max_examples=12)
@given(st.lists(tables(), min_size=8, max_size=8))
def test_what_goes_in_comes_out(host: Host, scripts: Path, given_tables: list[pa.Table]) -> None:
    result = run(host, scripts / "echo.py", *given_tables)
    for number, table in enumerate(given_tables):
        back = result[number].to_pyarrow()
        assert back.column_names == table.column_names
        assert back.to_pylist() == table.to_pylist()


def test_an_encoded_table_has_the_form_that_scripts_map(inputs: Inputs) -> None:
    # One copy: the caller's pieces become one batch.
    table = pa.concat_tables([pa.table({"n": [1, 2]}), pa.table({"n": [3]})])
    assert Given(table) is not None
    assert inputs.table(table).rows == 3


# Results


def test_outputs_are_found_by_id_and_number_or_written_to_paths(host: Host, tmp_path: Path) -> None:
    @longshore.block
    def two(table):
        return {"first": table, "second": table.head(1)}

    result = run(host, two, frame(), outputs={"second": tmp_path / "second.csv"})
    assert list(result.outputs) == ["first"] and len(result["first"]) == 3
    assert result[0].columns == ["n", "x", "word"]
    assert (tmp_path / "second.csv").read_text().startswith("n,x,word\n1,")
    with pytest.raises(KeyError, match="was written to"):
        result["second"]
    with pytest.raises(KeyError, match=r"no output 'third' \(it returned: 'first'\)"):
        result["third"]
    assert result.run_id == result.record["run_id"] and result.run_id in repr(result)
    many = run(host, two, frame(), outputs=[tmp_path / "a.csv", tmp_path / "b.csv"])
    assert len(many) == 0 and (tmp_path / "b.csv").exists()


def test_what_is_printed_is_printed_and_progress_only_where_people_look(
    host: Host, scripts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = scripts / "prints.py"
    script.write_text(
        "import sys\nfrom longshore.api import Api\napi = Api()\nprint('ä' * 70000)\n"
        "sys.stderr.buffer.write(b'\\xff\\n')\napi.update_progress(0.5, 'half')\napi.update_message('soon')\n"
    )
    result = run(host, script, quiet=False)
    printed = capsys.readouterr()
    # The two streams may take turns.
    assert printed.out.count("ä") == 70000 and printed.out.count("�") == 1 and printed.err == ""
    assert result.log == printed.out
    run(host, script)
    assert capsys.readouterr().out == ""


class Terminal:
    """A terminal's standard error."""

    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


@pytest.mark.parametrize("has_tqdm", [True, False])
def test_progress_is_a_bar_or_lines(monkeypatch: pytest.MonkeyPatch, has_tqdm: bool) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(_showing, "_PAUSE", 1000.0)
    if not has_tqdm:
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with _showing.Showing() as showing:
        for step in range(5):
            showing.show({"event": "progress", "fraction": step / 4, "text": f"step {step}"})
        showing.show({"event": "message", "text": "nearly"})
        showing.show({"event": "error", "text": "no price"})
    assert "step 0" in terminal.text and "nearly" in terminal.text and "error: no price" in terminal.text
    assert ("\r" in terminal.text) == has_tqdm
    # Lines have their pause, but the last one is always there.
    assert has_tqdm or terminal.text.splitlines()[:2] == ["  0% step 0", "100% step 4"]


# Options and limits


def test_options_reach_the_script(host: Host, tmp_path: Path) -> None:
    (tmp_path / "block.toml").write_text(
        'name = "o"\nlanguage = "python"\nscript = "s.py"\n'
        + "".join(
            f'[[options]]\nname = "{name}"\nkind = "{kind}"\n'
            for name, kind in [
                ("k", "integer"),
                ("x", "double"),
                ("on", "boolean"),
                ("quiet", "text"),
                ("fields", "fields"),
            ]
        )
    )
    (tmp_path / "s.py").write_text(
        "import os, sys\nfrom longshore.api import Api\napi = Api()\n"
        "print(dict(api.options), sys.argv[1:], os.environ['A'])\n"
    )
    given = {"k": np.int64(3), "x": 0.25, "on": True, "fields": ["n", "x"], "options": {"quiet": "ö"}}
    result = run(host, tmp_path, frame(), arguments=["--a", 1], environment={"A": "b"}, memory="1g", **given)
    printed = "{'k': 3, 'x': 0.25, 'on': True, 'quiet': 'ö', 'fields': ['n', 'x']} ['--a', '1'] b\n"
    assert result.log == printed
    assert result.record["limits"]["memory_bytes"] == 1 << 30
    with pytest.raises(longshore.RequestError, match="`k`"):
        run(host, tmp_path, k="three", environment={"A": "b"})
    with pytest.raises(longshore.RequestError, match="clusters"):
        run(host, tmp_path, clusters=3)


@pytest.mark.parametrize(
    ("keywords", "error"),
    [
        ({"memory": "much"}, "memory must be"),
        ({"memory": 0}, "memory must be"),
        ({"timeout": -1}, "timeout must be"),
        ({"k": float("nan")}, "must be a finite number"),
        ({"k": object()}, "option `k` cannot be sent"),
        ({"chunk_rows": 0}, "chunk_rows must be"),
        ({"pids": "many"}, "pids must be"),
        ({"mounts": "/data"}, "mounts is a list"),
    ],
)
def test_what_cannot_be_sent_is_refused(host: Host, scripts: Path, keywords: dict[str, Any], error: str) -> None:
    with pytest.raises((TypeError, ValueError), match=error):
        run(host, scripts / "echo.py", **keywords)


def test_files_have_formats_and_options(host: Host, scripts: Path, tmp_path: Path) -> None:
    (tmp_path / "sales.txt").write_text("sum of sales\nregion;amount;note\nnorth;1,5;x\nsouth;n/a;y\n")
    given = longshore.path(
        tmp_path / "sales.txt",
        format="csv",
        delimiter=";",
        decimal=",",
        skip=np.int64(1),
        missing=["n/a"],
        columns=("region", "amount"),
        encoding=None,
    )
    target = longshore.path(tmp_path / "out", format="csv", delimiter="|", missing="NA")
    result = run(host, scripts / "echo.py", given, given, outputs=target)
    assert result[1].to_pyarrow().to_pylist() == [
        {"region": "north", "amount": 1.5},
        {"region": "south", "amount": None},
    ]
    assert (tmp_path / "out").read_text() == "region|amount\nnorth|1.5\nsouth|NA\n"
    assert run(host, scripts / "echo.py", inputs={"0": None}).message == "0 tables"
    with pytest.raises(longshore.RequestError, match="unknown field `delimeter`"):
        run(host, scripts / "echo.py", longshore.path("x.csv", delimeter=";"))
    with pytest.raises(TypeError, match="the path of a table is a text"):
        longshore.path(3)


def test_a_run_for_each_value_of_a_field(host: Host, tmp_path: Path) -> None:
    script = tmp_path / "sum.py"
    script.write_text(
        "from longshore.api import Api\napi = Api()\ntable = api.read_input_records()\nprint('rows', len(table))\n"
        "assert table['region'][0] != 'west', 'no west'\n"
        "api.write_output_records({'region': [table['region'][0]], 'amount': [table['amount'].sum()]})\n"
    )
    sales = {"region": ["north", "south", "north", "west"], "amount": [1, 2, 3, 4]}
    some = {name: values[:3] for name, values in sales.items()}
    result = run(host, script, some, partition="region", jobs=2)
    assert result[0].to_pyarrow().to_pylist() == [{"region": "north", "amount": 4}, {"region": "south", "amount": 2}]
    assert [part["value"] for part in result.record["partitions"]] == ["north", "south"]
    target = tmp_path / "out.csv"
    with pytest.raises(longshore.RunError, match="no west"):
        run(host, script, sales, partition="region", keep_going=True, outputs=target)
    assert target.read_text() == "region,amount\nnorth,4\nsouth,2\n"
    with pytest.raises(TypeError, match="for runs with partition"):
        run(host, script, sales, jobs=2)


def test_what_a_record_and_a_reader_may_be_asked_for(host: Host, scripts: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("n,word\n1,a\n2\n3,c\n")
    result = run(
        host, scripts / "echo.py", tmp_path / "bad.csv", bad_rows="skip", hashes=True, pids=64, keep=tmp_path / "kept"
    )
    assert len(result[0]) == 2 and result.record["limits"]["pids"] == 64
    assert result.record["code_hash"] and result.record["data_hashes"] and (tmp_path / "kept").is_dir()
    with pytest.raises(longshore.RequestError, match="allowed"):
        run(host, scripts / "echo.py", engine="docker", mounts=[tmp_path], allowed=[scripts])
    (tmp_path / "block.toml").write_text('name = "s"\nlanguage = "python"\nscript = "s.py"\nmode = "stream"\n')
    (tmp_path / "s.py").write_text(
        "from longshore.api import Api\napi = Api()\napi.process_stream(lambda chunk: print(len(chunk)) or chunk)\n"
    )
    result = run(host, tmp_path, {"n": list(range(5))}, chunk_rows=2)
    assert result.log == "2\n2\n1\n" and len(result[0]) == 5


def test_every_key_of_a_submission_is_reached() -> None:
    """The vectors of the protocol have every key there is; an argument gives each but what this language lacks."""
    vectors = Path(__file__).resolve().parents[2] / "tests/vectors/v1/from_caller.toml"
    known = set()
    for vector in tomllib.loads(vectors.read_text())["vector"]:
        message = json.loads(vector["message"])
        if message.pop("type") == "submit" and vector.get("rewritten", True):
            known |= keys(message)
    table = longshore.path("x", format="csv", delimiter=";")
    sent = _submissions.submission("b", [table, frame()], {"named": table}, {"k": 1}, [table])
    limits = _submissions.limits("1g", 1.5, 60, 64)
    sent.submission |= _submissions.settings(
        arguments=["-a"],
        environment={"A": "b"},
        engine="docker",
        image="i",
        network="bridge",
        mounts=["/data"],
        allowed=["/data"],
        keep="kept",
        as_of="2023-06-01",
        constraints=["numpy<2"],
        limits=limits,
        chunk_rows=10,
        bad_rows="skip",
        partition="region",
        jobs=2,
        keep_going=True,
        hashes=True,
    )

    @longshore.block
    def function(table):
        return table

    along = _submissions.submission(function, [frame()], {}, {}, None)
    reached = keys(sent.submission) | keys(along.submission)
    # Open files, and scripts without a manifest, are for callers of other kinds.
    assert known - reached <= {"block.files.script", "inputs.table.open", "outputs.table.open", "outputs.table.memory"}
    parameters = inspect.signature(longshore.submit).parameters
    own = inspect.signature(_submissions.settings).parameters.keys() - {"limits"}
    assert own | {"memory", "cpus", "timeout", "pids"} <= parameters.keys()
    assert parameters.keys() | {"quiet"} == inspect.signature(longshore.run).parameters.keys()


def keys(message: dict[str, Any], above: str = "") -> set[str]:
    """The keys of a submission, each with those above it; tables have names below."""
    found = set()
    for key, value in message.items():
        found.add(f"{above}{key}")
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict) and key not in ("read", "write", "open", "memory"):
                found |= keys(part, f"{above}{key}.")
    return found


def test_sizes_and_mounts() -> None:
    assert _submissions.limits("1.5k", 2, 0.0001) == {"memory_bytes": 1536, "cpus": 2.0, "timeout_ms": 1}
    assert _submissions.limits("2GiB", None, 0) == {"memory_bytes": 2 << 30, "timeout_ms": 0}
    assert _submissions.mount("/a:rw") == {"path": "/a", "writable": True}
    assert _submissions.mount("/a") == {"path": "/a", "writable": False}


@pytest.mark.parametrize("table", [3, object(), {1, 2}, [1, 2]])
def test_what_is_no_table_is_refused(host: Host, scripts: Path, table: Any) -> None:
    with pytest.raises(TypeError, match="input 0 cannot be sent: it is of type"):
        run(host, scripts / "echo.py", table)


# Errors


def test_a_failed_run_raises_with_the_traceback(host: Host) -> None:
    @longshore.block
    def fails(table):
        print("before")
        raise ValueError("no price")

    with pytest.raises(longshore.RunError) as caught:
        run(host, fails, frame())
    error = caught.value
    assert error.outcome == "failed" and error.message == "ValueError: no price"
    assert 'raise ValueError("no price")' in error.traceback and error.traceback.startswith("Traceback")
    assert error.traceback.count("  File ") == 1
    assert error.run_id and f"run {error.run_id}" in str(error) and "before" in error.log
    assert error.record["run_id"] == error.run_id and isinstance(error, longshore.LongshoreError)


def test_a_run_that_cannot_be_made_and_a_host_that_is_not_there(host: Host, tmp_path: Path) -> None:
    with pytest.raises(longshore.RequestError) as caught:
        run(host, tmp_path / "nothing.py")
    assert "does not exist" in caught.value.problems[0]
    with pytest.raises(longshore.ServerError, match=r"no Longshore host listens.*`longshore serve`"):
        longshore.run(tmp_path, socket=tmp_path / "no.sock")
    with pytest.raises(TypeError, match="a block is the path"):
        run(host, 3)


def test_the_socket_comes_from_the_variable(host: Host, scripts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGSHORE_RUNS_SERVER", host.socket)
    assert longshore.run(scripts / "echo.py", frame(), engine="process", quiet=True).message == "1 tables"


def test_relative_paths_start_from_the_current_folder(
    host: Host, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(scripts)
    (scripts / "here.csv").write_text("n\n1\n")
    assert len(run(host, "echo.py", "here.csv")[0]) == 1


# Runs that go on


def test_a_run_is_waited_for_and_cancelled(host: Host, scripts: Path) -> None:
    run = submit(host, scripts / "slow.py")
    events = run.events()
    kinds = []
    for event in events:
        kinds.append(event["event"])
        if event["event"] == "progress":
            break
    assert "begun" in kinds and run.run_id and not run.done()
    with pytest.raises(TimeoutError):
        run.result(timeout=0.01)
    run.cancel()
    with pytest.raises(longshore.RunError) as caught:
        run.result(PATIENCE)
    assert caught.value.outcome == "interrupted" and run.done() and "on its way" in run.log
    # From the beginning again, to its end.
    assert [event["event"] for event in run.events()][: len(kinds)] == kinds
    run.cancel()


def test_a_run_that_is_cancelled_at_once_ends(host: Host, scripts: Path) -> None:
    for end in ("cancel", "kill"):
        run = submit(host, scripts / "slow.py")
        getattr(run, end)()
        with pytest.raises((longshore.RunError, longshore.RequestError)):
            run.result(PATIENCE)
    # One whose check waits is cancelled before it has begun.
    pipe = scripts / "never.csv"
    os.mkfifo(pipe)
    run = submit(host, scripts / "echo.py", str(pipe))
    time.sleep(0.3)
    run.cancel()
    with pytest.raises(longshore.RequestError, match="cancelled before the start"):
        run.result(PATIENCE)
    assert run.run_id is None


def test_coroutines_wait_for_runs(host: Host, scripts: Path) -> None:
    async def both() -> tuple[list[str], list[longshore.Result]]:
        runs = [submit(host, scripts / "echo.py", frame()) for _ in range(3)]
        kinds = [event["event"] async for event in runs[0].events()]
        slow = submit(host, scripts / "slow.py")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(slow, 0.05)
        # The one that waited was cancelled, not the run.
        assert not slow.done()
        slow.kill()
        with pytest.raises((longshore.RunError, longshore.RequestError)):
            await slow
        return kinds, await asyncio.gather(*runs)

    kinds, results = asyncio.run(both())
    assert kinds[0] == "begun" and "started" in kinds
    assert [result.message for result in results] == ["1 tables"] * 3


def test_threads_run_at_once(host: Host, scripts: Path) -> None:
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        sizes = list(range(1, 9))
        runs = [pool.submit(run, host, scripts / "echo.py", {"n": list(range(size))}) for size in sizes]
        assert [len(one.result()[0]) for one in runs] == sizes


def caller(host: Host, script: Path) -> subprocess.Popen[str]:
    code = f"""
        import longshore
        try:
            longshore.run({str(script)!r}, engine="process", socket={host.socket!r})
        except KeyboardInterrupt as error:
            print("interrupted", *error.args, flush=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


def running(marker: str) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if marker.encode() in (process / "cmdline").read_bytes() and int(process.name) != os.getpid():
                found.append(int(process.name))
    return found


def test_an_interrupt_cancels_the_run_and_so_does_the_death_of_its_caller(tmp_path: Path) -> None:
    # An interpreter that waits for the next run has the script's name too.
    host = Host(tmp_path, LONGSHORE_POOL_MEMBERS="0")
    for ended, printed in ((signal.SIGINT, "interrupted\n"), (signal.SIGKILL, "")):
        # Scripts are found by their name.
        script = tmp_path / f"slow_{ended.name.lower()}_{os.getpid()}.py"
        script.write_text(SLOW)
        process = caller(host, script)
        assert process.stdout is not None and process.stdout.readline() == "on its way\n"
        name = f"work/{script.name}"
        eventually("the script runs", lambda name=script.name: len(running(name)) > 0)
        process.send_signal(ended)
        assert process.stdout.read() == printed
        process.wait(PATIENCE)
        eventually("the script has ended", lambda name=script.name: not running(name))
        assert name
    host.stop()


def test_a_host_that_dies_is_an_error(tmp_path: Path, scripts: Path) -> None:
    host = Host(tmp_path)
    run = submit(host, scripts / "slow.py")
    for event in run.events():
        if event["event"] == "progress":
            break
    host.process.kill()
    with pytest.raises(longshore.ServerError):
        run.result(PATIENCE)
    host.process.wait(PATIENCE)


def test_a_host_that_hangs_is_an_error_and_ctrl_c_is_heard(tmp_path: Path) -> None:
    path = str(tmp_path / "silent.sock")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(path)
        silent.listen()
        begun = time.monotonic()
        with pytest.raises(longshore.ServerError, match=f"does not answer: its process {os.getpid()} has been silent"):
            longshore.run("x.py", socket=path)
        assert time.monotonic() - begun < PATIENCE
        code = f"""
            import longshore
            try:
                print("asks", flush=True)
                longshore.run("x.py", socket={path!r})
            except KeyboardInterrupt:
                print("interrupted", flush=True)
        """
        command = [sys.executable, "-c", textwrap.dedent(code)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None and process.stdout.readline() == "asks\n"
        time.sleep(1)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "interrupted\n" and process.wait(PATIENCE) == 0
        assert time.monotonic() - begun < 3


def test_a_run_whose_host_hangs_is_left_with_the_third_interrupt(tmp_path: Path) -> None:
    host = Host(tmp_path)
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    process = caller(host, script)
    assert process.stdout is not None and process.stdout.readline() == "on its way\n"
    os.kill(host.process.pid, signal.SIGSTOP)
    for _ in range(3):
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
    assert process.stdout.read() == "interrupted the host does not answer: the outcome of the run is unknown\n"
    process.wait(PATIENCE)
    os.kill(host.process.pid, signal.SIGCONT)
    host.stop()


def test_a_slow_reader_of_events_is_told_what_it_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_story, "EVENTS_MAX", 3)
    monkeypatch.setattr(_story, "LOG_MAX", 4)
    story = _story.Story()
    for number in range(5):
        story.add({"event": "message", "text": str(number)})
    story.add_log("stdout", "ö".encode()[:1])
    story.add_log("stdout", "ö".encode()[1:])
    story.add_log("stderr", b"abcd")
    waiter = threading.Timer(0.05, story.end)
    waiter.start()
    found, position = [], 0
    while (read := story.read(position)) is not None:
        position, event = read
        found.append(event)
    assert found == [
        {"event": "dropped", "events": 4},
        {"event": "message", "text": "4"},
        {"event": "log", "source": "stdout", "text": "ö"},
        {"event": "log", "source": "stderr", "text": "abcd"},
    ]
    assert story.log() == "abcd"


# A container


def test_a_function_runs_in_a_container(host: Host) -> None:
    import math

    @longshore.block
    def hypotenuse(table, *, scale: float = 1.0):
        import pathlib

        table["c"] = scale * (table["a"] ** 2 + table["b"] ** 2) ** 0.5
        print(pathlib.Path("/.dockerenv").exists())
        return table

    result = run(host, hypotenuse, pl.DataFrame({"a": [3.0, 5.0], "b": [4.0, 12.0]}), scale=2.0, engine="docker")
    assert result[0].to_pandas()["c"].tolist() == [2 * math.hypot(3, 4), 2 * math.hypot(5, 12)]
    assert result.record["fresh_container"] is True and result.log == "True\n"
    assert _functions.FunctionBlock is longshore.FunctionBlock
