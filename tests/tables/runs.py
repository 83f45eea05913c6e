"""Runs of Longshore: the block that reads and writes back, with up to 64 inputs and outputs, and what a run says.

Owns the command lines, the environments of the readers, and the limits of a run. What a run should say is not known here.
"""

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading

HERE = pathlib.Path(__file__).parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "longshore"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or CACHE / "target")
LONGSHORE = pathlib.Path(os.environ.get("LONGSHORE") or TARGET / "release" / "longshore")

INPUTS_MAX = 64
"""Inputs and outputs of one run."""

SECONDS_MAX = 60
"""What no run of these tests takes, unless it hangs."""

MANIFEST = """name = "Tables"
language = "{language}"
script = "{script}"
mode = "{mode}"

[[options]]
name = "reader"
kind = "text"

[[options]]
name = "writes"
kind = "boolean"
"""


@dataclasses.dataclass
class Run:
    """How a run ended; `seen` is what its script noted, None where it noted nothing."""

    status: int
    errors: str
    seen: list | None
    megabytes: float

    @property
    def said(self):
        """Its errors in one line."""
        return " ".join(self.errors.split())


class Runner:
    """Runs blocks below a folder of its own."""

    def __init__(self, folder, pandas2_python):
        self.folder = pathlib.Path(folder)
        self.pandas2_python = pandas2_python
        for language, script in (("python", "block.py"), ("r", "block.R"), ("python", "stream.py")):
            mode = "stream" if script == "stream.py" else "batch"
            block = self.folder / f"block {script}"
            block.mkdir()
            manifest = MANIFEST.format(language=language, script=script, mode=mode)
            if mode == "batch":
                manifest += "".join(f'\n[[outputs]]\nid = "o{number}"\n' for number in range(INPUTS_MAX))
            (block / "block.toml").write_text(manifest)
            shutil.copy(HERE / "block" / script, block)
            shutil.copy(HERE / "canonical.py", block)

    def run(self, reader, inputs, outputs=(), *, engine="process", arguments=()):
        """Reads the inputs in a form, notes what they hold, and writes each to its output, if it has one."""
        script = {"R": "block.R", "stream": "stream.py"}.get(reader, "block.py")
        command = ["run", str(self.folder / f"block {script}"), "--engine", engine, "--quiet"]
        for path in inputs:
            command += ["-i", str(path)]
        for number, path in enumerate(outputs):
            command += ["-o", f"{number}={path}"]
        if reader == "stream":
            command += ["--chunk-rows", "5"]
        else:
            command += ["--option", f"reader={reader}", "--option", f"writes={'true' if outputs else 'false'}"]
        if engine == "docker" and reader == "pandas 2":
            command += ["--image", "longshore/python-pandas2"]
        return self.command([*command, *arguments], "pandas 2" if reader == "pandas 2" else None)

    def command(self, command, reader=None):
        """Runs Longshore with the command and a folder for what is kept."""
        with tempfile.TemporaryDirectory(dir=self.folder) as kept:
            kept = pathlib.Path(kept) / "kept"
            python = self.pandas2_python if reader == "pandas 2" else CACHE / "venv" / "bin" / "python3"
            environment = {
                **os.environ,
                "LONGSHORE_PYTHON": str(python),
                "LONGSHORE_R_LIBRARY": os.environ.get("LONGSHORE_R_LIBRARY") or str(CACHE / "r-library"),
            }
            whole = [str(LONGSHORE), *command, "--keep", str(kept)]
            status, errors, megabytes = _run(whole, environment)
            found = kept / "seen.json"
            seen = json.loads(found.read_text(encoding="utf-8")) if found.exists() else None
            return Run(status, errors, seen, megabytes)


def _run(command, environment):
    """Exit status, standard error, and the most memory that the process or one of its children held."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=errors)
        alarm = threading.Timer(SECONDS_MAX, process.kill)
        alarm.start()
        _, status, used = os.wait4(process.pid, 0)
        hung = not alarm.is_alive()
        alarm.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        text = errors.read().decode(errors="replace")
        if hung:
            return -1, f"no end after {SECONDS_MAX} s: {text}", 0.0
        return process.returncode, text, used.ru_maxrss / 1024
