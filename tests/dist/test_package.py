"""The archive and the Debian package that `make dist` makes: installed on machines that have nothing of this project."""

import os
import subprocess
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", Path.home() / ".cache/longshore/target"))
DIST = TARGET / "dist"
VERSION = tomllib.loads((HERE.parents[1] / "Cargo.toml").read_text())["workspace"]["package"]["version"]

# Seconds for downloads of 200 MB on a slow network.
DEADLINE = 900

SCRIPT = """
from longshore.api import Api

api = Api()
table = api.read_input_records()
table["twice"] = table["n"] * 2
api.write_output_records(table)
api.close("done")
"""

# What a user of a clean Debian types, after `apt-get install` of the package.
USE = """
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends /dist/*.deb ca-certificates python3 python3-venv >/dev/null 2>&1
useradd --create-home ada
cd /home/ada
cp /in/script.py .
printf 'n\\n1\\n2\\n' > in.csv
chown -R ada .
su ada -c 'longshore doctor && longshore run script.py -i in.csv -o out.csv && longshore uninstall --list'
cat out.csv
bash -n /usr/share/bash-completion/completions/longshore
test -s /usr/share/man/man1/longshore-run.1.gz
apt-get remove -y -qq longshore >/dev/null 2>&1
test ! -e /usr/libexec/longshore
test ! -e /usr/bin/longshore
"""


# The same with an engine, which sees the same folders.
WITH_ENGINE = """
set -eu
longshore doctor --engine docker
longshore run script.py -i in.csv -o out.csv
cat out.csv
"""


def dist(suffix: str) -> Path:
    """The only file of a kind."""
    (found,) = DIST.glob(f"*{suffix}")
    return found


def test_the_package_runs_scripts_on_a_clean_machine(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    tmp_path.chmod(0o755)
    variables = ["PIP_INDEX_URL", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]
    arguments = [argument for name in variables if name in os.environ for argument in ("-e", name)]
    mounts = ["-v", f"{DIST}:/dist:ro", "-v", f"{tmp_path}:/in:ro"]
    if bundle := os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE"):
        mounts += ["-v", f"{bundle}:/ca.pem:ro"]
        arguments += ["-e", "SSL_CERT_FILE=/ca.pem"]
    command = ["docker", "run", "--rm", *arguments, *mounts, "debian:bookworm-slim", "bash", "-c", USE]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "scripts run as processes of this machine, without isolation" in said
    assert "n,twice\n1,2\n2,4\n" in done.stdout, said
    assert "/home/ada/.cache/longshore/environments" in said
    assert "the Debian package" in said


def unpacked(archive: Path, folder: Path) -> Path:
    """The only folder of an archive."""
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    (root,) = folder.iterdir()
    return root


@pytest.fixture
def work() -> Iterator[Path]:
    """A folder with a short name: a socket's path has at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="lsdist-", dir="/tmp") as folder:
        yield Path(folder)


def test_the_archive_runs_scripts_on_an_engine(tmp_path: Path, work: Path) -> None:
    root = unpacked(dist(".tar.gz"), tmp_path / "unpacked")
    for folder in ("home", "runtime"):
        (work / folder).mkdir(mode=0o700)
    (work / "script.py").write_text(SCRIPT)
    (work / "in.csv").write_text("n\n1\n2\n")
    socket = Path("/var/run/docker.sock")
    user = os.getuid() or 4242
    for path in [work, *work.iterdir()]:
        os.chown(path, user, -1)
    mounts = ["-v", f"{root}:/usr/local:ro", "-v", f"{socket}:{socket}", "-v", f"{work}:{work}"]
    variables = ["-e", f"HOME={work}/home", "-e", f"XDG_RUNTIME_DIR={work}/runtime"]
    command = ["docker", "run", "--rm", "--user", f"{user}:{socket.stat().st_gid}", *mounts, *variables, "-w", work]
    command += ["debian:bookworm-slim", "bash", "-c", WITH_ENGINE]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "script ran in a fresh container" in done.stderr
    assert done.stdout.endswith("n,twice\n1,2\n2,4\n"), done.stdout


def test_an_archive_has_the_images_that_it_was_made_with(tmp_path: Path) -> None:
    release = TARGET / "release"
    program = next(TARGET.glob("*-linux-gnu/release/longshore"))
    agent = next(TARGET.glob("*-linux-gnu/agent/longshore-agent"))
    packaging = HERE.parents[1] / "packaging/dist"
    subprocess.run([packaging, program, agent, release / "sdk", tmp_path / "dist", "base"], check=True)
    (archive,) = (tmp_path / "dist").glob("*.tar.gz")
    longshore = unpacked(archive, tmp_path / "unpacked") / "bin/longshore"
    # It would be built otherwise, which says so.
    setup = [longshore, "setup", "base", "--again"]
    done = subprocess.run(
        setup, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    )
    assert (done.returncode, done.stdout) == (0, f"longshore/base:{VERSION} is ready\n"), done.stderr


def test_the_archive_has_all_that_an_installation_has(tmp_path: Path) -> None:
    with tarfile.open(dist(".tar.gz")) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
        assert all(member.uid == 0 and not member.name.startswith("/") for member in archive.getmembers())
        archive.extractall(tmp_path, filter="data")
    for name in [
        "bin/longshore",
        "libexec/longshore/longshore-agent",
        "libexec/longshore/images/build",
        "libexec/longshore/images/Dockerfile",
        "libexec/longshore/images/bootstrap",
        "share/bash-completion/completions/longshore",
        "share/longshore/longshore-prune.service",
        "share/zsh/site-functions/_longshore",
        "share/fish/vendor_completions.d/longshore.fish",
        "share/man/man1/longshore.1",
        "share/longshore/longshore-prune.timer",
    ]:
        assert name in names
    (root,) = tmp_path.iterdir()
    assert len(list((root / "libexec/longshore/sdk").glob("*.whl"))) == 2
    assert len(list((root / "libexec/longshore/sdk").glob("*.tar.gz"))) == 2
    program = root / "bin/longshore"
    shown = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    assert "statically linked" in shown.stdout + shown.stderr or "not a dynamic" in shown.stdout + shown.stderr
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert version.stdout == f"longshore {VERSION}\n"


def test_the_sums_are_right() -> None:
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=DIST, check=True)


@pytest.mark.parametrize("field", ["Package: longshore", "Maintainer: ", "Architecture: ", "Installed-Size: "])
def test_the_package_describes_itself(field: str) -> None:
    shown = subprocess.run(["dpkg-deb", "--info", dist(".deb")], capture_output=True, text=True, check=True)
    assert field in shown.stdout
