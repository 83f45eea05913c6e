"""What the tests of a fresh machine find on this one: the project, what was built of it, and how commands are called."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "longshore"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or CACHE / "target")
LONGSHORE = Path(os.environ.get("LONGSHORE_BIN") or TARGET / "release/longshore")
PYTHON = Path(os.environ.get("LONGSHORE_PYTHON") or CACHE / "venv/bin/python3")
R_LIBRARY = Path(os.environ.get("LONGSHORE_R_LIBRARY") or CACHE / "r-library")

# What names of things begin with that the tests make on this machine.
PREFIX = "lsfresh"

# No command of these tests takes longer on any machine that is alive.
DEADLINE = 600

ENGINES = ["docker", "process"]

PYTHON_SCRIPT = """\
from longshore.api import Api
api = Api()
table = api.read_input_records()
table["twice"] = table["n"] * 2
print("rows", len(table))
api.write_output_records(table)
open("left.txt", "w").write("left")
api.commit("done")
"""

R_SCRIPT = """\
library(longshore)
api <- longshore.api()
table <- read.input.records(api)
table$twice <- table$n * 2L
cat("rows", nrow(table), "\\n")
write.output.records(api, table)
writeLines("left", "left.txt")
commit(api, "done")
"""

SCRIPTS = {"script.py": PYTHON_SCRIPT, "script.R": R_SCRIPT}


def write_scripts(folder: Path) -> None:
    """Writes a script in each language, and a table for them."""
    for name, text in SCRIPTS.items():
        (folder / name).write_text(text)
    (folder / "in.csv").write_text("n,Straße\n1,Köln\n2,\n")


def output(command: list[str | Path], **more: object) -> str:
    """What a command prints that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE, **more)  # type: ignore[call-overload]
    said = done.stdout + done.stderr
    assert done.returncode == 0, f"{command} ended with {done.returncode}: {said}"
    return str(done.stdout)


def test_program(name: str) -> Path:
    """The program with the tests of `tests/tests/<name>`, built if it is not yet."""
    command = ["cargo", "test", "--locked", "-p", "longshore-tests", "--test", name, "--no-run"]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    if name == "agent_pid1":
        # Under cargo its tests build the agent that they call themselves.
        output(["cargo", "build", "--locked", "-q", "-p", "longshore-agent"], cwd=ROOT)
    # The last line is `Executable tests/<name>.rs (<path>)`.
    path = Path(built.stderr.strip().splitlines()[-1].rsplit("(", 1)[1].rstrip(")"))
    return path if path.is_absolute() else ROOT / path


def suite(name: str, *arguments: str) -> list[str | Path]:
    """The command that runs these tests as `cargo test` would."""
    variables = [f"CARGO_MANIFEST_DIR={ROOT / 'tests'}", f"CARGO_TARGET_DIR={TARGET}"]
    variables += [f"LONGSHORE_PYTHON={PYTHON}", f"LONGSHORE_R_LIBRARY={R_LIBRARY}"]
    variables += [f"LONGSHORE_BIN={LONGSHORE}", "RUST_BACKTRACE=0"]
    return ["env", "-C", ROOT / "tests", *variables, test_program(name), *arguments]
