"""What is changed so that polars can take an input, and what it takes as it is."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
import warnings
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from conftest import Inputs
from longshore import InputError, _polars
from test_read_pandas import raw


@pytest.mark.parametrize(
    ("array", "dtype", "expected"),
    [
        (pa.array([1, None]), pl.Int64, [1, None]),
        (pa.array(["a", None]).dictionary_encode(), pl.Categorical, ["a", None]),
        (pa.DictionaryArray.from_arrays([0, 1], ["a", None]), pl.Categorical, ["a", None]),
        (pa.array(["a"]).dictionary_encode().slice(1), pl.Categorical, []),
        (
            pa.array([decimal.Decimal("1.5"), None], pa.decimal32(5, 2)),
            pl.Decimal(5, 2),
            [decimal.Decimal("1.50"), None],
        ),
        (
            pa.array([decimal.Decimal("1.5"), None], pa.decimal64(9, 2)),
            pl.Decimal(9, 2),
            [decimal.Decimal("1.50"), None],
        ),
        (pa.array([decimal.Decimal("1.5")], pa.decimal256(60, 2)), pl.Decimal(38, 2), [decimal.Decimal("1.50")]),
        (raw([86_399, None], pa.time32("s")), pl.Time, [dt.time(23, 59, 59), None]),
        (raw([5, None], pa.duration("s")), pl.Duration("ms"), [dt.timedelta(seconds=5), None]),
        (raw([5, None], pa.timestamp("s")), pl.Datetime("ms"), [dt.datetime(1970, 1, 1, 0, 0, 5), None]),
        (
            pa.array([pa.MonthDayNano([1, 2, 3]), None]),
            pl.Struct({"months": pl.Int32, "days": pl.Int32, "nanoseconds": pl.Int64}),
            [{"months": 1, "days": 2, "nanoseconds": 3}, None],
        ),
        (pa.array([uuid.UUID(int=5).bytes, None], pa.uuid()), pl.String, [str(uuid.UUID(int=5)), None]),
        (pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())), None, [{"a": 1}, None]),
        (
            pa.array([[decimal.Decimal(1)], None, []], pa.list_(pa.decimal256(60, 0))),
            None,
            [[decimal.Decimal(1)], None, []],
        ),
        (
            pa.array([{"d": [decimal.Decimal(1)]}, None], pa.struct([("d", pa.list_(pa.decimal256(60, 0)))])),
            None,
            [{"d": [decimal.Decimal(1)]}, None],
        ),
        (
            pa.array([[decimal.Decimal(1), None], None], pa.list_(pa.decimal256(60, 0), 2)),
            None,
            [[decimal.Decimal(1), None], None],
        ),
        (pa.nulls(2), pl.Null, [None, None]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_values(inputs: Inputs, array: pa.Array, dtype: Any, expected: list[Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        column = _polars.to_polars(inputs.column(array))["x"]
    assert dtype is None or column.dtype == dtype
    assert column.to_list() == expected


@pytest.mark.parametrize(
    ("array", "words", "dtype", "expected"),
    [
        (
            raw([86_400, None], pa.time32("s")),
            "not all of it are times of a day",
            pl.Duration("ms"),
            [86_400_000, None],
        ),
        (raw([-1, None], pa.time64("ns")), "not all of it are times of a day", pl.Duration("ns"), [-1, None]),
        (raw([5, None], pa.timestamp("us", "+05:30")), "times are in UTC, not at", pl.Datetime("us", "UTC"), [5, None]),
        (
            pa.array([decimal.Decimal(10**50), None], pa.decimal256(60, 2)),
            "decimals of more than 38 digits are text",
            pl.String,
            [f"{10**50}.00", None],
        ),
    ],
)
def test_what_is_changed_is_told(inputs: Inputs, array: pa.Array, words: str, dtype: Any, expected: list[Any]) -> None:
    table = inputs.column(array)
    with pytest.warns(UserWarning, match=f"column `x`: .*{words}"):
        column = _polars.to_polars(table)["x"]
    assert column.dtype == dtype
    assert (column.to_physical() if dtype != pl.String else column).to_list() == expected


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (raw([0, 2**62], pa.duration("s")), "column `x`, row 2: 4611686018427387904 seconds are more than"),
        (raw([0, 2**62], pa.timestamp("s", "UTC")), "column `x`, row 2: 4611686018427387904 seconds are more than"),
        (pa.array([[0], [1, 2**62]], pa.list_(pa.duration("s"))), "column `x`, row 2: 4611686018427387904 seconds"),
        (raw([5], pa.timestamp("us", "Foo/Bar")), "column `x`: there is no time zone `Foo/Bar`"),
        (
            pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1]), pa.array(["x"])]),
            "column `x`: it is a union, which polars does not have",
        ),
    ],
)
def test_what_polars_cannot_hold_is_an_error_with_its_column(inputs: Inputs, array: pa.Array, words: str) -> None:
    table = inputs.column(array)
    with pytest.raises(InputError) as error:
        _polars.to_polars(table)
    assert words in str(error.value)


def test_equal_names_get_numbers(inputs: Inputs) -> None:
    table = inputs.table(pa.Table.from_arrays([pa.array([1]), pa.array(["x"])], ["a", "a"]))
    with pytest.warns(UserWarning, match=r"the column name 'a' is in the input twice: it is read as 'a\.1'"):
        frame = _polars.to_polars(table)
    assert frame.to_dict(as_series=False) == {"a": [1], "a.1": ["x"]}
