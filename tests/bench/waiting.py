"""Waiting containers: the time from a call to the first line of a script in a container never used before, with its
packages imported, beside what people use instead. What is not on the machine has no row."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import longshore
from measure import LONGSHORE, ROUNDS, in_turns, run, spread, timed
from resident import host, through

# Built beside the program: a caller in Rust.
FIRST_LINE = Path(LONGSHORE).parent / "examples" / "first_line"

PYTHON_IMAGE = "longshore/python:latest"
R_IMAGE = "longshore/r:latest"

# After a run: another container is made, and its interpreter has imported what scripts import.
REFILLED = 2

# Runs from which a host learns what is asked for.
LEARNT = 6

# Calls for the last hundredth.
CALLS = 200

IMPORTS = "import pandas\nimport time\nprint(time.monotonic_ns(), flush=True)\n"

ATTACHES = "library(data.table)\ncat(format(as.numeric(Sys.time()) * 1e9, digits = 20), '\\n')\n"

DOUBLES = """
import pandas
from longshore.api import Api
api = Api()
api.write_output_records(api.read_input_records())
"""

ISOLATED = "a fresh container, no network, no rights, limits"


def printed(text: str, before: int) -> float:
    """Seconds from a time to the one that a script printed, by the same clock."""
    return (int(text.split()[-1]) - before) / 1e9


def command(arguments: list[str], clock: Callable[[], int] = time.monotonic_ns) -> Callable[[], float]:
    """Seconds from the start of a command to the first line of the script that it runs."""

    def action() -> float:
        before = clock()
        done = subprocess.run(arguments, capture_output=True, text=True, check=True)
        return printed(done.stdout, before)

    return action


def refilled(action: Callable[[], float]) -> Callable[[], float]:
    """The same action, and a pause until another container waits."""

    def acts() -> float:
        seconds = action()
        time.sleep(REFILLED)
        return seconds

    return acts


def from_python(script: Path, path: str, clock: Callable[[], int]) -> Callable[[], float]:
    """Seconds from a call in Python to the first line of the script."""

    def action() -> float:
        before = clock()
        running = longshore.submit(script, socket=path, engine="docker")
        running.result()
        return printed(running.log, before)

    return action


def from_rust(script: Path, path: str, calls: int = 1, pause: float = 0) -> list[tuple[float, str]]:
    """Seconds from calls in Rust to the first lines of the script, each with what its record says of the pool."""
    arguments = [str(FIRST_LINE), path, str(script), str(calls), str(round(pause * 1000))]
    lines = [line.split(" ", 1) for line in run(arguments).splitlines()]
    return [(int(nanoseconds) / 1e9, pool) for nanoseconds, pool in lines]


def peers(folder: Path, script: Path, program: list[str], image: str) -> dict[str, tuple[list[str], str]]:
    """What else runs a script: the command, and what it guarantees."""
    inside = f"/work/{script.name}"
    mounted = ["-v", f"{script}:{inside}:ro", "--entrypoint", program[0], image, *program[1:], inside]
    found = {
        "`docker run --rm --network none`": (
            ["docker", "run", "--rm", "--network", "none", *mounted],
            "a fresh container, no network, the engine's usual rights",
        )
    }
    if shutil.which("podman") and not subprocess.run(["podman", "image", "exists", image], check=False).returncode:
        # Where this is a container too, it may not raise these.
        bounds = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
        podman = ["podman", "run", "--rm", "--network", "none", *bounds, *mounted]
        found["`podman run --rm --network none`"] = (podman, "a fresh container, no network, the engine's usual rights")
    if shutil.which("bwrap"):
        root = tree(folder, image)
        binds = ["--ro-bind", str(root), "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]
        binds += ["--tmpfs", "/work", "--ro-bind", str(script), inside]
        variables = json.loads(run(["docker", "image", "inspect", "--format", "{{json .Config.Env}}", image]))
        binds += [word for variable in variables for word in ("--setenv", *variable.split("=", 1))]
        bwrap = ["bwrap", "--unshare-all", "--die-with-parent", *binds, *program, inside]
        found["`bwrap --unshare-all`"] = (bwrap, "new namespaces, no network; no limits, no filter of system calls")
    return found


def tree(folder: Path, image: str) -> Path:
    """The files of an image, in a folder."""
    root = folder / image.split("/")[1].split(":")[0]
    if not root.exists():
        root.mkdir()
        container = run(["docker", "create", image, "none"]).strip()
        export = subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", str(root)], stdin=export.stdout, check=True)
        export.wait()
        run(["docker", "rm", container])
    return root


def row(name: str, seconds: list[float], docker: list[float], guarantees: str) -> str:
    """A row of a table of first lines: the median, and how many times it fits into that of ``docker run``."""
    times = statistics.median(docker) / statistics.median(seconds)
    return f"| {name} | {spread(seconds)} | {times:,.0f} | {guarantees} |"


@contextlib.contextmanager
def echo() -> Iterator[Callable[[], float]]:
    """What sends a byte to a process that waits for it, and gives the seconds until it is back: what the machine needs to
    wake two processes up."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdin and process.stdout
        to, back = process.stdin, process.stdout

        def action() -> float:
            before = time.monotonic_ns()
            to.write(b"x")
            back.read(1)
            return (time.monotonic_ns() - before) / 1e9

        yield action
        to.close()


