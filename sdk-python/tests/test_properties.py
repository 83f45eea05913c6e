"""What holds for all values: what goes out is equal to what came in."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
import uuid
import warnings
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from conftest import Inputs
from hypothesis import given
from longshore import _frames, _json, _objects, _tables
from test_read_pandas import raw

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=5)
ZONES = st.sampled_from(
    [dt.timezone.utc, dt.timezone(dt.timedelta(hours=2)), dt.timezone(-dt.timedelta(hours=3, minutes=30))]
)
SCALARS = {
    "text": TEXTS,
    "bool": st.booleans(),
    "int": INTEGERS,
    "unsigned": st.integers(0, 2**64 - 1),
    "float": st.floats(allow_nan=False),
    "decimal": DECIMALS,
    "date": st.dates(),
    "datetime": st.datetimes(),
    "aware": st.datetimes(timezones=ZONES),
    "time": st.times(),
    "bytes": st.binary(max_size=8),
}


def nested(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values, lists of them, and dicts of them, each as a column has them: all of one shape, some missing."""
    cell = st.none() | values
    return st.one_of(
        st.lists(cell, max_size=6),
        st.lists(st.none() | st.lists(cell, max_size=4), max_size=6),
        st.lists(st.none() | st.fixed_dictionaries({"a": cell, "ü": st.lists(cell, max_size=3)}), max_size=6),
        st.lists(st.none() | st.lists(st.fixed_dictionaries({"a": cell}), max_size=3), max_size=6),
    )


@pytest.mark.parametrize("kind", [*SCALARS])
def test_columns_of_one_class_are_written_as_they_are(kind: str) -> None:
    @given(nested(SCALARS[kind]))
    def check(values: list[Any]) -> None:
        array = _objects.column(values, "x")
        array.validate(full=True)
        assert array.to_pylist() == values

    check()


@given(
    st.lists(
        st.one_of(st.none(), st.integers(), st.floats(allow_nan=False), st.booleans(), TEXTS, DECIMALS), max_size=6
    )
)
def test_numbers_of_several_classes_lose_nothing(values: list[Any]) -> None:
    for cell, value in zip(_objects.column(values, "x").to_pylist(), values):
        if isinstance(cell, str) and not isinstance(value, str):
            assert (
                cell == {True: "true", False: "false"}[value] if isinstance(value, bool) else type(value)(cell) == value
            )
        else:
            assert cell == value


# What JSON has itself, and what it has a number or a text for.
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN)
def test_json_is_read_as_what_was_written(value: Any) -> None:
    assert json.loads(_json.dumps(value)) == value


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_json_has_all_digits(value: decimal.Decimal) -> None:
    found = json.loads(_json.dumps([value]), parse_float=decimal.Decimal, parse_int=decimal.Decimal)
    assert found == [value]


@given(
    st.lists(st.datetimes(timezones=st.none() | ZONES) | st.dates() | st.uuids() | st.binary(max_size=4), max_size=4)
)
def test_json_has_a_text_for_everything_that_can_be_read_back(values: list[Any]) -> None:
    for value, text in zip(values, json.loads(_json.dumps(values))):
        read = (
            uuid.UUID if isinstance(value, uuid.UUID) else getattr(type(value), "fromisoformat", None) or bytes.fromhex
        )
        assert read(text) == value


@given(st.lists(st.floats() | st.floats(width=32).map(np.float32), max_size=5))
def test_json_of_arrays_is_that_of_lists(values: list[Any]) -> None:
    expected = [
        None if math.isnan(v) else ("Infinity" if v > 0 else "-Infinity") if math.isinf(v) else float(v) for v in values
    ]
    assert json.loads(_json.dumps(np.array(values, dtype="float64"))) == expected
    assert json.loads(_json.dumps(values)) == expected


