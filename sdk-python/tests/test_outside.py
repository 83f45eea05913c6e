"""What the package does without a run, and what it makes of data before it is sent."""

from __future__ import annotations

import datetime
import decimal
import subprocess
import sys
from pathlib import Path

import longshore
import pandas as pd
import pyarrow as pa
import pytest
from longshore import _tables


def columns(data: object) -> dict[str, list[object]]:
    return pa.table(_tables.to_stream(data)).to_pydict()


def test_outside_a_run_the_error_says_how_to_start_one() -> None:
    program = "from longshore.api import Api; Api()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={}, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "longshore.NotInRunError: this script is not running in longshore: start it with `longshore run SCRIPT`, "
        "or `longshore run FOLDER` for a block; or name a folder of inputs in LONGSHORE_DRY_RUN"
    )


def test_a_dry_run_allows_a_new_api_after_a_final_call(tmp_path: Path) -> None:
    program = """
from longshore.api import Api
first = Api()
try:
    Api()
except Exception as error:
    print(error)
first.close()
second = Api()
second.write_output({"a": [1]})
"""
    variables = {"LONGSHORE_DRY_RUN": str(tmp_path)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
    assert done.returncode == 0, done.stderr
    assert "cannot create a second Api" in done.stdout
    assert (tmp_path / "output-0.parquet").is_file()


def test_errors_are_longshore_errors() -> None:
    for kind in (longshore.NotInRunError, longshore.InputError, longshore.OutputError, longshore.EndedError):
        assert issubclass(kind, longshore.LongshoreError)


def test_an_index_without_a_name_is_ignored_and_labels_become_text() -> None:
    frame = pd.DataFrame({1: [1, 2], ("a", "b"): [3, 4]}, index=["x", "y"])
    assert columns(frame) == {"1": [1, 2], "a_b": [3, 4]}


def test_mixed_columns_become_text_and_uniform_ones_nested() -> None:
    frame = pd.DataFrame({"m": [1, "x", None], "l": [[1], None, []], "d": [{"a": datetime.date(2024, 1, 1)}, None, {}]})
    assert columns(frame) == {
        "m": ["1", "x", None],
        "l": [[1], None, []],
        "d": ['{"a":"2024-01-01"}', None, "{}"],
    }


def test_dates_and_decimals_stay_what_they_are() -> None:
    frame = pd.DataFrame({"d": [datetime.date(2024, 1, 31), None], "n": [decimal.Decimal("1.10"), None]})
    assert columns(frame) == {"d": [datetime.date(2024, 1, 31), None], "n": [decimal.Decimal("1.10"), None]}


def test_nan_is_missing_and_infinity_is_not() -> None:
    assert columns(pd.DataFrame({"f": [1.0, float("nan"), float("inf")]})) == {"f": [1.0, None, float("inf")]}


def test_categories_become_their_values() -> None:
    frame = pd.DataFrame({"c": pd.Categorical(["x", None, "x"]), "n": pd.Categorical([1, 2, 1])})
    assert columns(frame) == {"c": ["x", None, "x"], "n": [1, 2, 1]}


def test_types_of_other_libraries_become_text() -> None:
    class PlaceType(pd.api.extensions.ExtensionDtype):
        name = "place"
        type = tuple

        @classmethod
        def construct_array_type(cls) -> type[Places]:
            return Places

    class Places(pd.api.extensions.ExtensionArray):
        def __init__(self, values: list[object]) -> None:
            self.values = values

        dtype = PlaceType()

        @classmethod
        def _from_sequence(cls, scalars: object, *, dtype: object = None, copy: bool = False) -> Places:
            return cls(list(scalars))  # type: ignore[call-overload]

        def __len__(self) -> int:
            return len(self.values)

        def __getitem__(self, item: object) -> object:
            return self.values[item] if isinstance(item, int) else Places(self.values[item])  # type: ignore

        def isna(self) -> object:
            return pd.isna(pd.array(self.values, dtype=object))

        def copy(self) -> Places:
            return Places(list(self.values))

        def __arrow_array__(self, type: object = None) -> object:  # noqa: A002
            return pa.array([b"not text"] * len(self.values))

    frame = pd.DataFrame({"place": pd.Series(Places(["POINT (1 2)", None]))})
    assert columns(frame) == {"place": ["POINT (1 2)", None]}


def test_repeated_names_are_numbered_with_a_warning() -> None:
    with pytest.warns(UserWarning, match=r"'a' is there twice: written as 'a\.1'"):
        assert columns(pd.DataFrame([[1, 2]], columns=["a", "a"])) == {"a": [1], "a.1": [2]}


def test_numbers_are_not_copied() -> None:
    values = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
    stream = _tables.to_stream(values)
    assert stream["a"].chunk(0).buffers()[1].address == values["a"].to_numpy().__array_interface__["data"][0]


def test_what_is_no_table_is_named() -> None:
    with pytest.raises(TypeError, match="cannot write int as a table"):
        _tables.to_stream(42)
    with pytest.raises(TypeError, match="cannot write list as a table"):
        _tables.to_stream([1, 2])
