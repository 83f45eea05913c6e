"""A resident host outlives its engine: one that is restarted while runs go on, one that is started after the host, and one
that is gone when the host is killed. Each run has an end, later runs work, and nothing is left."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine import Engine
from machine import LONGSHORE, output

# How long something may take that takes seconds on a quiet machine.
PATIENCE = 120

SLOW = """\
import time
print("on its way", flush=True)
time.sleep(600)
"""


class Resident:
    """``longshore serve`` on an engine, in a home of its own, and commands that use it."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._folder = folder
        self._socket = folder / "serve" / "server.sock"
        homes = {name: str(folder / name.lower()) for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME")}
        # Nothing of a host is left once its runs have ended: no interpreter waits for the next.
        self._environment = os.environ | engine.variables | homes | {"LONGSHORE_POOL_MEMBERS": "0"}
        self.start()

    def start(self) -> None:
        log = (self._folder / "log").open("ab")
        command = [LONGSHORE, "serve", "--socket", self._socket]
        self.process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment, cwd=self._folder)
        eventually("the host listens", lambda: "serving on" in (self._folder / "log").read_text())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        (self._folder / "log").unlink()

    def run(self, script: str) -> "subprocess.Popen[str]":
        command = [LONGSHORE, "run", script, "--engine", "docker"]
        environment = self._environment | {"LONGSHORE_RUNS_SERVER": str(self._socket)}
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment, cwd=self._folder)

    def runs(self) -> list[tuple[str, str | None]]:
        """The state and outcome of each run."""
        listed = json.loads(output([LONGSHORE, "runs", "list", "--json"], env=self._environment))
        return [(run["state"], (run.get("record") or {}).get("outcome")) for run in listed]


@pytest.fixture
def resident(stocked: Engine, tmp_path: Path) -> Iterator[Resident]:
    (tmp_path / "quick.py").write_text("print('quick')\n")
    (tmp_path / "slow.py").write_text(SLOW)
    started = Resident(stocked, tmp_path)
    yield started
    started.process.terminate()
    started.process.wait(PATIENCE)


def eventually(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def containers(engine: Engine) -> str:
    return output(["docker", "ps", "--all", "--quiet"], env=os.environ | engine.variables)


def ended(run: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = run.communicate(timeout=PATIENCE)
    return run.returncode, out, err


def begun(resident: Resident) -> "subprocess.Popen[str]":
    """A run whose script runs."""
    run = resident.run("slow.py")
    assert run.stdout is not None and run.stdout.readline() == "on its way\n", ended(run)
    return run


def runs_again(engine: Engine, resident: Resident) -> None:
    status, out, err = ended(resident.run("quick.py"))
    assert (status, out) == (0, "quick\n"), err
    eventually("nothing is left", lambda: containers(engine) == "")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_an_engine_is_restarted_while_runs_go_on(stocked: Engine, resident: Resident, how: signal.Signals) -> None:
    runs_again(stocked, resident)
    runs = [begun(resident), begun(resident)]
    stocked.stop(how)
    # What asks while it is gone is told so.
    status, _, err = ended(resident.run("quick.py"))
    assert status == 3 and "no container engine answers" in err, err
    stocked.start()
    for run in runs:
        status, _, err = ended(run)
        assert status not in (0, 2) and "✗ slow" in err, (status, err)
    runs_again(stocked, resident)
    assert all(state == "ended" for state, _ in resident.runs()), resident.runs()


def test_an_engine_is_started_after_the_host(stocked: Engine, resident: Resident) -> None:
    stocked.stop()
    resident.kill()
    resident.start()
    status, _, err = ended(resident.run("quick.py"))
    assert status == 3 and "no container engine answers" in err, err
    stocked.start()
    runs_again(stocked, resident)


def test_a_host_is_killed_while_its_engine_is_gone(stocked: Engine, resident: Resident) -> None:
    run = begun(resident)
    stocked.stop(signal.SIGKILL)
    resident.kill()
    status, _, err = ended(run)
    assert status == 3 and "unknown" in err, err
    resident.start()
    status, _, err = ended(resident.run("quick.py"))
    assert status == 3 and "no container engine answers" in err, err
    stocked.start()
    runs_again(stocked, resident)
    assert all(state != "running" for state, _ in resident.runs()), resident.runs()
