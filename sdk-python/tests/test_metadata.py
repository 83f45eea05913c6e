"""What the installed package says about itself."""

import importlib.metadata
import re

import longshore


def test_the_version_is_that_of_the_distribution() -> None:
    assert longshore.__version__ == importlib.metadata.version("longshore")


def test_an_installer_knows_what_tables_need() -> None:
    needed = importlib.metadata.requires("longshore") or []
    names = {re.split(r"[^\w-]", text)[0] for text in needed if "extra ==" not in text}
    assert names == {"numpy", "pandas", "pyarrow"}
    assert importlib.metadata.requires("omniscope-api") == ["longshore"]


def test_editors_find_its_types() -> None:
    files = importlib.metadata.files("longshore") or []
    assert any(str(path) == "longshore/py.typed" for path in files)
