"""The Python with pandas 2 for the process engine: made once, in the cache, with the SDK of the one with pandas 3."""

import fcntl
import pathlib
import shutil
import subprocess
import sys

from runs import CACHE, HERE

REQUIREMENTS = HERE.parent.parent / "images" / "python-pandas2-requirements.txt"


def pandas2_python():
    """The interpreter; the first call takes a minute, and the network."""
    folder = CACHE / "venv-pandas2"
    python = folder / "bin" / "python3"
    stamp = folder / "requirements.txt"
    wanted = REQUIREMENTS.read_text()
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "venv-pandas2.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            pip = [folder / "bin" / "pip", "install", "-q", "--disable-pip-version-check"]
            subprocess.run([*pip, "-r", REQUIREMENTS], check=True)
            stamp.write_text(wanted)
        ours, theirs = (_packages(python) for python in (CACHE / "venv" / "bin" / "python3", python))
        for name in ("longshore", "omniscope"):
            if (ours / name).exists():
                shutil.rmtree(theirs / name, ignore_errors=True)
                shutil.copytree(ours / name, theirs / name)
    return python


def _packages(python):
    """The folder that holds an environment's packages."""
    (found,) = pathlib.Path(python).parent.parent.glob("lib/python3*/site-packages")
    return found
