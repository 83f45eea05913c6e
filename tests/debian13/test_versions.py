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


@pytest.mark.parametrize(("image", "version"), [("r", "4.2"), ("r-4.5", "4.5")])
def test_the_sdk_is_made_by_the_r_of_its_image(image: str, version: str) -> None:
    """Both packages have the byte code and the help that this R made."""
    ask = "for (package in c('longshore', 'omniscope.api')) cat(packageDescription(package)$Built, '\\n')"
    command = ["docker", "run", "--rm", "--network", "none", "--entrypoint", "Rscript", f"longshore/{image}:latest"]
    lines = subprocess.run([*command, "-e", ask], capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"R {version}.") for line in lines), lines


def test_the_images_on_debian_13_have_the_size_that_their_page_says() -> None:
    """It is within four percent, as for the others."""
    page = (Path(__file__).parents[2] / "docs/images.md").read_text()
    for image in ["python-3.13", "r-4.5"]:
        row = next(line for line in page.splitlines() if line.startswith(f"| `longshore/{image}` |"))
        expected = int(row.split("|")[-2].removesuffix(" MB "))
        command = ["docker", "image", "inspect", "--format", "{{.Size}}", f"longshore/{image}:latest"]
        size = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / 1_000_000
        assert abs(size - expected) <= 0.04 * expected, f"{image} has {size:.0f} MB"


def test_a_version_without_an_image_is_an_error_that_names_those_with_one(tmp_path: Path) -> None:
    """Nothing is started."""
    manifest = 'name = "Old"\nlanguage = "python"\nscript = "script.py"\npython = "3.9"\n'
    ran = run(tmp_path, manifest, PYTHON)
    assert ran.returncode == 2
    assert "`python` is `3.9`, and there are images with Python 3.11 and 3.13" in ran.stderr
