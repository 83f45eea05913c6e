"""Runs a batch: with Longshore, and in a container of the same policy but for one wall, which plain `docker run` makes.
The host looks while all attempts still have what they got, and then ends the container from outside."""

import json
import os
import re
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from attempt import Batch
from view import GoneError, Process, Scene, left_of

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "longshore"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or CACHE / "target")
LONGSHORE = Path(os.environ.get("LONGSHORE_BIN") or TARGET / "release/longshore")

# No batch takes longer on any machine that is alive.
DEADLINE = 300

IMAGES = {"python": "longshore/python", "r": "longshore/r"}

# Of containers of ours, with the process that made them.
LABEL = f"longshore.hostile={os.getpid()}"

# A user whom no run has: what is taken here of budgets by user is nobody else's.
USER = "54321:54321"

# The policy of a run in the words of `docker run`: each part of it is a wall, which a batch may take away.
POLICY: dict[str, list[str]] = {
    "user": ["--user", USER],
    "capabilities": ["--cap-drop", "ALL"],
    "privileges": ["--security-opt", "no-new-privileges"],
    "root": ["--read-only"],
    "work": ["--tmpfs", "/work:rw,nosuid,nodev,exec,mode=1777", "--tmpfs", "/tmp:rw,nosuid,nodev,exec,mode=1777"],
    "network": ["--network", "none"],
    "memory": ["--memory", "1g", "--memory-swap", "1g"],
    "processes": ["--pids-limit", "512"],
    "files": ["--ulimit", "nofile=4096"],
    "log": ["--log-driver", "none"],
    "seccomp": [],
    "paths": [],
    "mounts": [],
}

# What `CAPABLE` has of them: not all, since the engine's host may itself lack one.
CAPABILITIES = ["SYS_ADMIN", "NET_ADMIN", "NET_RAW", "MKNOD", "SYS_NICE", "SETUID", "SETGID", "SYS_CHROOT"]
CAPABILITIES += ["SYS_PTRACE", "SYS_RAWIO", "DAC_READ_SEARCH"]

# Takes the walls away that go by user.
CAPABLE: dict[str, list[str] | None] = {
    "user": ["--user", "0:0"],
    "capabilities": [f"--cap-add={name}" for name in CAPABILITIES],
    "privileges": None,
    "seccomp": ["--security-opt", "seccomp=unconfined"],
}

# The same, and what the engine hides and protects of `/proc`.
OPEN: dict[str, list[str] | None] = CAPABLE | {"paths": ["--security-opt", "systempaths=unconfined"]}

# The filter of calls alone.
UNFILTERED: dict[str, list[str] | None] = {"seccomp": ["--security-opt", "seccomp=unconfined"]}


def as_python(given: Mapping[str, Any]) -> str:
    """What is given, as a module."""
    return "".join(f"{name} = {value!r}\n" for name, value in given.items() if not name.startswith("_"))


def as_r(given: Mapping[str, Any]) -> str:
    """What is given, as a script of R: texts and numbers alone."""
    plain = {name: value for name, value in given.items() if isinstance(value, str | int)}
    texts = {name: json.dumps(value) for name, value in plain.items()}
    return "".join(f"{name} <- {text}\n" for name, text in texts.items())


def write_block(batch: Batch, token: str, given: Mapping[str, Any], folder: Path) -> None:
    """Writes a batch as a block."""
    suffix = {"python": "py", "r": "R"}[batch.language]
    manifest = f'name = "{batch.name}"\nlanguage = "{batch.language}"\nscript = "start.{suffix}"\n'
    driver = f"driver-{token}.sh"
    files = {"block.toml": manifest, driver: (HERE / "driver.sh").read_text()}
    files["given.py"] = as_python(given)
    files["given.R"] = as_r(given)
    for name in ("hostile.py", "hostile.R"):
        files[name] = (HERE / name).read_text()
    files["wire.py"] = (ROOT / "tests/cases/files/wire.py").read_text()
    start = {"py": f'import os\nos.execvp("sh", ["sh", "{driver}"])\n', "R": f'system("exec sh {driver}")\n'}
    files[f"start.{suffix}"] = start[suffix]
    for attempt in batch.attempts:
        if batch.language == "python":
            text = f'from hostile import *\n{attempt.script}\nattempted("{attempt.name}")\n'
        else:
            text = f'source("hostile.R")\n{attempt.script}\ncat("attempted {attempt.name}.\\n")\nSys.sleep(1000)\n'
        files[attempt.file(token)] = text
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def remove_abandoned() -> None:
    """Removes containers of tests that were killed."""
    listing = ["docker", "ps", "-a", "--filter", "label=longshore.hostile"]
    listing += ["--format", '{{.ID}} {{.Label "longshore.hostile"}}']
    listed = subprocess.run(listing, capture_output=True, text=True, check=True).stdout
    for name, owner in (line.split() for line in listed.splitlines()):
        if not Path(f"/proc/{owner}").exists():
            subprocess.run(["docker", "rm", "-f", name], capture_output=True, check=False)


