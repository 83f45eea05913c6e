"""Chains that programs ask a resident host for: tables go through several blocks, and what is wrong is said before."""

from __future__ import annotations

import inspect
import time
from pathlib import Path
from typing import Any

import longshore
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from host import PATIENCE, Host
from longshore import _chains

ADD = """
from longshore.api import Api
api = Api()
table = api.read_input_records()
table["n"] += 1
print("added to", len(table), "rows")
api.write_output_records(table)
api.close("added")
"""

SPLIT = """
from longshore.api import Api
api = Api()
table = api.read_input_records()
api.write_output_records(table[table.n < 2], 0)
api.write_output_records(table[table.n >= 2], 1)
api.close()
"""

JOIN = """
import pandas
from longshore.api import Api
api = Api()
api.write_output_records(pandas.concat([api.read_input_records(0), api.read_input_records(1)]))
api.close()
"""

R = """
library(longshore)
api <- longshore.api()
table <- read.input.records(api)
table$n <- table$n * 2L
write.output.records(api, table)
close(api)
"""

SLOW = """
import time
print("on its way", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scripts")
    for name, text in {"add.py": ADD, "split.py": SPLIT, "join.py": JOIN, "twice.R": R, "slow.py": SLOW}.items():
        (folder / name).write_text(text)
    (folder / "fails.py").write_text("raise ValueError('no such thing')\n")
    return folder


def chain(host: Host, steps: Any, connect: Any = None, **keywords: Any) -> longshore.ChainResult:
    keywords = {"engine": "process", "quiet": True, **keywords}
    return longshore.chain(steps, connect, socket=host.socket, **keywords)


def frame() -> pd.DataFrame:
    return pd.DataFrame({"n": [0, 1, 2, 3]})


@pytest.mark.parametrize("table", [frame(), pl.DataFrame(frame()), pa.table(frame()), {"n": [0, 1, 2, 3]}])
def test_blocks_one_after_another(host: Host, scripts: Path, table: Any) -> None:
    first = longshore.step(scripts / "add.py", table)
    result = chain(host, [first, str(scripts / "twice.R"), scripts / "add.py"])
    assert result[0].to_pandas()["n"].tolist() == [3, 5, 7, 9] and len(result) == 1
    assert list(result.steps) == ["add", "twice", "add-2"]
    # What passes on does not come back.
    assert [len(step) for step in result.steps.values()] == [0, 0, 1]
    assert result.steps["add"].log == "added to 4 rows\n" and result.message == "added"
    assert result.run_id != result.steps["add"].run_id


def test_files_and_tables_from_outside_of_the_chain(host: Host, scripts: Path, tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "in.csv", index=False)
    steps = [
        longshore.step(scripts / "add.py", tmp_path / "in.csv"),
        longshore.step(scripts / "join.py", None, frame(), outputs=tmp_path / "out.csv"),
    ]
    result = chain(host, steps)
    assert (tmp_path / "out.csv").read_text() == "n\n1\n2\n3\n4\n0\n1\n2\n3\n"
    assert len(result) == 0
    with pytest.raises(KeyError, match=r"output 0 was written to '.*out\.csv'"):
        result[0]


def test_a_graph_of_functions_and_scripts(host: Host, scripts: Path) -> None:
    @longshore.block(outputs=["small", "large"])
    def split(table, *, limit):
        return {"small": table[table.n < limit], "large": table[table.n >= limit]}

    def negate(table):
        table["n"] = -table["n"]
        return table

    steps = [
        longshore.step(scripts / "join.py", name="all"),
        longshore.step(split, frame(), limit=2),
        negate,
        longshore.step(negate, name="again"),
    ]
    connect = ["split:small=negate", "split:large=again:table", "negate=all:0", "again=all:1"]
    result = chain(host, steps, connect)
    assert list(result.steps) == ["all", "split", "negate", "again"]
    assert result.steps["all"][0].to_pandas()["n"].tolist() == [0, -1, -2, -3]


@pytest.mark.parametrize(
    ("names", "connect", "problem"),
    [
        (["add.py", "join.py"], ["add=join", "join=add"], "the steps `add`, `join` wait for each other"),
        (["add.py", "join.py", "split.py"], ["add=join"], "step `split` is connected to no other"),
        (["add.py", "join.py"], ["add=jion"], "there is no step `jion`: the steps are add, join"),
        (["add.py", "none.py"], None, "step `none`: "),
        (["add.py"] * 65, None, "a chain has at most 64 steps, and this one has 65"),
        ([], None, "a chain needs a step"),
    ],
)
def test_wrong_chains_are_refused(host: Host, scripts: Path, names: list[str], connect: Any, problem: str) -> None:
    with pytest.raises(longshore.RequestError) as refused:
        chain(host, [scripts / name for name in names], connect)
    assert problem in str(refused.value)


def test_what_cannot_be_sent_is_refused(host: Host, scripts: Path) -> None:
    with pytest.raises(ValueError, match="a connection is a text STEP"):
        chain(host, [scripts / "add.py", scripts / "add.py"], ["add"])
    with pytest.raises(TypeError, match="steps and connect are lists"):
        chain(host, str(scripts / "add.py"))
    with pytest.raises(TypeError, match="'inputs' is nothing that all steps have"):
        chain(host, [scripts / "add.py"], inputs={})
    with pytest.raises(TypeError, match="input 0 cannot be sent"):
        chain(host, [longshore.step(scripts / "add.py", object())])

    def needs(table, other):
        return table

    with pytest.raises(TypeError, match="needs the table 'other'"):
        chain(host, [longshore.step(scripts / "add.py", frame()), needs])


def test_settings_are_those_of_submit() -> None:
    own = inspect.signature(longshore.submit).parameters.keys()
    of_one_run = {"chunk_rows", "partition", "jobs", "keep_going", "keep", "hashes", "socket"}
    assert own - of_one_run == inspect.signature(longshore.step).parameters.keys() - {"name"}
    assert _chains._end("a:3") == ("a", 3) and _chains._end("a:b") == ("a", "b") and _chains._end("a") == ("a", 0)


def test_a_failed_step_ends_the_chain(host: Host, scripts: Path, tmp_path: Path) -> None:
    first = longshore.step(scripts / "split.py", frame(), outputs={1: tmp_path / "out.csv"})
    with pytest.raises(longshore.RunError) as failed:
        chain(host, [first, scripts / "fails.py", scripts / "add.py"])
    assert failed.value.message == "step `fails`: ValueError: no such thing"
    assert failed.value.traceback.startswith("[fails] Traceback")
    outcomes = [step["outcome"] for step in failed.value.record["steps"]]
    assert outcomes[:2] == ["succeeded", "failed"] and outcomes[2] in (None, "stopped")
    assert not (tmp_path / "out.csv").exists()


def test_a_chain_that_goes_on_has_events_and_is_cancelled(host: Host, scripts: Path) -> None:
    steps = [longshore.step(scripts / "add.py", frame()), scripts / "slow.py"]
    run = longshore.submit_chain(steps, socket=host.socket, engine="process")
    deadline = time.monotonic() + PATIENCE
    while "on its way" not in run.log:
        assert time.monotonic() < deadline and not run.done(), run.log
        time.sleep(0.02)
    run.cancel()
    with pytest.raises(longshore.RunError) as cancelled:
        run.result(PATIENCE)
    assert cancelled.value.outcome == "interrupted"
    begun = [event["step"] for event in run.events() if event["event"] == "step" and event["outcome"] is None]
    assert begun == ["add", "slow"]


def test_a_chain_in_containers(host: Host, scripts: Path) -> None:
    first = longshore.step(scripts / "add.py", frame())
    result = chain(host, [first, scripts / "twice.R", scripts / "add.py"], engine="docker")
    assert result[0].to_pandas()["n"].tolist() == [3, 5, 7, 9]
    assert [step["engine"] for step in result.record["steps"]] == ["docker"] * 3
