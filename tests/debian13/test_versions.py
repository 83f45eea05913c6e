"""Blocks that need Python 3.13 or R 4.5, in the images on Debian 13: `make test-13` builds these and runs this."""

import os
import subprocess
from pathlib import Path

import pytest

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", Path.home() / ".cache/longshore/target"))
LONGSHORE = os.environ.get("LONGSHORE_BIN", str(TARGET / "release/longshore"))

PYTHON = """
import sys
import humanize
from longshore.api import Api

api = Api()
table = api.read_input_records()
table["version"] = "{}.{}".format(*sys.version_info)
table["text"] = table["n"].map(humanize.intcomma)
api.write_output_records(table)
api.close()
"""

R = """
library(longshore)
library(zoo)

api <- longshore.api()
table <- read.input.records(api)
table$version <- sub("[.][0-9]+$", "", as.character(getRversion()))
table$text <- as.character(rollmean(c(table$n, table$n), 2)[1:2])
write.output.records(api, table)
close(api)
"""


def run(folder: Path, manifest: str, script: str, *arguments: str) -> subprocess.CompletedProcess:
    """Runs a block in a folder with a table of two rows, in a home of its own."""
    (folder / "block.toml").write_text(manifest)
    (folder / ("script.R" if 'language = "r"' in manifest else "script.py")).write_text(script)
    (folder / "in.csv").write_text("n\n1000\n2000\n")
    command = [LONGSHORE, "run", "--engine", "docker", ".", "-i", "in.csv", "-o", "out.csv", *arguments]
    state = {"XDG_STATE_HOME": str(folder / "state"), "XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.run(command, cwd=folder, env=os.environ | state, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("language", "version", "package", "script", "texts"),
    [
        ("python", "3.13", "humanize", PYTHON, ["1,000", "2,000"]),
        ("python", "3.11", "humanize", PYTHON, ["1,000", "2,000"]),
        ("r", "4.5", "zoo", R, ["1500", "1500"]),
        ("r", "4.2", "zoo", R, ["1500", "1500"]),
    ],
)
def test_a_block_gets_the_version_that_it_names(
    tmp_path: Path, language: str, version: str, package: str, script: str, texts: list[str]
) -> None:
    """Its packages are installed for that version, and its tables are read and written by the SDK."""
    suffix = "R" if language == "r" else "py"
    manifest = (
        f'name = "Versions"\nlanguage = "{language}"\nscript = "script.{suffix}"\n'
        f'{language} = "{version}"\ndependencies = ["{package}"]\n'
    )
    ran = run(tmp_path, manifest, script)
    assert ran.returncode == 0, ran.stderr
    rows = [line.replace('"', "").split(",", 2) for line in (tmp_path / "out.csv").read_text().splitlines()[1:]]
    assert [(row[1], row[2]) for row in rows] == [(version, text) for text in texts]


def test_a_version_without_an_image_is_an_error_that_names_those_with_one(tmp_path: Path) -> None:
    """Nothing is started."""
    manifest = 'name = "Old"\nlanguage = "python"\nscript = "script.py"\npython = "3.9"\n'
    ran = run(tmp_path, manifest, PYTHON)
    assert ran.returncode == 2
    assert "`python` is `3.9`, and there are images with Python 3.11 and 3.13" in ran.stderr
