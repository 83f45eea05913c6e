"""What strangers made: blocks, images and their agents, archives. Each is judged by what the host did for it."""

import io
import json
import secrets
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from container import LONGSHORE, Caller
from ending import run, write_script

READS = """
import glob
for path in glob.glob("**", recursive=True):
    if os.path.isfile(path) and not path.endswith((".py", ".R", ".toml")):
        print(path, open(path, errors="replace").read(), flush=True)
"""


@pytest.mark.parametrize("kind", ["file", "folder", "relative"])
def test_links_of_a_block_bring_nothing_along(root: Caller, tmp_path: Path, kind: str) -> None:
    private = tmp_path / "private"
    private.mkdir()
    secret = secrets.token_hex(16)
    (private / "secret").write_text(secret)
    block = write_script(tmp_path, "python", READS, {})
    target = {"file": private / "secret", "folder": private, "relative": Path("../private/secret")}[kind]
    (block / "data").symlink_to(target)
    done = run(root, tmp_path, block)
    assert secret not in done.printed, done.printed
    # What follows links takes it along.
    shutil.copytree(block, tmp_path / "copied")
    copied = tmp_path / "copied" / ("data/secret" if kind == "folder" else "data")
    assert copied.read_text() == secret


@pytest.mark.parametrize("script", ["../outside.py", "/etc/hostname", "inner/../../outside.py"])
def test_a_manifest_names_nothing_outside_its_folder(root: Caller, tmp_path: Path, script: str) -> None:
    (tmp_path / "outside.py").write_text("print('from outside')\n")
    block = write_script(tmp_path, "python", "print('from inside')\n", {})
    (block / "inner").mkdir()
    text = (block / "block.toml").read_text()
    done = run(root, tmp_path, block)
    assert (done.status, "from inside" in done.printed) == (0, True), done.printed
    (block / "block.toml").write_text(text.replace('"script.py"', json.dumps(script)))
    done = run(root, tmp_path, block)
    assert (done.status, "from outside" in done.printed) == (2, False), done.printed


@pytest.fixture
def tag() -> Iterator[str]:
    """A name of an image of this machine's."""
    name = f"longshore-hostile-{secrets.token_hex(6)}:latest"
    with tempfile_of({"first": b"first"}) as packed:
        subprocess.run(["docker", "import", "-", name], input=packed.read(), capture_output=True, check=True)
    yield name
    subprocess.run(["docker", "rmi", "-f", name], capture_output=True, check=True)


def tempfile_of(files: dict[str, bytes]) -> io.BytesIO:
    """An archive of files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    packed.seek(0)
    return packed


def id_of(tag: str) -> str:
    """The image that has a name."""
    command = ["docker", "image", "inspect", tag, "--format", "{{.Id}}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_an_archive_takes_no_name(root: Caller, tmp_path: Path, tag: str) -> None:
    before = id_of(tag)
    layer = tempfile_of({"second": secrets.token_bytes(8)}).read()
    import hashlib

    config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}
    config["rootfs"]["diff_ids"] = [f"sha256:{hashlib.sha256(layer).hexdigest()}"]  # type: ignore[index]
    text = json.dumps(config).encode()
    manifest = [{"Config": "config.json", "RepoTags": [tag], "Layers": ["layer.tar"]}]
    archive = tempfile_of({"config.json": text, "layer.tar": layer, "manifest.json": json.dumps(manifest).encode()})
    path = tmp_path / "archive.tar"
    path.write_bytes(archive.read())
    done = subprocess.run(
        [LONGSHORE, "images", "import", path], env=root.variables(), capture_output=True, text=True, check=False
    )
    assert id_of(tag) == before, done.stderr
    loaded = subprocess.run(["docker", "load", "-i", path], capture_output=True, text=True, check=False)
    assert id_of(tag) != before, loaded.stderr
    subprocess.run(["docker", "rmi", before], capture_output=True, check=False)


AGENTS = {
    "silent": "sleep 1000",
    "deaf": "trap '' HUP INT TERM; while :; do sleep 1; done",
    "many": "for n in 1 2 3 4 5 6 7 8; do (trap '' TERM; sleep 1000) & done; sleep 1000",
}


@pytest.mark.parametrize("kind", AGENTS)
def test_an_agent_that_does_nothing_holds_nothing_up(root: Caller, tmp_path: Path, kind: str) -> None:
    name = f"longshore-hostile-{secrets.token_hex(6)}"
    agent = tmp_path / "image/longshore-agent"
    agent.parent.mkdir()
    agent.write_text(f"#!/bin/sh\n{AGENTS[kind]}\n")
    agent.chmod(0o755)
    (tmp_path / "image/Dockerfile").write_text(
        "FROM longshore/base\nCOPY longshore-agent /usr/local/bin/longshore-agent\nENTRYPOINT []\nLABEL longshore.agent=0.1.0\n"
    )
    subprocess.run(["docker", "build", "-q", "-t", name, tmp_path / "image"], capture_output=True, check=True)
    try:
        block = write_script(tmp_path, "python", "", {})
        begun = time.monotonic()
        done = run(root, tmp_path, block, ["--image", name, "--timeout", "2s"])
        # An agent has 10 s to connect, the engine kills, and after 10 s more the run ends without it. Where the run waits
        # for an interpreter to be prepared, twice 60 s go before that.
        assert time.monotonic() - begun < (200 if root.resident else 40), done.printed
        assert done.status not in (0, 1, 2), done.printed
        command = ["docker", "run", "-d", "--rm", "--name", name, name, "/usr/local/bin/longshore-agent"]
        subprocess.run(command, capture_output=True, check=True)
        subprocess.run(["docker", "kill", "-s", "HUP", name], capture_output=True, check=True)
        running = subprocess.run(
            ["docker", "inspect", "-f", "{{.State.Running}}", name], capture_output=True, text=True, check=False
        )
        assert running.stdout.strip() == "true", running
    finally:
        subprocess.run(["docker", "kill", name], capture_output=True, check=False)
        subprocess.run(["docker", "rmi", "-f", name], capture_output=True, check=False)
