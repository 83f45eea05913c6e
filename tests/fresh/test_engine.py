"""What an engine does that was installed a moment ago: first without any image, then with those of this project."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from engine import NEEDED, VERSION, Engine
from machine import DEADLINE, LONGSHORE, output, suite, write_scripts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with scripts and a table."""
    write_scripts(tmp_path)
    return tmp_path


def call(engine: Engine, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Calls the command on this engine, in a home of its own."""
    own = {"XDG_STATE_HOME": str(folder / "state"), "XDG_CACHE_HOME": str(folder / "cache")}
    command = [LONGSHORE, *arguments]
    environment = os.environ | engine.variables | own
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=DEADLINE
    )


def test_an_engine_without_images_says_how_to_get_them(engine: Engine, folder: Path) -> None:
    listed = output(["docker", "images", "--all", "--quiet"], env=os.environ | engine.variables)
    assert listed == "", "this test comes first"
    advice = "provide Longshore's images with `longshore setup`"
    for arguments, status, said in (
        (["images", "list"], 0, ["0 images, 0 B of the "]),
        (["images", "prune"], 0, ["nothing to remove"]),
        (["images", "prune", "--all"], 0, ["nothing to remove"]),
        (["doctor"], 3, [f"there is no image `longshore/python:{VERSION}`", f"fix: {advice}"]),
        (
            ["run", "script.py", "-i", "in.csv"],
            3,
            [f"there is no image `longshore/python:{VERSION}`", f"help: {advice}"],
        ),
        (["run", "script.R", "-i", "in.csv"], 3, [f"there is no image `longshore/r:{VERSION}`", f"help: {advice}"]),
    ):
        done = call(engine, folder, *arguments)
        printed = done.stdout + done.stderr
        found = all(text in printed for text in said)
        assert (done.returncode, found) == (status, True), f"{arguments}: {done.returncode}: {printed}"
    assert json.loads(call(engine, folder, "images", "list", "--json").stdout) == []


def test_the_engine_is_one_that_names_no_gateway(engine: Engine) -> None:
    inspect = ["docker", "network", "inspect", "bridge", "--format", "{{range .IPAM.Config}}<{{.Gateway}}>{{end}}"]
    assert output(inspect, env=os.environ | engine.variables).strip() in ("<>", "<<no value>>")


def test_uninstall_leaves_what_is_of_others(engine: Engine, folder: Path) -> None:
    environment = os.environ | engine.variables
    base = f"longshore/base:{VERSION}"
    archive = folder / "images.tar"
    output(["docker", "save", "-o", archive, base])
    engine.load("debian:bookworm-slim")
    output(["docker", "tag", "debian:bookworm-slim", "longshore-of-another:1"], env=environment)
    output(["docker", "volume", "create", "longshore-of-another"], env=environment)
    setup = ["setup", "base", "--from", str(archive), "--again"]
    for _ in range(2):
        done = call(engine, folder, *setup)
        assert (done.returncode, done.stdout) == (0, f"{base} is ready\n"), done.stderr
    assert call(engine, folder, "setup", "base").stdout == f"{base} is there\n"
    assert call(engine, folder, "run", "script.py", "--engine", "docker", "--image", base).returncode == 3
    assert base in call(engine, folder, "uninstall", "--list").stdout
    for arguments, has_state in ((["--yes"], True), (["--yes", "--all"], False)):
        done = call(engine, folder, "uninstall", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        images = output(["docker", "images", "--format", "{{.Repository}}:{{.Tag}}"], env=environment).split()
        assert sorted(images) == ["debian:bookworm-slim", "longshore-of-another:1"]
        assert output(["docker", "volume", "ls", "--quiet"], env=environment).split() == ["longshore-of-another"]
        assert (folder / "state/longshore/database").exists() == has_state
    output(["docker", "rmi", "longshore-of-another:1", "debian:bookworm-slim"], env=environment)
    output(["docker", "volume", "rm", "longshore-of-another"], env=environment)


@pytest.mark.parametrize("script", ["script.py", "script.R"])
def test_scripts_run_once_the_images_are_there(stocked: Engine, folder: Path, script: str) -> None:
    done = call(stocked, folder, "run", script, "--engine", "docker", "-i", "in.csv", "-o", "out.csv")
    assert done.returncode == 0, done.stderr
    assert "rows 2" in done.stdout + done.stderr
    assert (folder / "out.csv").read_text() == "n,Straße,twice\n1,Köln,2\n2,,4\n"


def test_nothing_is_left_but_what_was_brought(stocked: Engine, folder: Path) -> None:
    environment = os.environ | stocked.variables
    assert output(["docker", "ps", "--all", "--quiet"], env=environment) == ""
    assert output(["docker", "volume", "ls", "--quiet"], env=environment) == ""
    pruned = call(stocked, folder, "images", "prune", "--all")
    assert (pruned.returncode, "nothing to remove" in pruned.stdout + pruned.stderr) == (0, True), pruned
    names = output(["docker", "images", "--format", "{{.Repository}}:{{.Tag}}"], env=environment).split()
    assert sorted(names) == sorted(NEEDED)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        # Packages from servers beside the engine, each of which containers must reach.
        ("environments", ["served::", "--test-threads", "3"]),
        ("images", ["--test-threads", "4"]),
        ("custom_images", ["--test-threads", "4"]),
        ("killed", []),
    ],
)
def test_the_suite_passes_on_it(stocked: Engine, name: str, arguments: list[str]) -> None:
    command = stocked.within(suite(name, *arguments))
    environment = os.environ | stocked.variables
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=DEADLINE)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) > 0, done.stdout
