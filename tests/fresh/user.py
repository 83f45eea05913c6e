"""An ordinary user of this machine, made for the tests: in the group that may use the engine's socket, without
`XDG_RUNTIME_DIR`, with a umask of 077 and a home whose path has a blank and letters that are not ASCII in it."""

import grp
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

from machine import DEADLINE, LONGSHORE, PREFIX, PYTHON, R_LIBRARY, ROOT, TARGET, output

UMASK = 0o077

# Everything below the folders that are given is there for others too, in what is started here: where the way to them is
# closed, as it is below the home of root, there is a folder in its place with nothing but them in it.
OPEN_UP = """
set -eu
stage=$1 closed=$2; shift 2
mask=$(umask); umask 022
mount -t tmpfs -o mode=755 none "$stage"
number=0 shown=()
while [ "$1" != -- ]; do
    mkdir "$stage/$number"
    mount --rbind "$1" "$stage/$number"
    shown+=("$1"); number=$((number + 1)); shift
done
shift
IFS=:
for folder in $closed; do mount -t tmpfs -o mode=755 none "$folder"; done
for index in "${!shown[@]}"; do
    if [ ! -e "${shown[index]}" ]; then
        mkdir -p "${shown[index]}"
        mount --rbind "$stage/$index" "${shown[index]}"
    fi
done
umask "$mask"
exec "$@"
"""


class User:
    """Such a user; `with` makes and removes him."""

    def __init__(self) -> None:
        self.name = f"{PREFIX}{os.getpid()}"
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.name} Größe "))
        self.home = self.folder / "home of ü"
        self.stage = self.folder / "stage"
        host = os.environ.get("DOCKER_HOST", "").removeprefix("unix://") or "/var/run/docker.sock"
        self.id = -1
        self.group = grp.getgrgid(Path(host).stat().st_gid).gr_name

    def __enter__(self) -> Self:
        try:
            output(["useradd", "--no-create-home", "--home-dir", "/nonexistent", "--groups", self.group, self.name])
            self.id = pwd.getpwnam(self.name).pw_uid
            self.folder.chmod(0o711)
            self.home.mkdir(0o700)
            self.stage.mkdir(0o700)
            os.chown(self.home, self.id, pwd.getpwnam(self.name).pw_gid)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        _remove(self.name, self.id, [self.folder, self.runtime_folder])

    @property
    def runtime_folder(self) -> Path:
        """Where the sockets of his runs are."""
        return Path(f"/tmp/longshore-{self.id}")

    def removes_runtime_folder(self) -> None:
        """Removes that folder, which stays after runs, so that nobody else makes it: nothing of a run may be in it."""
        for folder in (self.runtime_folder / "runs", self.runtime_folder):
            if folder.exists():
                folder.rmdir()

    def variables(self) -> dict[str, str]:
        """His environment, as `su -` has it, and where the programs of a checkout are."""
        own = {"HOME": str(self.home), "USER": self.name, "LOGNAME": self.name, "LANG": "C.UTF-8"}
        own |= {"PATH": "/usr/local/bin:/usr/bin:/bin", "LONGSHORE_PYTHON": str(PYTHON)}
        own |= {"LONGSHORE_R_LIBRARY": str(R_LIBRARY), "LONGSHORE_BIN": str(LONGSHORE)}
        # Mirrors and certificates are the machine's.
        kept = re.compile(
            r"DOCKER_HOST|(PIP|UV)_\w+|\w+_CA_BUNDLE|SSL_CERT_\w+|\w+_(PROXY|proxy)|LONGSHORE_(R|PYTHON|NETWORK|IMAGES)_\w+"
        )
        return {name: value for name, value in os.environ.items() if kept.fullmatch(name)} | own

    def command(self, command: list[str | Path]) -> list[str | Path]:
        """A command as he calls it; who starts it is root."""
        base = Path(output([PYTHON, "-c", "import sys; print(sys.base_prefix)"]).strip())
        shown = [ROOT, TARGET, LONGSHORE.parent, PYTHON.parents[1], R_LIBRARY, base]
        closed = sorted({str(place) for folder in shown if (place := _closed_above(folder))})
        open_up = ["unshare", "--mount", "--propagation", "private", "bash", "-c", OPEN_UP, "open-up", self.stage]
        become = ["setpriv", "--reuid", self.name, "--regid", self.name, "--init-groups", "--inh-caps=-all", "--"]
        return [*open_up, ":".join(closed), *shown, "--", *become, *command]

    def call(
        self, command: list[str | Path], folder: Path | None = None, more: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Calls a command as this user, in his home unless a folder is named."""
        return subprocess.run(
            self.command(command),
            cwd=folder or self.home,
            env=self.variables() | dict(more or {}),
            umask=UMASK,
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE,
        )

    def writes(self, folder: Path) -> None:
        """Gives him a folder with all that is in it."""
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, self.id, -1)
            path.chmod(0o700 if path.is_dir() else 0o600)


def _closed_above(folder: Path) -> Path | None:
    """The topmost folder on the way that others may not enter."""
    return next((place for place in reversed(folder.parents) if not place.stat().st_mode & 0o001), None)


def _remove(name: str, user_id: int, folders: list[Path]) -> None:
    # Nothing that he started outlives him.
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if process.stat().st_uid == user_id:
                os.kill(int(process.name), signal.SIGKILL)
    subprocess.run(["userdel", name], capture_output=True, check=False)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned() -> None:
    """Takes away users that tests left that were killed."""
    for entry in pwd.getpwall():
        owner = entry.pw_name.removeprefix(PREFIX)
        if owner == entry.pw_name or not owner.isdigit() or Path(f"/proc/{owner}").exists():
            continue
        print(f"removing the user {entry.pw_name} of tests that were killed", file=sys.stderr)
        left = [*Path(tempfile.gettempdir()).glob(f"{entry.pw_name} *"), Path(f"/tmp/longshore-{entry.pw_uid}")]
        _remove(entry.pw_name, entry.pw_uid, left)
