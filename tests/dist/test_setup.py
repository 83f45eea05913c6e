"""`longshore setup` of an unpacked archive on an engine that has nothing: builds on Debian to the end, and half of one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_package import DEADLINE, SCRIPT, VERSION, dist, unpacked

sys.path.append(str(Path(__file__).resolve().parents[1] / "fresh"))

import engine as engines

BASE = f"longshore/base:{VERSION}"
PYTHON = f"longshore/python:{VERSION}"


@pytest.fixture(scope="module")
def engine() -> Iterator[engines.Engine]:
    """An engine that has nothing yet."""
    if os.geteuid() != 0:
        pytest.exit("these tests start an engine, and make Debian, which need root: run `sudo make test-dist`", 2)
    engines.remove_abandoned()
    with engines.Engine() as started:
        yield started


def docker(engine: engines.Engine, *arguments: str) -> list[str]:
    """What `docker` prints, in words."""
    environment = os.environ | engine.variables
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True, env=environment)
    return sorted(done.stdout.split())


def names(engine: engines.Engine) -> list[str]:
    """Longshore's images with their version."""
    images = docker(engine, "images", "--format", "{{.Repository}}:{{.Tag}}", "longshore/*")
    return [name for name in images if not name.endswith(":latest")]


def test_images_are_built_on_an_engine_that_has_nothing(engine: engines.Engine, tmp_path: Path) -> None:
    longshore = unpacked(dist(".tar.gz"), tmp_path / "unpacked") / "bin/longshore"
    own = {"XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CACHE_HOME": str(tmp_path / "cache")}

    def call(*arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        environment = os.environ | engine.variables | own | more
        command = [longshore, *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path, timeout=2 * DEADLINE
        )

    # A package index that does not answer: what is complete stays, of the rest there is nothing.
    failed = call("setup", "base", "python", LONGSHORE_PYTHON_INDEX_URL="http://127.0.0.1:9/simple")
    assert failed.returncode == 3, failed.stdout + failed.stderr
    assert "127.0.0.1:9" in failed.stderr or "No matching distribution" in failed.stderr, failed.stderr
    assert names(engine) == [BASE]
    assert docker(engine, "ps", "--all", "--quiet") == []

    built = call("setup", "base", "python")
    assert built.returncode == 0, built.stdout + built.stderr
    assert built.stdout.startswith(f"{BASE} is there\nbuilding python on Debian"), built.stdout
    assert built.stdout.endswith(f"{PYTHON} is ready\n"), built.stdout
    assert names(engine) == [BASE, PYTHON]
    assert call("setup", "base", "python").stdout == f"{BASE} is there\n{PYTHON} is there\n"

    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "in.csv").write_text("n\n1\n2\n")
    ran = call("run", "script.py", "-i", "in.csv", "-o", "out.csv")
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "out.csv").read_text() == "n,twice\n1,2\n2,4\n"

    listed = call("uninstall", "--list").stdout
    assert all(text in listed for text in (BASE, PYTHON, str(longshore), str(tmp_path / "state"))), listed
    removed = call("uninstall", "--yes", "--all")
    assert removed.returncode == 0, removed.stdout + removed.stderr
    assert names(engine) == []
    assert docker(engine, "volume", "ls", "--quiet") == []
    assert not longshore.exists()
    assert list((tmp_path / "unpacked").rglob("*longshore-*.1")) == []
    # Debian is of others.
    assert docker(engine, "images", "--format", "{{.Repository}}:{{.Tag}}") == ["debian:bookworm-slim"]