def python_lines(folder: Path, path: str) -> list[str]:
    """First lines of Python scripts that import pandas."""
    script = folder / "imports.py"
    script.write_text(IMPORTS)
    others = peers(folder, script, ["python3"], PYTHON_IMAGE)
    from_rust(script, path, LEARNT, REFILLED)
    with echo() as woken:
        seen = in_turns(
            ROUNDS,
            rust=refilled(lambda: from_rust(script, path)[0][0]),
            python=refilled(from_python(script, path, time.monotonic_ns)),
            woken=refilled(woken),
            **{name: command(arguments) for name, (arguments, _) in others.items()},
            bare=command([sys.executable, str(script)]),
        )
    docker = seen["`docker run --rm --network none`"]
    calls = from_rust(script, path, CALLS, REFILLED / 2)
    hits = sorted(seconds for seconds, pool in calls if '"hit"' in pool)
    lines = [
        "| `import pandas`, from the call to the first line | median (range) | times faster than `docker run` | guarantees |",
        "|---|---|---|---|",
        row("a caller in Rust", seen["rust"], docker, ISOLATED),
        row("a caller in Python", seen["python"], docker, ISOLATED),
        *(row(name, seen[name], docker, guarantees) for name, (_, guarantees) in others.items()),
        row("the bare script", seen["bare"], docker, "nothing"),
        row("a byte to a process that waits, and back", seen["woken"], docker, "no script"),
    ]
    if hits:
        median, last = statistics.median(hits) * 1000, hits[max(0, int(len(hits) * 0.99) - 1)] * 1000
        found = f"Of {len(calls)} calls in Rust, {len(hits)} found a container that waited"
        lines += ["", f"{found}: {median:.2f} ms is their median, {last:.2f} ms their 99th percentile."]
    return lines


def r_lines(folder: Path, path: str) -> list[str]:
    """First lines of R scripts that attach data.table."""
    script = folder / "attaches.R"
    script.write_text(ATTACHES)
    others = peers(folder, script, ["Rscript", "--vanilla"], R_IMAGE)

    def ours() -> float:
        return from_python(script, path, time.time_ns)()

    for _ in range(LEARNT):
        refilled(ours)()
    seen = in_turns(
        ROUNDS,
        ours=refilled(ours),
        **{name: command(arguments, time.time_ns) for name, (arguments, _) in others.items()},
    )
    docker = seen["`docker run --rm --network none`"]
    return [
        "| `library(data.table)`, from the call to the first line | median (range) | times faster than `docker run` | guarantees |",
        "|---|---|---|---|",
        row("a caller in Python", seen["ours"], docker, ISOLATED),
        *(row(name, seen[name], docker, guarantees) for name, (_, guarantees) in others.items()),
    ]


def whole(folder: Path, path: str) -> list[str]:
    """Whole runs: of the command, and over HTTP with a small table."""
    nothing, doubles = folder / "trivial.py", folder / "passes.py"
    nothing.write_text("")
    doubles.write_text(DOUBLES)
    ours = [LONGSHORE, "run", "--quiet", "--engine", "docker", str(nothing)]
    theirs = ["docker", "run", "--rm", "--network", "none", "-v", f"{nothing}:/work/trivial.py:ro"]
    theirs += ["--entrypoint", "python3", PYTHON_IMAGE, "/work/trivial.py"]
    with over_http(folder) as post:
        for _ in range(LEARNT):
            run(ours, env=through(path))
            post(doubles, b"n\n1\n2\n")
            time.sleep(REFILLED)
        seen = in_turns(
            ROUNDS,
            command=refilled(lambda: timed(lambda: run(ours, env=through(path)))),
            http=refilled(lambda: timed(lambda: post(doubles, b"n\n1\n2\n"))),
            docker=lambda: timed(lambda: run(theirs)),
        )
    return [
        "| whole run | median (range) |",
        "|---|---|",
        f"| `longshore run` of a script that does nothing | {spread(seen['command'])} |",
        f"| by HTTP, with a small table in and out | {spread(seen['http'])} |",
        f"| `docker run --rm --network none` of a script that does nothing | {spread(seen['docker'])} |",
    ]


