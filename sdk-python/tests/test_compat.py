"""The name that Omniscope scripts import the class by."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import subprocess
import sys
from pathlib import Path

import longshore.api
import omniscope.api
from omniscope.api import OmniscopeApi


def test_it_is_the_same_class() -> None:
    assert OmniscopeApi is longshore.api.Api
    assert omniscope.api.__all__ == ["OmniscopeApi"]


def test_omniscope_is_open_to_other_distributions(tmp_path: Path) -> None:
    (tmp_path / "omniscope").mkdir()
    (tmp_path / "omniscope" / "other.py").write_text("NUMBER = 7\n")
    program = "import sys; sys.path.insert(0, sys.argv[1]); import omniscope.api, omniscope.other"
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)


def test_it_is_typed_and_of_the_same_version() -> None:
    assert importlib.resources.files("omniscope.api").joinpath("py.typed").is_file()
    assert importlib.metadata.version("omniscope-api") == importlib.metadata.version("longshore")
