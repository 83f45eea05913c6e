"""What an ordinary user can do, and what others cannot do to him."""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from machine import DEADLINE, ENGINES, LONGSHORE, suite, write_scripts
from user import UMASK, User


@pytest.fixture
def work(user: User, tmp_path: Path) -> Path:
    """A folder of the user's with scripts and a table, which he alone may read."""
    folder = user.home / f"{tmp_path.name} Übung"
    folder.mkdir()
    write_scripts(folder)
    user.writes(folder)
    return folder


@pytest.fixture
def runtime_folder(user: User) -> Iterator[Path]:
    """Where his runs have their sockets: missing before the test, and after it."""
    folder = user.runtime_folder
    user.removes_runtime_folder()
    yield folder
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    else:
        user.removes_runtime_folder()


def said(done: "subprocess.CompletedProcess[str]") -> str:
    return done.stdout + done.stderr


def test_the_machine_is_fit_for_him(user: User) -> None:
    done = user.call([LONGSHORE, "doctor"])
    assert done.returncode == 0, said(done)
    assert f"`{user.runtime_folder}` is private to this user" in done.stdout
    assert "XDG_RUNTIME_DIR" not in user.variables()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("script", ["script.py", "script.R"])
def test_he_runs_scripts(user: User, work: Path, engine: str, script: str, runtime_folder: Path) -> None:
    outputs = ["-o", "out.csv"]
    command = [LONGSHORE, "run", script, "--engine", engine, "-i", "in.csv", *outputs, "--keep", "kept"]
    done = user.call(command, work)
    assert done.returncode == 0, said(done)
    assert (work / "out.csv").read_text() == "n,Straße,twice\n1,Köln,2\n2,,4\n"
    assert (work / "kept/left.txt").read_text().strip() == "left"
    for path in (work / "out.csv", work / "kept", work / "kept/left.txt"):
        found = path.stat()
        assert (found.st_uid, found.st_mode & UMASK) == (user.id, 0), f"{path}: {found}"
    runs = json.loads(user.call([LONGSHORE, "runs", "list", "--json"]).stdout)
    assert (runs[0]["state"], runs[0]["record"]["outcome"]) == ("ended", "succeeded"), runs[0]
    shown = user.call([LONGSHORE, "runs", "show", runs[0]["run_id"]])
    assert (shown.returncode, "done" in shown.stdout) == (0, True), said(shown)


@pytest.mark.parametrize("format_", ["parquet", "arrow", "ndjson"])
def test_he_writes_each_format(user: User, work: Path, format_: str) -> None:
    done = user.call([LONGSHORE, "run", "script.py", "-i", "in.csv", "-o", f"out.{format_}"], work)
    assert done.returncode == 0, said(done)
    again = user.call([LONGSHORE, "run", "script.R", "-i", f"out.{format_}", "-o", "again.csv"], work)
    assert again.returncode == 0, said(again)
    assert (work / "again.csv").read_text() == "n,Straße,twice\n1,Köln,2\n2,,4\n"


