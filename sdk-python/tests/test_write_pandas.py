"""What the columns of a pandas frame become, by their types, and which columns a frame has."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from longshore import OutputError, _tables

TEXT = pa.large_string()
WORDS = pa.dictionary(pa.int32(), TEXT)
DAY = dt.date(2024, 2, 29)


def column(series: Any) -> pa.Array:
    array = _tables.to_stream(pd.DataFrame({"x": series}))["x"].combine_chunks()
    array.validate(full=True)
    return array


@pytest.mark.parametrize(
    ("series", "data_type", "expected"),
    [
        (pd.Series([1, 2], dtype="int8"), pa.int8(), [1, 2]),
        (pd.Series([1, 2**64 - 1], dtype="uint64"), pa.uint64(), [1, 2**64 - 1]),
        (pd.Series([1.5, np.nan, np.inf], dtype="float32"), pa.float32(), [1.5, None, np.inf]),
        (pd.Series([1.5, np.nan], dtype="float16"), pa.float16(), [1.5, None]),
        (pd.Series([1.5, 2], dtype="longdouble"), pa.float64(), [1.5, 2.0]),
        (pd.Series([True, False]), pa.bool_(), [True, False]),
        (pd.Series([1 + 2j, 0.5 - 1j]), TEXT, ["1.0+2.0j", "0.5-1.0j"]),
        (pd.Series([1, None], dtype="Int64"), pa.int64(), [1, None]),
        (pd.Series([2**64 - 1, None], dtype="UInt64"), pa.uint64(), [2**64 - 1, None]),
        (pd.Series([1.5, None], dtype="Float32"), pa.float32(), [1.5, None]),
        (pd.Series([True, None], dtype="boolean"), pa.bool_(), [True, None]),
        (pd.Series(["a", None, ""], dtype="string"), None, ["a", None, ""]),
        (pd.Series(["a", None, ""], dtype="string[python]"), None, ["a", None, ""]),
        (pd.Series(["a", None, ""]), TEXT, ["a", None, ""]),
        (pd.Series(["2024-02-29", None], dtype="datetime64[s]"), pa.date32(), [DAY, None]),
        (pd.Series([None, None], dtype="datetime64[s]"), pa.date32(), [None, None]),
        (pd.Series([], dtype="datetime64[s]"), pa.date32(), []),
        (
            pd.Series(["2024-02-29 00:00:01", None], dtype="datetime64[s]"),
            pa.timestamp("s"),
            [dt.datetime(2024, 2, 29, 0, 0, 1), None],
        ),
        (pd.Series(["2024-02-29", None], dtype="datetime64[us]"), pa.timestamp("us"), [dt.datetime(2024, 2, 29), None]),
        (
            pd.Series(["2024-02-29", None], dtype="datetime64[ns]"),
            pa.timestamp("ns"),
            [pd.Timestamp("2024-02-29"), None],
        ),
        (
            pd.Series(["2024-02-29T12:00Z"], dtype="datetime64[ms, Europe/Berlin]"),
            pa.timestamp("ms", "Europe/Berlin"),
            [pd.Timestamp("2024-02-29T12:00Z").tz_convert("Europe/Berlin")],
        ),
        (
            pd.Series(["2024-02-29"], dtype="datetime64[s, UTC]"),
            pa.timestamp("s", "UTC"),
            [pd.Timestamp("2024-02-29", tz="UTC")],
        ),
        (
            pd.Series(pd.to_datetime(["2024-02-29T12:00+02:00"]).as_unit("us")),
            pa.timestamp("us", "+02:00"),
            [pd.Timestamp("2024-02-29T12:00+02:00")],
        ),
        (pd.Series(np.array([1, "NaT"], dtype="timedelta64[s]")), pa.duration("s"), [dt.timedelta(seconds=1), None]),
        (
            pd.Series([pd.Timedelta(1, unit="ns"), None], dtype="timedelta64[ns]"),
            pa.duration("ns"),
            [pd.Timedelta(1, unit="ns"), None],
        ),
        (pd.Series(pd.Categorical(["x", None, "x"])), WORDS, ["x", None, "x"]),
        (pd.Series(pd.Categorical([1, 2, 1])), pa.int64(), [1, 2, 1]),
        (pd.Series(pd.Categorical([2**53 + 1, None])), pa.int64(), [2**53 + 1, None]),
        (pd.Series(pd.Categorical([1.5, None])), pa.float64(), [1.5, None]),
        (pd.Series(pd.Categorical([True, None])), pa.bool_(), [True, None]),
        (pd.Series(pd.Categorical([DAY, None])), pa.date32(), [DAY, None]),
        (
            pd.Series(pd.Categorical(pd.to_datetime(["2024-02-29T12:00Z", None]).as_unit("us"))),
            pa.timestamp("us", "UTC"),
            [pd.Timestamp("2024-02-29T12:00Z"), None],
        ),
        (
            pd.Series(pd.Categorical([decimal.Decimal("1.10"), None])),
            pa.decimal128(3, 2),
            [decimal.Decimal("1.10"), None],
        ),
        (
            pd.Series(pd.Categorical.from_codes([0, -1], pd.Index([(1, 2)], tupleize_cols=False))),
            pa.list_(pa.int64()),
            [[1, 2], None],
        ),
        (pd.Series(pd.Categorical([None, None])), None, [None, None]),
        (pd.Series(pd.cut([1, 5, np.nan], [0, 2, 10])), WORDS, ["(0, 2]", "(2, 10]", None]),
        (pd.Series(pd.interval_range(0, 2)), TEXT, ["(0, 1]", "(1, 2]"]),
        (pd.Series(pd.PeriodIndex(["2024-01", "NaT"], freq="M")), TEXT, ["2024-01", None]),
        (pd.Series(pd.arrays.SparseArray([0, 0, 5])), pa.int64(), [0, 0, 5]),
        (pd.Series(pd.arrays.SparseArray([1.5, np.nan])), pa.float64(), [1.5, None]),
        (
            pd.Series(pd.arrays.SparseArray(["a", None], fill_value=None, dtype=pd.SparseDtype(object))),
            TEXT,
            ["a", None],
        ),
        (pd.Series([1, None], dtype=pd.ArrowDtype(pa.int8())), pa.int8(), [1, None]),
        (
            pd.Series([[1, None], None], dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
            pa.list_(pa.int64()),
            [[1, None], None],
        ),
        (
            pd.Series([decimal.Decimal("1.1")], dtype=pd.ArrowDtype(pa.decimal256(60, 1))),
            pa.decimal256(60, 1),
            [decimal.Decimal("1.1")],
        ),
        (pd.Series([None, None], dtype=object), pa.null(), [None, None]),
        (pd.Series([DAY, pd.NaT], dtype=object), pa.date32(), [DAY, None]),
    ],
    ids=lambda value: str(value.dtype) if isinstance(value, pd.Series) else "",
)
def test_types(series: Any, data_type: pa.DataType | None, expected: list[Any]) -> None:
    array = column(series)
    assert data_type is None or array.type == data_type
    assert array.to_pylist() == expected
    # Rows of the middle alone, as a filter leaves them.
    assert column(series.iloc[1:]).to_pylist() == expected[1:]


def test_nullable_floats_keep_nan_beside_missing() -> None:
    values = pd.arrays.FloatingArray(np.array([np.nan, 1.0]), np.array([False, True]))
    first, second = column(pd.Series(values)).to_pylist()
    assert first != first and second is None


def test_far_midnights_stay_times() -> None:
    far = np.array([2**40 * 86_400], "M8[s]")
    assert column(pd.Series(far)).type == pa.timestamp("s")


@pytest.mark.parametrize(
    ("values", "marked"),
    [
        (pd.to_datetime(pd.Series(["2024-02-29", None])).astype("datetime64[ns]"), True),
        (pd.Series(["1969-12-31", "2024-02-29"]).astype("datetime64[us]"), True),
        (pd.Series(["2024-02-29", "2024-02-29 00:00:01"]).astype("datetime64[ms]"), False),
        (pd.Series(["2024-02-29"] * 2000 + ["2024-02-29 12:00"]).astype("datetime64[us]"), False),
        (pd.Series([pd.NaT, pd.NaT]).astype("datetime64[ns]"), False),
        (pd.Series([]).astype("datetime64[ns]"), False),
        (pd.Series(["2024-02-29"]).astype("datetime64[us]").dt.tz_localize("UTC"), False),
        (pd.Series(["2024-02-29"]).astype("datetime64[us]").astype(pd.ArrowDtype(pa.timestamp("us"))), False),
        (pd.Series([dt.datetime(2024, 2, 29)], dtype=object), False),
    ],
)
def test_midnights_are_said_to_be_days(values: Any, marked: bool) -> None:
    expected = {b"longshore.only_days": b"true"} if marked else None
    frame = pd.DataFrame({"x": values, "other": 1})
    assert [field.metadata for field in _tables.to_stream(frame).schema] == [expected, None]
    assert pa.types.is_timestamp(_tables.to_stream(frame)["x"].type)
    indexed = pd.DataFrame({"other": np.ones(len(values))}, index=pd.Index(values, name="x"))
    assert _tables.to_stream(indexed).schema.field("x").metadata == expected


def test_masked_arrays_are_missing_where_they_are_masked() -> None:
    assert _tables.to_stream({"x": np.ma.array([1, 2], mask=[False, True])}).to_pydict() == {"x": [1, None]}


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (pd.RangeIndex(2), {}),
        (pd.Index(["x", "y"]), {}),
        (pd.RangeIndex(2, name="row"), {"row": [0, 1]}),
        (pd.Index(["x", "y"], name="k"), {"k": ["x", "y"]}),
        (pd.Index(["x", "y"], name=7), {"7": ["x", "y"]}),
        (pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["k", "n"]), {"k": ["x", "y"], "n": [1, 2]}),
        (pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["k", None]), {"k": ["x", "y"]}),
        (pd.DatetimeIndex(["2024-02-29", "2024-03-01"], name="day").as_unit("s"), {"day": [DAY, dt.date(2024, 3, 1)]}),
        (pd.CategoricalIndex(["x", "y"], name="c"), {"c": ["x", "y"]}),
        (pd.IntervalIndex.from_breaks([0, 1, 2], name="i"), {"i": ["(0, 1]", "(1, 2]"]}),
        (pd.PeriodIndex(["2024", "2025"], freq="Y", name="p"), {"p": ["2024", "2025"]}),
    ],
)
def test_levels_of_the_index_that_have_a_name_are_columns(index: Any, expected: dict[str, list[Any]]) -> None:
    frame = pd.DataFrame({"v": [3, 4]}, index=index)
    table = _tables.to_stream(frame)
    assert table.to_pydict() == {**expected, "v": [3, 4]}
    assert table.column_names == [*expected, "v"]


def test_grouped_and_counted_frames_have_their_keys() -> None:
    frame = pd.DataFrame({"k": ["x", "y", "x"], "v": [1, 2, 3]})
    assert _tables.to_stream(frame.groupby("k").sum()).to_pydict() == {"k": ["x", "y"], "v": [4, 2]}
    assert _tables.to_stream(frame.groupby("k")["v"].sum()).to_pydict() == {"k": ["x", "y"], "v": [4, 2]}
    assert _tables.to_stream(frame["k"].value_counts()).to_pydict() == {"k": ["x", "y"], "count": [2, 1]}


def test_a_level_that_has_the_name_of_a_column() -> None:
    frame = pd.DataFrame({"k": [1], "v": [2]}).set_index("k", drop=False)
    with pytest.warns(UserWarning, match="'k' is there twice"):
        assert _tables.to_stream(frame).to_pydict() == {"k": [1], "k.1": [1], "v": [2]}


def test_a_value_that_cannot_be_written_is_told_by_column_and_row() -> None:
    with pytest.raises(OutputError, match="column `x`, row 2: the value is bytes"):
        _tables.to_stream(pd.DataFrame({"v": [1, 2], "x": ["a", b"b"]}))


def test_half_a_surrogate_pair_is_an_error() -> None:
    with pytest.raises(OutputError, match="column `x`"):
        _tables.to_stream(pd.DataFrame({"x": pd.Series(["a", "\ud800"], dtype=object)}))