@dataclass
class Running:
    """A command, and what it prints."""

    process: "subprocess.Popen[bytes]"
    printed: bytearray
    reader: threading.Thread

    @classmethod
    def start(cls, command: list[str | Path], **more: Any) -> "Running":
        """Starts a command; it has a group of its own."""
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **more,
        )
        printed = bytearray()
        assert process.stdout
        stream = process.stdout

        def read() -> None:
            while data := os.read(stream.fileno(), 1 << 16):
                # The end of a flood says as much as all of it.
                printed.extend(data)
                if len(printed) > 1 << 24:
                    del printed[: 1 << 23]

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        return cls(process, printed, reader)

    @property
    def text(self) -> str:
        """What was printed so far."""
        return self.printed.decode(errors="replace")

    def until(self, words: list[str]) -> None:
        """Waits until each of these was printed, or what stands for it."""
        deadline = time.monotonic() + DEADLINE
        while any(f"attempted {word}." not in self.text and f"ended {word}." not in self.text for word in words):
            assert time.monotonic() < deadline, f"{words}: not all attempted within {DEADLINE} s: {self.text}"
            if self.process.poll() is not None:
                raise GoneError(f"it ended with {self.process.returncode}: {self.text}")
            time.sleep(0.02)

    def end(self, number: int = signal.SIGKILL) -> int:
        """Ends it, and says with which status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(DEADLINE)
        finally:
            self.process.kill()
        self.reader.join(DEADLINE)
        return status


@dataclass
class Sight:
    """What the host saw of a batch: which attempts succeeded, and what was printed."""

    succeeded: dict[str, bool]
    printed: str


def look(
    batch: Batch,
    token: str,
    given: Mapping[str, Any],
    running: Running,
    neighbour: Callable[[str], str],
    host: Process,
) -> dict[str, bool]:
    """Waits until all attempts did what they can, and sees which succeeded."""
    running.until([attempt.name for attempt in batch.attempts])
    # Where something stands for the agent, its number was printed.
    stands_in = re.search(r"^target (\d+)$", running.text, re.MULTILINE)
    scene = Scene(
        token,
        running.text,
        {**given, "target": int(stands_in[1]) if stands_in else 1},
        cache(neighbour),
        host,
    )
    return {attempt.name: attempt.seen(scene, scene.of(attempt.name)) for attempt in batch.attempts}


def with_longshore(batch: Batch, folder: Path, who: "Caller") -> Sight:
    """Runs a batch behind all walls."""
    token = secrets.token_hex(6)
    with batch.stage(folder) as given:
        given |= {"target": 1}
        write_block(batch, token, given, folder / "block")
        who.gets(folder)
        arguments = [argument.format_map(given) for argument in batch.arguments]
        with who.longshore(["run", folder / "block", "--engine", "docker", *arguments], folder) as running:
            try:
                succeeded = look(
                    batch,
                    token,
                    given,
                    running,
                    lambda script: who.neighbour(script, folder / "neighbour"),
                    who.serves(running),
                )
            except GoneError:
                if running.process.wait(DEADLINE) != batch.ends:
                    raise
                succeeded = {attempt.name: False for attempt in batch.attempts}
            status = running.end(signal.SIGINT)
    assert status in (130, batch.ends), f"the run ended with {status}: {running.text}"
    left = [process.command for process in left_of(token)]
    assert not left, f"processes outlived the run: {left}"
    return Sight(succeeded, running.text)


def without_wall(batch: Batch, folder: Path) -> Sight:
    """Runs a batch in a container that lacks its wall."""
    token = secrets.token_hex(6)
    with batch.stage(folder) as given:
        write_block(batch, token, given, folder / "block")
        parts = POLICY | {name: value or [] for name, value in batch.away.items()}
        name = f"longshore-hostile-{token}"
        command: list[str | Path] = ["docker", "run", "--rm", "--name", name, "--label", LABEL]
        command += [argument.format_map(given) for part in parts.values() for argument in part]
        command += ["-e", "HOME=/work", "-v", f"{folder / 'block'}:/given:ro", "--entrypoint", "sh"]
        # A process of the same user stands for the agent, with a file of its own.
        stand_in = "(exec 7</etc/hostname; exec sh -c 'sleep 1000; : stands for the agent') &"
        told = 'echo target $!; for file in given.py given.R; do echo "target = $!" >>$file; done'
        script = f"cp /given/* /work && cd /work && {{ {stand_in} {told}; exec sh driver-{token}.sh; }}"
        running = Running.start([*command, IMAGES[batch.language], "-c", script])
        try:
            succeeded = look(
                batch,
                token,
                given,
                running,
                lambda script: neighbour(script, folder / "neighbour", parts),
                Process(running.process.pid),
            )
        finally:
            subprocess.run(["docker", "kill", name], capture_output=True, check=False, timeout=DEADLINE)
            running.end()
    return Sight(succeeded, running.text)


def write_neighbour(script: str, folder: Path) -> None:
    """Writes an honest script as a block."""
    folder.mkdir()
    (folder / "block.toml").write_text('name = "neighbour"\nlanguage = "python"\nscript = "script.py"\n')
    (folder / "script.py").write_text(f"from hostile import *\n{script}")
    (folder / "hostile.py").write_text((HERE / "hostile.py").read_text())
    (folder / "given.py").write_text("")


def neighbour(script: str, folder: Path, parts: Mapping[str, list[str]]) -> str:
    """What an honest script prints in a container beside one that lacks a wall."""
    write_neighbour(script, folder)
    arguments = [argument for part in parts.values() for argument in part]
    # Its words are read, which the engine passes on without a log too.
    command = [
        "docker",
        "run",
        "--rm",
        *arguments,
        "-v",
        f"{folder}:/given:ro",
        "--entrypoint",
        "python3",
        IMAGES["python"],
    ]
    done = subprocess.run([*command, "/given/script.py"], capture_output=True, text=True, timeout=DEADLINE, check=False)
    return done.stdout + done.stderr


class Caller:
    """Who calls Longshore: root, with folders of the tests'."""

    def __init__(self, home: Path) -> None:
        self.home = home
        # The resident host that its runs go through, if they do.
        self.resident: Running | None = None

    def own_variables(self) -> dict[str, str]:
        """Its environment."""
        own = {f"XDG_{kind}_HOME": str(self.home / kind.lower()) for kind in ("STATE", "CONFIG")}
        return dict(os.environ) | own

    def variables(self) -> dict[str, str]:
        """The environment of the command."""
        return self.own_variables() | ({"LONGSHORE_RUNS_SERVER": str(self.socket)} if self.resident else {})

    @property
    def socket(self) -> Path:
        """Where a resident host of its own listens."""
        return self.home / "host" / "s.sock"

    @contextmanager
    def served(self) -> Iterator[None]:
        """Has its runs go through a resident host, each in an interpreter that has waited for it."""
        command = self.command([LONGSHORE, "serve", "--socket", self.socket])
        variables = self.own_variables() | {"LONGSHORE_POOL_WAIT": "true"}
        self.resident = Running.start(command, cwd=self.home, env=variables)
        try:
            deadline = time.monotonic() + DEADLINE
            while not self.socket.exists():
                assert time.monotonic() < deadline and self.resident.process.poll() is None, self.resident.text
                time.sleep(0.02)
            yield
        finally:
            status = self.resident.end(signal.SIGTERM)
        assert status == 0, f"the host ended with {status}: {self.resident.text}"

    def serves(self, running: Running) -> Process:
        """The process that serves the container of a command."""
        return Process((self.resident or running).process.pid)

    def folder(self, name: str) -> Path | None:
        """A new folder for a run, where not every folder will do."""
        return None

    def gets(self, folder: Path) -> None:
        """Gives a folder to who calls."""

    def command(self, command: list[str | Path]) -> list[str | Path]:
        """A command as who calls it has it."""
        return command

    def neighbour(self, script: str, folder: Path) -> str:
        """What an honest script prints in a run beside another."""
        write_neighbour(script, folder)
        self.gets(folder)
        command = self.command([LONGSHORE, "run", folder, "--engine", "docker"])
        done = subprocess.run(
            command, cwd=folder, env=self.variables(), capture_output=True, text=True, timeout=DEADLINE, check=False
        )
        return done.stdout + done.stderr

    @contextmanager
    def longshore(self, arguments: list[str | Path], folder: Path) -> Iterator[Running]:
        """Calls Longshore; it is ended if nobody did."""
        running = Running.start(self.command([LONGSHORE, *arguments]), cwd=folder, env=self.variables())
        try:
            yield running
        finally:
            if running.process.poll() is None:
                running.end(signal.SIGTERM)