def test_runs_at_once_leave_each_other_and_others_alone(user: User, work: Path, runtime_folder: Path) -> None:
    temporary = work / "temporary ü"
    theirs = [temporary / name for name in ("longshore-my-thesis", "longshore-1001", "longshore-data")]
    for folder in theirs:
        folder.mkdir(parents=True)
        (folder / "precious.csv").write_text("a\n1\n")
    user.writes(temporary)
    runs = []
    for number in range(8):
        command = [
            LONGSHORE,
            "run",
            "script.py",
            "--engine",
            ENGINES[number % 2],
            "-i",
            "in.csv",
            "-o",
            f"out{number}.csv",
        ]
        # A temporary folder for all, as users have it.
        started = subprocess.Popen(
            user.command(command),
            cwd=work,
            env=user.variables() | {"TMPDIR": str(temporary)},
            umask=UMASK,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        runs.append(started)
    for number, run in enumerate(runs):
        printed, _ = run.communicate(timeout=DEADLINE)
        assert run.returncode == 0, f"run {number}: {printed}"
        assert (work / f"out{number}.csv").exists()
    assert all((folder / "precious.csv").exists() for folder in theirs)
    assert sorted(path.name for path in temporary.iterdir()) == sorted(folder.name for folder in theirs)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_folder_that_somebody_else_made_for_his_sockets_is_refused(
    user: User, work: Path, runtime_folder: Path, engine: str
) -> None:
    elsewhere = work / "elsewhere"
    elsewhere.mkdir(0o700)
    run = [LONGSHORE, "run", "script.py", "--engine", engine, "-i", "in.csv", "-o", "out.csv"]

    def refused(why: str, where: Path = runtime_folder) -> None:
        start = f"cannot use `{where}` for the sockets of runs"
        done = user.call(run, work)
        assert done.returncode == 3, said(done)
        assert start in said(done) and why in said(done)
        doctor = user.call([LONGSHORE, "doctor"])
        assert doctor.returncode == 3 and start in said(doctor) and why in said(doctor), said(doctor)
        assert not (work / "out.csv").exists()

    runtime_folder.mkdir(0o777)
    runtime_folder.chmod(0o777)
    refused(f"it belongs to the user 0 and not to {user.id}")
    os.chown(runtime_folder, user.id, -1)
    refused("others may write to it, since its mode is 0777: run `chmod go-w` on it")
    runtime_folder.chmod(0o755)
    runs = runtime_folder / "runs"
    runs.mkdir(0o700)
    refused(f"it belongs to the user 0 and not to {user.id}", runs)
    os.chown(runs, user.id, -1)
    runs.chmod(0o755)
    refused("others may enter it, since its mode is 0755: run `chmod 700` on it", runs)
    runs.rmdir()
    runtime_folder.rmdir()
    runtime_folder.symlink_to(elsewhere)
    refused("it is not a folder")
    runtime_folder.unlink()
    # A folder of his own that is named is taken, and one of somebody else's that he came with is not.
    own = user.home / "run"
    own.mkdir(0o700, exist_ok=True)
    os.chown(own, user.id, -1)
    for named in (own, elsewhere, user.home / "missing"):
        done = user.call(run, work, {"XDG_RUNTIME_DIR": str(named)})
        assert done.returncode == 0, said(done)
        (work / "out.csv").unlink()
    assert list(own.glob("longshore-*/runs/*")) == [] and list(elsewhere.iterdir()) == []


def test_a_path_that_is_too_long_for_a_socket_is_not_taken(user: User, work: Path) -> None:
    long = work / ("long " * 40)
    long.mkdir()
    user.writes(long)
    for variable in ("TMPDIR", "XDG_RUNTIME_DIR"):
        done = user.call([LONGSHORE, "run", "script.py", "-i", "in.csv", "-o", "out.csv"], work, {variable: str(long)})
        assert done.returncode == 0, said(done)


def test_an_engine_that_he_may_not_use_is_told_from_one_that_is_missing(user: User, work: Path) -> None:
    socket = os.environ.get("DOCKER_HOST", "").removeprefix("unix://") or "/var/run/docker.sock"
    run = [LONGSHORE, "run", "script.py", "--engine", "docker", "-i", "in.csv"]
    command = [*user.command([])[:-1], "--clear-groups", "--", *run]
    command.remove("--init-groups")
    done = subprocess.run(
        command, cwd=work, env=user.variables(), capture_output=True, text=True, check=False, timeout=DEADLINE
    )
    assert done.returncode == 3, said(done)
    assert f"this user may not use the container engine at `{socket}`" in said(done), said(done)
    assert "group `docker`" in said(done) and "start Docker" not in said(done), said(done)


def test_settings_of_another_user_stop_only_what_they_would_change(user: User, work: Path) -> None:
    (work / "longshore.toml").write_text("[images]\nnonsense = 1\n")
    os.chown(work / "longshore.toml", 1, -1)
    for arguments, status, stream in (
        (["run", "script.py", "-i", "in.csv"], 2, "stderr"),
        (["images", "list"], 2, "stderr"),
        (["check", "script.py"], 0, "stderr"),
        (["peek", "in.csv"], 0, "stderr"),
        (["doctor"], 3, "stdout"),
    ):
        done = user.call([LONGSHORE, *arguments], work)
        assert done.returncode == status, f"{arguments}: {said(done)}"
        assert "belongs to user 1, who could control what runs here" in getattr(done, stream), said(done)
    done = user.call([LONGSHORE, "doctor"], work)
    assert "missing  settings: runs are refused here" in done.stdout and "ok       engine" in done.stdout, said(done)
    for arguments in (["--help"], ["--version"], ["run", "--help"]):
        assert user.call([LONGSHORE, *arguments], work).returncode == 0


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("streaming", []),
        ("runs", []),
        ("killed", []),
        ("testing_blocks", []),
        ("archives", []),
        ("agent_pid1", []),
    ],
)
def test_the_suite_passes_for_him(user: User, work: Path, name: str, arguments: list[str]) -> None:
    done = user.call(suite(name, *arguments), work)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) > 0, done.stdout


def test_nothing_of_his_is_left(user: User) -> None:
    user.removes_runtime_folder()
    ours = [path for path in Path("/tmp").iterdir() if path.name.startswith("longshore-")]
    assert [path for path in ours if path.stat().st_uid == user.id] == []
    # What has ended stays until the machine's first process collects it, which some do only now and then.
    deadline = time.monotonic() + 20
    while (commands := commands_of(user)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert commands == []


def commands_of(user: User) -> list[str]:
    commands = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if path.stat().st_uid == user.id:
                commands.append((path / "cmdline").read_text())
    return commands