@contextlib.contextmanager
def over_http(folder: Path) -> Iterator[Callable[[Path, bytes], bytes]]:
    """What posts a run of a script with a table to a host, and returns the table that it writes."""
    state = folder / "over-http"
    state.mkdir()
    environment = dict(os.environ, XDG_STATE_HOME=str(state))
    command = [LONGSHORE, "serve", "--socket", str(state / "http.sock"), "--http", "0"]
    state.chmod(0o700)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as serving:
        try:
            assert serving.stderr is not None
            address = next(line.split("http://")[1].split("/")[0] for line in serving.stderr if "http://" in line)
            threading.Thread(target=serving.stderr.read, daemon=True).start()
            added = run([LONGSHORE, "server", "token", "add", "bench"], env=environment)
            token = next(word for word in added.split() if word.startswith("longshore_"))
            connection = http.client.HTTPConnection(address)
            boundary = "a-part-of-a-benchmark"
            headers = {
                "Authorization": f"Bearer {token}",
                "Accept": "text/csv",
                "Content-Type": f"multipart/form-data; boundary={boundary}",
            }

            def post(script: Path, table: bytes) -> bytes:
                parts = {"file": (script.name, script.read_bytes()), "input": ("table.csv", table)}
                body = b"".join(
                    f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\n\r\n'.encode()
                    + content
                    + b"\r\n"
                    for name, (file, content) in parts.items()
                )
                connection.request("POST", "/api/v1/runs", body + f"--{boundary}--\r\n".encode(), headers)
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != 200:
                    raise SystemExit(f"HTTP {answer.status}: {text!r}")
                return text

            yield post
        finally:
            serving.terminate()


class Engine(http.client.HTTPConnection):
    """A connection to the container engine."""

    def __init__(self) -> None:
        super().__init__("engine")

    def connect(self) -> None:
        """Connects to its socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/var/run/docker.sock")

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """An answer."""
        text = json.dumps(body) if body else None
        self.request(method, path, text, {"Content-Type": "application/json"})
        answer = self.getresponse().read()
        return json.loads(answer) if answer.startswith(b"{") else {}


def a_second(callers: int, seconds: float, action: Callable[[], Callable[[], None]]) -> float:
    """How often callers finish an action in a second, each of them one after the other."""
    until, counts = time.monotonic() + seconds, [0] * callers

    def calls(number: int) -> None:
        act = action()
        while time.monotonic() < until:
            act()
            counts[number] += 1

    threads = [threading.Thread(target=calls, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.monotonic() - until + seconds)


def throughput(folder: Path, path: str) -> list[str]:
    """Runs a second of a script that does nothing, relative to what the engine alone creates, starts and removes."""
    nothing = folder / "nothing_at_all.py"
    nothing.write_text("")

    def runs() -> Callable[[], None]:
        def act() -> None:
            longshore.submit(nothing, socket=path, engine="docker").result()

        return act

    def containers() -> Callable[[], None]:
        engine = Engine()

        def act() -> None:
            host_config = {"NetworkMode": "none", "AutoRemove": False}
            body = {"Image": PYTHON_IMAGE, "Entrypoint": ["true"], "HostConfig": host_config}
            made = engine.ask("POST", "/containers/create", body)["Id"]
            engine.ask("POST", f"/containers/{made}/start")
            engine.ask("POST", f"/containers/{made}/wait")
            engine.ask("DELETE", f"/containers/{made}?force=true")

        return act

    rates: dict[str, list[float]] = {"ours": [], "engine": []}
    for index in range(6):
        ours, engine = a_second(4, 10, runs), a_second(4, 10, containers)
        if index:
            rates["ours"].append(ours)
            rates["engine"].append(engine)
    share = statistics.median(ours / engine for ours, engine in zip(rates["ours"], rates["engine"]))
    return [
        "| a second, four at a time | median (range) | relative to the engine |",
        "|---|---|---|",
        f"| runs of a script that does nothing | {spread(rates['ours'], 'runs', 1)} | {share:.2f} |",
        f"| containers that the engine creates, starts and removes | {spread(rates['engine'], 'containers', 1)} | 1 |",
    ]


def waiting(folder: Path) -> list[str]:
    """All of it, through one resident host."""
    lines: list[str] = []
    with host(folder / "waiting") as (path, _):
        for measure in (python_lines, r_lines, whole, throughput):
            lines += [*measure(folder, path), ""]
    return lines[:-1]


waiting_sections = {"Waiting containers": waiting}
