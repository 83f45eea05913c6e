"""A resident host for each module that asks for one; inputs without a host: the folder of a dry run, read as a run's
inputs are."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# What Hypothesis remembers between runs lies outside the tree, and each run tries the same examples.
os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(Path(tempfile.gettempdir(), "longshore-hypothesis")))

import hypothesis
import pyarrow as pa
import pytest
from host import Host
from longshore._longshore import Client, Table

hypothesis.settings.register_profile("repeatable", derandomize=True, database=None, deadline=None, max_examples=40)
hypothesis.settings.load_profile("repeatable")


class Inputs:
    """Arrow tables as the SDK gets them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def table(self, table: pa.Table) -> Table:
        """A table as an input."""
        with pa.ipc.new_file(str(self._folder / "0.arrow"), table.schema) as file:
            file.write_table(table)
        found = Client(None, str(self._folder)).read_input(0)
        assert found is not None
        return found

    def column(self, values: Any, data_type: pa.DataType | None = None) -> Table:
        """A table of the column ``x``."""
        array = values if isinstance(values, pa.Array) else pa.array(values, data_type)
        return self.table(pa.table({"x": array}))


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    return Inputs(tmp_path)


@pytest.fixture(scope="session")
def many_inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    """For properties, whose examples share it."""
    return Inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    host = Host(tmp_path_factory.mktemp("host"))
    yield host
    host.stop()
