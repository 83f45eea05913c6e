"""Environments: what it costs to find one, to make one, and to look at a thousand."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from measure import LONGSHORE, in_turns, ratio, run, spread, timed

DECISIONS = 15
BUILDS = 7
IMAGES = 1000
STORE = f"bench-{os.getpid()}"

MANIFEST = """
name = "Bench"
language = "python"
script = "script.py"
dependencies = ["{package}"]
"""


def _environment(folder: Path) -> dict[str, str]:
    own = {"LONGSHORE_IMAGES_STORE": STORE, "XDG_STATE_HOME": str(folder / "state")}
    return {**os.environ, **own, "XDG_CACHE_HOME": str(folder / "cache")}


def _block(folder: Path, package: str) -> Path:
    block = folder / package
    block.mkdir(exist_ok=True)
    (block / "block.toml").write_text(MANIFEST.format(package=package))
    (block / "script.py").write_text("print('ran')\n")
    return block


def _images() -> list[str]:
    listed = ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"label=longshore.store={STORE}"]
    return run(listed).split()


def _remove() -> None:
    names = _images()
    for start in range(0, len(names), 100):
        subprocess.run(["docker", "rmi", "-f", *names[start : start + 100]], capture_output=True, check=False)


def environments(folder: Path) -> list[str]:
    """Finding an environment again, and making one while the cache has its packages."""
    environment = _environment(folder)
    try:
        found = _found(folder, environment)
        built = _built(folder, environment)
    finally:
        _remove()
        subprocess.run(["docker", "rmi", "-f", f"{STORE}:by-hand"], capture_output=True, check=False)
    return [*found, "", *built]


def _found(folder: Path, environment: dict[str, str]) -> list[str]:
    block = _block(folder, "humanize")
    decisions = []
    for _ in range(DECISIONS + 1):
        command = [LONGSHORE, "run", str(block), "--engine", "docker", "--json", "--quiet"]
        record = json.loads(run(command, env=environment).strip().splitlines()[-1])
        decisions.append(record["timings_ms"]["environment"])
    return [
        "| the environment of an unchanged block | time to find it |",
        "|---|---|",
        f"| `longshore run`, up to the image | {spread(decisions[1:], 'ms', 1)} |",
    ]


def _by_hand() -> None:
    """The same image, made with the engine's own command line out of the same cache."""
    volumes = [f"{name}:/run/longshore/{place}" for name, place in (_tools(), ("longshore-packages", "cache"))]
    create = ["docker", "create", "-i", "--user", "0", "--entrypoint", "/bin/sleep"]
    create += [part for volume in volumes for part in ("-v", volume)]
    container = run([*create, "longshore/python:latest", "600"]).strip()
    try:
        run(["docker", "start", container])
        variables = ["UV_CACHE_DIR=/run/longshore/cache", "UV_LINK_MODE=copy", "UV_NO_CONFIG=1"]
        variables.append("SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt")
        install = ["/run/longshore/tools/uv", "pip", "install", "--python", "python3", "--break-system-packages"]
        install += ["--compile-bytecode", "--no-build", "scikit-learn"]
        run(["docker", "exec", *[part for one in variables for part in ("-e", one)], container, *install])
        run(["docker", "commit", "--pause=false", container, f"{STORE}:by-hand"])
    finally:
        run(["docker", "rm", "-f", container])


def _tools() -> tuple[str, str]:
    volumes = run(["docker", "volume", "ls", "-q", "--filter", "name=longshore-tools-uv"]).split()
    return max(volumes), "tools"


def _built(folder: Path, environment: dict[str, str]) -> list[str]:
    block = _block(folder, "scikit-learn")

    def fresh() -> None:
        # Neither of them finds the other's image, or a disk that is still busy with its removal.
        _remove()
        subprocess.run(["docker", "rmi", "-f", f"{STORE}:by-hand"], capture_output=True, check=False)
        os.sync()

    def ours() -> float:
        fresh()
        return timed(lambda: run([LONGSHORE, "images", "build", str(block)], env=environment))

    def by_hand() -> float:
        fresh()
        return timed(_by_hand)

    times = in_turns(BUILDS, ours=ours, by_hand=by_hand)
    beyond = [ours - hand for ours, hand in zip(times["ours"], times["by_hand"])]
    return [
        "| the environment of `scikit-learn`, with cached packages | median (range) | relative to manual commands |",
        "|---|---|---|",
        f"| `longshore images build` | {spread(times['ours'], 's', 1)} | {ratio(times['ours'], times['by_hand'])} |",
        f"| `docker create`, `start`, `exec uv pip install`, `commit`, `rm` | {spread(times['by_hand'], 's', 1)} | 1 |",
        f"| overhead of Longshore | {spread(beyond, 's', 1)} | |",
    ]


def thousand(folder: Path) -> list[str]:
    """Listing a thousand images, against the engine's own answer."""
    environment = _environment(folder)
    labels = ["longshore.image-type=generated", f"longshore.store={STORE}", "longshore.packages=humanize"]
    archive = folder / "tiny.tar"
    run(["tar", "-C", str(folder), "-cf", str(archive), "--files-from", "/dev/null"])
    try:
        for number in range(IMAGES):
            hash_ = f"{number:032x}"
            own = [*labels, f"longshore.environment={hash_}"]
            changes = [part for label in own for part in ("--change", f"LABEL {label}")]
            run(["docker", "import", *changes, str(archive), f"longshore/environment:{hash_}"])
        socket = os.environ.get("DOCKER_HOST", "").removeprefix("unix://") or "/var/run/docker.sock"
        engine = ["curl", "-sf", "--unix-socket", socket, "-o", "/dev/null"]
        asks = [[*engine, f"http://engine/{path}"] for path in ("images/json", "containers/json?all=1")]
        times = in_turns(
            DECISIONS,
            list=lambda: timed(lambda: run([LONGSHORE, "images", "list"], env=environment)),
            engine=lambda: timed(lambda: [run(ask) for ask in asks]),
        )
    finally:
        _remove()
    beyond = [ours - theirs for ours, theirs in zip(times["list"], times["engine"])]
    return [
        f"| {IMAGES} images built for blocks | median (range) | relative to the engine |",
        "|---|---|---|",
        f"| `longshore images list` | {spread(times['list'])} | {ratio(times['list'], times['engine'])} |",
        f"| the engine's images and containers, by `curl` | {spread(times['engine'])} | 1 |",
        f"| overhead over the engine | {spread(beyond)} | |",
    ]


environment_sections = {"Environments": environments, "1,000 images": thousand}
