"""What frames of polars become where its own Arrow is not what it should be."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from longshore import OutputError, _tables


def column(values: pl.Series) -> pa.Array:
    return pa.table(_tables.to_stream(pl.DataFrame({"x": values})))["x"].combine_chunks()


@pytest.mark.parametrize(
    ("series", "data_type", "expected"),
    [
        (pl.Series([1, None], dtype=pl.Int128), pa.int64(), [1, None]),
        (pl.Series([2**63, -1], dtype=pl.Int128), pa.decimal128(38, 0), [2**63, -1]),
        (pl.Series([10**38], dtype=pl.Int128), pa.large_string(), [str(10**38)]),
        (pl.Series([None], dtype=pl.Int128), pa.int64(), [None]),
        (pl.Series([2**64], dtype=pl.UInt128), pa.decimal128(38, 0), [2**64]),
        (pl.Series([[2**60 + 1, None]], dtype=pl.List(pl.Int128)), pa.list_(pa.int64()), [[2**60 + 1, None]]),
        (pl.Series([{1}, None, {2}], dtype=pl.Object), pa.list_(pa.int64()), [[1], None, [2]]),
        (pl.Series(["a", None], dtype=pl.Object), pa.large_string(), ["a", None]),
        (pl.Series([dt.date(2024, 2, 29), None], dtype=pl.Object), pa.date32(), [dt.date(2024, 2, 29), None]),
        (pl.Series([None, None], dtype=pl.Null), pa.null(), [None, None]),
        (pl.Series([[None], None], dtype=pl.List(pl.Null)), pa.large_list(pa.null()), [[None], None]),
        (pl.Series([{"a": None}], dtype=pl.Struct({"a": pl.Null})), pa.struct([("a", pa.null())]), [{"a": None}]),
    ],
    ids=lambda value: str(value.dtype) if isinstance(value, pl.Series) else "",
)
def test_types(series: pl.Series, data_type: pa.DataType, expected: list[Any]) -> None:
    array = column(series)
    assert array.type == data_type
    assert array.to_pylist() == expected


def test_objects_of_polars_that_go_with_nothing_are_told() -> None:
    with pytest.raises(OutputError, match="column `x`, row 2: the value is bytes"):
        column(pl.Series(["a", b"b"], dtype=pl.Object))


def test_lazy_frames_and_series() -> None:
    assert pa.table(_tables.to_stream(pl.LazyFrame({"a": [1]}))).to_pydict() == {"a": [1]}
    assert pa.table(_tables.to_stream(pl.Series("a", [1]))).to_pydict() == {"a": [1]}


def test_a_frame_of_polars_own_types_goes_as_it_is() -> None:
    frame = pl.DataFrame({"a": [1], "c": pl.Series(["x"], dtype=pl.Categorical)})
    assert _tables.to_stream(frame) is frame
