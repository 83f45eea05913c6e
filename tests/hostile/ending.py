"""Runs a script to its end: with Longshore, and plainly, where whatever it leaves stays until the host has looked."""

import json
import os
import pty
import secrets
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attempt import SUFFIXES
from container import DEADLINE, HERE, IMAGES, LABEL, LONGSHORE, POLICY, ROOT, Caller, as_python, as_r

# What a script begins with, in each language.
PREFACES = {"python": "from hostile import *\n", "r": 'source("hostile.R")\n'}


@dataclass
class Ended:
    """How a run ended: exit status, record, and what was printed beside it."""

    status: int
    record: dict[str, Any]
    printed: str


def write_script(folder: Path, language: str, script: str, given: dict[str, Any], more: str = "") -> Path:
    """Writes a script as a block."""
    block = folder / f"block-{secrets.token_hex(4)}"
    block.mkdir()
    name = f"script.{SUFFIXES[language]}"
    manifest = f'name = "hostile"\nlanguage = "{language}"\nscript = "{name}"\n{more}'
    files = {"block.toml": manifest, name: PREFACES[language] + script}
    files |= {"given.py": as_python(given), "given.R": as_r(given)}
    for shared in (HERE / "hostile.py", HERE / "hostile.R", ROOT / "tests/cases/files/wire.py"):
        files[shared.name] = shared.read_text()
    for name, text in files.items():
        (block / name).write_text(text)
    return block


def run(who: Caller, folder: Path, block: Path, arguments: Sequence[str | Path] = ()) -> Ended:
    """Runs it to its end, which has to come by itself."""
    command = who.command([LONGSHORE, "run", block, "--engine", "docker", "--json", *arguments])
    done = subprocess.run(
        command,
        cwd=folder,
        env=who.variables(),
        capture_output=True,
        timeout=DEADLINE,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    printed = done.stderr.decode(errors="replace")
    record = json.loads(done.stdout) if done.stdout else {}
    left = containers_of(record.get("run_id", "none"))
    deadline = time.monotonic() + DEADLINE
    # A resident host answers before the engine has removed the container.
    while left and who.resident and time.monotonic() < deadline:
        time.sleep(0.1)
        left = containers_of(record.get("run_id", "none"))
    assert not left, f"the run is over and its container is not: {left}: {printed}"
    return Ended(done.returncode, record, printed)


def containers_of(run_id: str) -> str:
    """Containers of a run."""
    command = ["docker", "ps", "--all", "--quiet", "--filter", f"label=longshore.run={run_id}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


class Plain:
    """A container of the same policy, which stays when its script has ended; `with` makes and removes it."""

    def __init__(self, language: str, block: Path, away: dict[str, list[str] | None] | None = None) -> None:
        self.name = f"longshore-hostile-{secrets.token_hex(6)}"
        parts = POLICY | {name: value or [] for name, value in (away or {}).items()}
        self.command = [
            "docker",
            "run",
            "--rm",
            "--name",
            self.name,
            "--label",
            LABEL,
            "-e",
            "HOME=/work",
        ]
        self.command += [argument for part in parts.values() for argument in part]
        interpreter, script = {"python": ("python3", "script.py"), "r": ("Rscript --vanilla", "script.R")}[language]
        stays = f"cp /given/* /work && cd /work && {interpreter} {script}; echo it has ended; exec sleep 1000"
        self.command += ["-v", f"{block}:/given:ro", "--entrypoint", "sh", IMAGES[language], "-c", stays]

    def __enter__(self) -> str:
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert self.process.stdout
        printed = bytearray()
        deadline = time.monotonic() + DEADLINE
        while not printed.endswith(b"it has ended\n"):
            data = os.read(self.process.stdout.fileno(), 1 << 20)
            printed += data
            assert data and time.monotonic() < deadline, printed[-10_000:]
        return printed.decode(errors="replace")

    def __exit__(self, *_: object) -> None:
        subprocess.run(["docker", "kill", self.name], capture_output=True, check=False)
        self.process.kill()
        self.process.wait()

    def processes(self) -> set[int]:
        """The processes that it has now, on the host, but for its first."""
        shown = subprocess.run(["docker", "top", self.name, "-o", "pid"], capture_output=True, text=True, check=True)
        first = subprocess.run(
            ["docker", "inspect", "-f", "{{.State.Pid}}", self.name], capture_output=True, text=True, check=True
        )
        return {int(word) for word in shown.stdout.split()[1:]} - {int(first.stdout)}


def at_terminal(command: Sequence[str | Path], folder: Path, variables: dict[str, str]) -> bytes:
    """What a command shows at a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, cwd=folder, env=variables | {"TERM": "xterm"}, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    # A terminal that nobody writes to any more is an error to read from.
    with suppress(OSError):
        while data := os.read(ours, 1 << 16):
            shown += data
    os.close(ours)
    process.wait(DEADLINE)
    return shown
