"""Environments: what it costs to find one, to make one, and to look at a thousand."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from measure import LONGSHORE, in_turns, ratio, run, spread, timed

DECISIONS = 15
BUILDS = 7
IMAGES = 1000
# With few packages in common with the images, so that both install the same.
PACKAGES = ["django", "networkx", "sqlalchemy", "sympy"]
ONE_MORE = "babel"
STORE = f"bench-{os.getpid()}"

MANIFEST = """
name = "Bench"
language = "python"
script = "script.py"
dependencies = {packages}
"""


def _environment(folder: Path) -> dict[str, str]:
    own = {"LONGSHORE_IMAGES_STORE": STORE, "XDG_STATE_HOME": str(folder / "state")}
    return {**os.environ, **own, "XDG_CACHE_HOME": str(folder / "cache")}


def _block(folder: Path, *packages: str) -> Path:
    block = folder / "-".join(packages)
    block.mkdir(exist_ok=True)
    (block / "block.toml").write_text(MANIFEST.format(packages=json.dumps(packages)))
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
    return [*found, "", *built]


def _found(folder: Path, environment: dict[str, str]) -> list[str]:
    block = _block(folder, "humanize")
    decisions = []
    for _ in range(DECISIONS + 1):
        command = [LONGSHORE, "run", str(block), "--engine", "docker", "--json", "--quiet"]
        lines = run(command, env=environment).splitlines()
        record = json.loads(next(line for line in lines if line.startswith("{")))
        decisions.append(record["timings_ms"]["environment"])
    return [
        "| the environment of an unchanged block | time to find it |",
        "|---|---|",
        f"| `longshore run`, up to the image | {spread(decisions[1:], 'ms', 1)} |",
    ]


def _built(folder: Path, environment: dict[str, str]) -> list[str]:
    """Each beside the installation of the same list by uv alone, in a fresh virtual environment: both compile, and find the
    wheels in their caches."""
    alone = Path(sys.executable).with_name("uv")
    venv, cache = folder / "venv", {**os.environ, "UV_CACHE_DIR": str(folder / "uv")}

    def build(*packages: str) -> float:
        block = _block(folder, *packages)
        return timed(lambda: run([LONGSHORE, "images", "build", str(block)], env=environment))

    def bare(*packages: str) -> float:
        shutil.rmtree(venv, ignore_errors=True)
        run([str(alone), "venv", "-q", "--python", "/usr/bin/python3", str(venv)], env=cache)
        os.sync()
        install = [str(alone), "pip", "install", "-q", "--compile-bytecode", "--python", str(venv), *packages]
        return timed(lambda: run(install, env=cache))

    def whole() -> float:
        # A disk that is still busy with the removal slows both.
        _remove()
        os.sync()
        return build(*PACKAGES)

    def more() -> float:
        # Of the list without it there is one by now.
        os.sync()
        return build(*PACKAGES, ONE_MORE)

    def one() -> float:
        _remove()
        os.sync()
        return build(ONE_MORE)

    times = in_turns(
        BUILDS,
        whole=whole,
        bare=lambda: bare(*PACKAGES),
        more=more,
        one=one,
        bare_one=lambda: bare(ONE_MORE),
    )
    whole_, bare_, more_, one_, bare_one = times.values()
    listed = ", ".join(PACKAGES)
    return [
        f"| the environment of {listed}, with cached packages | median (range) | relative to uv alone |",
        "|---|---|---|",
        f"| `longshore images build` | {spread(whole_, 's', 1)} | {ratio(whole_, bare_)} |",
        f"| `uv pip install --compile-bytecode` in a fresh virtual environment | {spread(bare_, 's', 1)} | 1 |",
        "",
        f"| one package more, {ONE_MORE} | median (range) | relative to that package alone |",
        "|---|---|---|",
        f"| `longshore images build`, the others being there | {spread(more_, 's', 1)} | {ratio(more_, one_)} |",
        f"| `longshore images build` of {ONE_MORE} alone | {spread(one_, 's', 1)} | 1 |",
        f"| `uv pip install --compile-bytecode {ONE_MORE}` | {spread(bare_one, 's', 1)} | |",
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