LONG = st.integers(-(2**63) + 1, 2**63 - 1)
ARRAYS: dict[str, tuple[st.SearchStrategy[Any], Any]] = {
    **{f"int{bits}": (st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1), pa.array) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": (st.integers(0, 2**bits - 1), pa.array) for bits in (8, 16, 32, 64)},
    "float": (st.floats(width=32, allow_nan=False), pa.array),
    "double": (st.floats(allow_nan=False), pa.array),
    "bool": (st.booleans(), pa.array),
    "string": (TEXTS, pa.array),
    "binary": (st.binary(max_size=5), pa.array),
    "date32": (st.integers(-(2**31), 2**31 - 1), raw),
    **{f"timestamp[{unit}]": (LONG, raw) for unit in ("ms", "us", "ns")},
    **{f"duration[{unit}]": (LONG, raw) for unit in ("s", "ms", "us", "ns")},
    "time64[us]": (st.integers(0, 86_399_999_999), raw),
    "list": (st.lists(st.none() | INTEGERS, max_size=3), pa.array),
    "texts": (st.lists(st.none() | TEXTS, max_size=3), pa.array),
    "decimal": (st.decimals(-(10**8), 10**8, places=3), pa.array),
}
TYPES = {
    **{f"time64[{unit}]": pa.time64(unit) for unit in ("us",)},
    **{f"timestamp[{unit}]": pa.timestamp(unit) for unit in ("ms", "us", "ns")},
    **{f"duration[{unit}]": pa.duration(unit) for unit in ("s", "ms", "us", "ns")},
    **{f"int{bits}": getattr(pa, f"int{bits}")() for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": getattr(pa, f"uint{bits}")() for bits in (8, 16, 32, 64)},
    "float": pa.float32(), "double": pa.float64(), "bool": pa.bool_(), "string": pa.string(), "binary": pa.binary(),
    "date32": pa.date32(), "list": pa.list_(pa.int64()), "texts": pa.list_(pa.string()),
    "decimal": pa.decimal128(12, 3),
}  # fmt: skip


@pytest.mark.parametrize("dtypes", _frames.DTYPES)
@pytest.mark.parametrize("name", [*ARRAYS])
def test_what_is_read_as_pandas_is_written_as_it_was(many_inputs: Inputs, name: str, dtypes: str) -> None:
    values, build = ARRAYS[name]

    @given(st.lists(st.none() | values, max_size=6))
    def check(column: list[Any]) -> None:
        array = build(column, TYPES[name])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame = _frames.to_pandas(many_inputs.column(array), dtypes)
            made = pa.table(_tables.to_stream(frame))["x"].combine_chunks()
        if pa.types.is_temporal(array.type):
            assert made.cast(array.type).equals(array)
        else:
            assert [plain(cell) for cell in made.to_pylist()] == [plain(cell) for cell in array.to_pylist()]

    check()


def plain(cell: Any) -> Any:
    return float(cell) if isinstance(cell, np.floating) else cell


@given(
    st.lists(
        st.tuples(
            st.none() | INTEGERS, st.none() | TEXTS, st.none() | st.dates(), st.none() | st.lists(INTEGERS, max_size=2)
        ),
        max_size=5,
    )
)
def test_frames_come_back_as_frames(many_inputs: Inputs, rows: list[tuple[Any, ...]]) -> None:
    frame = pd.DataFrame({
        "n": pd.array([row[0] for row in rows], dtype="Int64"),
        "t": pd.array([row[1] for row in rows], dtype="string"),
        "d": pd.array(np.array([row[2] for row in rows], dtype="M8[s]")),
        "l": pd.Series([row[3] for row in rows], dtype=object),
    })  # fmt: skip
    again = _frames.to_pandas(many_inputs.table(_tables.to_stream(frame)), "nullable")
    pd.testing.assert_frame_equal(again[["n", "d"]], frame[["n", "d"]])
    assert [None if cell is pd.NA else cell for cell in again["t"]] == [row[1] for row in rows]
    assert [None if cell is None else list(cell) for cell in again["l"]] == [row[3] for row in rows]
