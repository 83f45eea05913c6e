"""What each Arrow type is in a pandas frame."""

from __future__ import annotations

import datetime as dt
import decimal
import shutil
import uuid
import warnings
import zoneinfo
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from conftest import Inputs
from longshore import InputError, _frames, _polars
from longshore._cells import Pairs
from longshore._longshore import Client

TEXT = "str" if int(pd.__version__.split(".")[0]) >= 3 else "object"
BERLIN = dt.datetime(1970, 1, 1, 1, 0, 0, 5, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))


def raw(values: list[int | None], data_type: pa.DataType) -> pa.Array:
    """An array of what lies in memory."""
    width = pa.int32() if data_type.bit_width == 32 else pa.int64()
    return pa.array(values, width).view(data_type)


def cells(column: Any) -> list[Any]:
    """A column's values, ``None`` for missing, arrays as lists."""
    return [plain(value) for value in column]


def plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list):
        return [plain(item) for item in value]
    return None if not isinstance(value, (dict, tuple)) and pd.isna(value) else value


@pytest.mark.parametrize(
    ("array", "dtype", "expected"),
    [
        (pa.array([1, 2], pa.int8()), "int8", [1, 2]),
        (pa.array([1, 2], pa.uint64()), "uint64", [1, 2]),
        (pa.array([1, None], pa.int8()), "float64", [1.0, None]),
        (pa.array([2**53, None, -(2**53)]), "float64", [2.0**53, None, -(2.0**53)]),
        (pa.array([2**60, None]), "float64", [2.0**60, None]),
        (pa.array([-(2**63), None]), "float64", [-(2.0**63), None]),
        (pa.array([True, False]), "bool", [True, False]),
        (pa.array([True, None, False]), "object", [True, None, False]),
        (pa.array([1.5, None], pa.float16()), "float16", [1.5, None]),
        (pa.array([1.5, None], pa.float32()), "float32", [1.5, None]),
        (pa.array([1.5, None, float("inf")]), "float64", [1.5, None, float("inf")]),
        (pa.array(["a", None, ""]), TEXT, ["a", None, ""]),
        (pa.array(["a", None, ""], pa.large_string()), TEXT, ["a", None, ""]),
        (pa.array(["a", None, "a"]).dictionary_encode(), "category", ["a", None, "a"]),
        (pa.DictionaryArray.from_arrays([0, 1, 2], ["a", None, "a"]), "category", ["a", None, "a"]),
        (pa.array([7, None, 2**60 + 1]).dictionary_encode(), "object", [7, None, 2**60 + 1]),
        (raw([5, None], pa.time32("s")), "object", [dt.time(0, 0, 5), None]),
        (raw([5, None], pa.time64("us")), "object", [dt.time(0, 0, 0, 5), None]),
        (raw([5_000, None], pa.time64("ns")), "object", [dt.time(0, 0, 0, 5), None]),
        (pa.array([decimal.Decimal("1.10"), None]), "object", [decimal.Decimal("1.10"), None]),
        (pa.array([decimal.Decimal(10**60), None], pa.decimal256(76, 2)), "object", [decimal.Decimal(10**60), None]),
        (pa.array([b"a", None, b""]), "object", [b"a", None, b""]),
        (pa.array([b"a", None], pa.large_binary()), "object", [b"a", None]),
        (pa.array([b"ab", None], pa.binary(2)), "object", [b"ab", None]),
        (pa.array([uuid.UUID(int=5).bytes, None], pa.uuid()), "object", [uuid.UUID(int=5), None]),
        (pa.array([pa.MonthDayNano([1, 2, 3]), None]), "object", [pa.MonthDayNano([1, 2, 3]), None]),
        (pa.nulls(2), "object", [None, None]),
        (pa.array([[1, 2], None, []]), "object", [[1, 2], None, []]),
        (pa.array([[2**60 + 1, None], None, [3]]), "object", [[2**60 + 1, None], None, [3]]),
        (pa.array([[1.5, 2], None], pa.list_(pa.float32(), 2)), "object", [[1.5, 2.0], None]),
        (pa.array([["a", None], None, []], pa.large_list(pa.string())), "object", [["a", None], None, []]),
        (pa.array([[[1], [2, 3]], None]), "object", [[[1], [2, 3]], None]),
        (pa.array([{"n": 2**60 + 1, "t": "x"}, None]), "object", [{"n": 2**60 + 1, "t": "x"}, None]),
        (pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())), "object", [[("a", 1)], None]),
        (pa.array([[5], None], pa.list_(pa.timestamp("us", "Europe/Berlin"))), "object", [[BERLIN], None]),
        (
            pa.array([[5]], pa.list_(pa.timestamp("us", "Europe/Berlin"))).flatten().dictionary_encode(),
            "object",
            [BERLIN],
        ),
        (
            pa.UnionArray.from_dense(
                pa.array([0, 1, 0], pa.int8()),
                pa.array([0, 0, 1], pa.int32()),
                [pa.array([1, 2**60 + 1]), pa.array(["x"])],
            ),
            "object",
            [1, "x", 2**60 + 1],
        ),
        (
            pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, None]), pa.array(["x", "y"])]),
            "object",
            [1, "y"],
        ),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_numpy(inputs: Inputs, array: pa.Array, dtype: str, expected: list[Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # As it is, and cut out of the middle of a longer one.
        column = _frames.to_pandas(inputs.column(array))["x"]
        longer = pa.concat_arrays([array, array]) if not pa.types.is_union(array.type) else array
        cut = _frames.to_pandas(inputs.table(pa.table({"x": longer}).slice(len(longer) - len(array))))["x"]
    for found in (column, cut):
        assert str(found.dtype) == dtype
        assert cells(found) == expected
        assert (
            [type(cell) for cell in cells(found)] == [type(cell) for cell in expected]
            or dtype != "object"
            or (isinstance(next(cell for cell in expected if cell is not None), list))
        )


@pytest.mark.parametrize(
    ("array", "dtype", "integers"),
    [
        (raw([-719_162, None, 2_932_896], pa.date32()), "datetime64[s]", [-719_162 * 86_400, None, 2_932_896 * 86_400]),
        (raw([86_400_000, None], pa.date64()), "datetime64[s]", [86_400, None]),
        (raw([86_400_001, None], pa.date64()), "datetime64[ms]", [86_400_001, None]),
        *(
            (raw([5, None, 2**63 - 1], pa.timestamp(u)), f"datetime64[{u}]", [5, None, 2**63 - 1])
            for u in ("s", "us", "ns")
        ),
        (raw([5, None], pa.timestamp("ms", "Europe/Berlin")), "datetime64[ms, Europe/Berlin]", [5, None]),
        (raw([5, None], pa.timestamp("ms", "UTC")), "datetime64[ms, UTC]", [5, None]),
        (raw([5, None], pa.timestamp("ms", "+05:30")), "datetime64[ms, UTC+05:30]", [5, None]),
        *(
            (raw([5, None, -(2**63) + 1], pa.duration(u)), f"timedelta64[{u}]", [5, None, -(2**63) + 1])
            for u in ("s", "ns")
        ),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_times(inputs: Inputs, array: pa.Array, dtype: str, integers: list[int | None]) -> None:
    column = _frames.to_pandas(inputs.column(array))["x"]
    assert str(column.dtype) == dtype
    values = column.array
    values = values.view("int64") if hasattr(values, "view") else values
    assert [None if number == -(2**63) else int(number) for number in np.asarray(values).view("int64")] == integers


@pytest.mark.parametrize(
    ("array", "dtype"),
    [(pa.array([2**53 + 1, None]), "Int64"), (pa.array([2**64 - 1, None], pa.uint64()), "UInt64"),
     (pa.array([2**63 - 1, None]), "Int64")],
)  # fmt: skip
def test_integers_that_would_be_rounded_are_nullable_with_a_warning(
    inputs: Inputs, array: pa.Array, dtype: str
) -> None:
    table = inputs.column(array)
    with pytest.warns(
        UserWarning, match=f"column `x` has missing values and integers beyond 2.53.*: it is {dtype}"
    ) as told:
        column = _frames.to_pandas(table)["x"]
    assert len(told) == 1
    assert str(column.dtype) == dtype
    assert cells(column) == array.to_pylist()


@pytest.mark.parametrize(
    ("number", "data_type", "unit"),
    [
        (86_400, pa.time32("s"), "s"),
        (-1, pa.time64("us"), "us"),
        (1, pa.time64("ns"), "ns"),
        (86_400_000, pa.time32("ms"), "ms"),
    ],
)
def test_times_that_are_none_of_a_day_are_durations(
    inputs: Inputs, number: int, data_type: pa.DataType, unit: str
) -> None:
    table = inputs.column(raw([0, None, number], data_type))
    with pytest.warns(UserWarning, match=r"column `x`, row 3: datetime.time cannot hold this time"):
        column = _frames.to_pandas(table)["x"]
    assert str(column.dtype) == f"timedelta64[{unit}]"
    assert column.isna().tolist() == [False, True, False]
    assert column.to_numpy().view("int64")[2] == number


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (raw([0, None, -(2**63)], pa.timestamp("us")), "column `x`, row 3: the value -9223372036854775808"),
        (raw([-(2**63)], pa.duration("s")), "column `x`, row 1: the value -9223372036854775808"),
        (raw([5], pa.timestamp("us", "Foo/Bar")), "column `x`: pandas does not know the time zone `Foo/Bar`"),
        (
            pa.array([[0], None, [1, 2**60]], pa.list_(pa.timestamp("us"))),
            "column `x`, row 3: the time 1152921504606846976",
        ),
        (
            pa.array([{"t": [0]}, {"t": [1, 2**60]}], pa.struct([("t", pa.list_(pa.timestamp("us")))])),
            "`x`, row 2: the time",
        ),
        (
            pa.array([[2**30]], pa.list_(pa.int32())).flatten().view(pa.date32()).dictionary_encode(),
            "`x`, row 1: the date",
        ),
        (
            pa.array([[5]], pa.list_(pa.timestamp("us", "Foo/Bar"))),
            "column `x`, row 1: there is no time zone `Foo/Bar`",
        ),
        (pa.array([[("k", 2**60)]], pa.map_(pa.string(), pa.timestamp("us"))), "column `x`, row 1: the time"),
        (
            pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]),
            "column `x`, row 1: two fields of the struct are called `a`",
        ),
    ],
)
def test_what_pandas_cannot_hold_is_an_error_with_column_and_row(inputs: Inputs, array: pa.Array, words: str) -> None:
    table = inputs.column(array)
    with pytest.raises(InputError) as error:
        _frames.to_pandas(table)
    assert words in str(error.value)


def test_nested_times_keep_zone_and_nanoseconds(inputs: Inputs) -> None:
    array = pa.array([[1, 1_000]], pa.list_(pa.timestamp("ns", "+02:00")))
    first, second = _frames.to_pandas(inputs.column(array))["x"][0]
    assert isinstance(first, pd.Timestamp) and first.value == 1 and first.utcoffset() == dt.timedelta(hours=2)
    assert second == dt.datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=dt.timezone.utc)
    assert second.utcoffset() == dt.timedelta(hours=2)


def test_tensors_have_their_shape(inputs: Inputs) -> None:
    storage = pa.array([[1, 2, 3, 4, 5, 6], None], pa.list_(pa.int32(), 6))
    array = pa.ExtensionArray.from_storage(pa.fixed_shape_tensor(pa.int32(), [2, 3]), storage)
    first, second = _frames.to_pandas(inputs.column(array))["x"]
    assert first.shape == (2, 3) and first.tolist() == [[1, 2, 3], [4, 5, 6]] and second is None


def test_maps_are_written_as_maps(inputs: Inputs) -> None:
    array = pa.array([[("a", 1), ("b", None)], None, []], pa.map_(pa.string(), pa.int64()))
    column = _frames.to_pandas(inputs.column(array))["x"]
    assert isinstance(column[0], Pairs)


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (pa.array([1, None], pa.int16()), "Int16"),
        (pa.array([1, 2], pa.uint8()), "UInt8"),
        (pa.array([1.5, None], pa.float16()), "Float32"),
        (pa.array([1.5, None], pa.float32()), "Float32"),
        (pa.array([1.5, None]), "Float64"),
        (pa.array([True, None]), "boolean"),
        (pa.array(["a", None]), "string"),
        (pa.array([2**63 - 1, None]), "Int64"),
    ],
)
def test_nullable(inputs: Inputs, array: pa.Array, dtype: str) -> None:
    column = _frames.to_pandas(inputs.column(array), "nullable")["x"]
    assert column.dtype.name == dtype
    assert cells(column) == array.to_pylist()
    assert column[1] is pd.NA or not array.null_count


def test_nullable_floats_tell_nan_from_missing(inputs: Inputs) -> None:
    column = _frames.to_pandas(inputs.column([1.0, None, float("nan")]), "nullable")["x"]
    assert np.asarray(column.array._mask).tolist() == [False, True, False]


@pytest.mark.parametrize(
    "array",
    [
        pa.array([1, None]),
        pa.array(["a", None]),
        pa.array([[1, None], None]),
        pa.array([decimal.Decimal("1.1"), None]),
        raw([-(2**63), None], pa.timestamp("us")),
        raw([86_400, None], pa.time32("s")),
        pa.array([pa.MonthDayNano([1, 2, 3]), None]),
        pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
        pa.array(["a", None]).dictionary_encode(),
        pa.nulls(2),
    ],
    ids=lambda array: str(array.type),
)
def test_arrow(inputs: Inputs, array: pa.Array) -> None:
    column = _frames.to_pandas(inputs.column(array), "arrow")["x"]
    assert column.dtype == pd.ArrowDtype(array.type)
    assert column.array.__arrow_array__().combine_chunks().equals(array)


@pytest.mark.parametrize("dtypes", _frames.DTYPES)
def test_no_rows_no_columns_and_equal_names(inputs: Inputs, dtypes: str) -> None:
    types = [
        pa.int64(),
        pa.string(),
        pa.list_(pa.int64()),
        pa.dictionary(pa.int32(), pa.string()),
        pa.time32("s"),
        pa.date64(),
        pa.timestamp("us", "UTC"),
        pa.null(),
        pa.map_(pa.string(), pa.int64()),
        pa.uuid(),
    ]
    schema = pa.schema([pa.field("same", data_type) for data_type in types])
    frame = _frames.to_pandas(inputs.table(schema.empty_table()), dtypes)
    assert frame.shape == (0, len(types)) and list(frame.columns) == ["same"] * len(types)
    assert _frames.to_pandas(inputs.table(pa.table({})), dtypes).shape == (0, 0)


def test_numbers_lie_in_the_mapping_and_can_be_written_to(inputs: Inputs) -> None:
    table = inputs.table(pa.table({"a": [1, 2], "b": [1.5, 2.5], "t": raw([1, 2], pa.timestamp("us"))}))
    frame = _frames.to_pandas(table)
    for place, name in enumerate(frame.columns):
        values = frame[name].to_numpy()
        assert values.__array_interface__["data"][0] == table.values(place).__array_interface__["data"][0]
    frame.loc[0, "a"] = 9
    assert frame["a"].tolist() == [9, 2]


def test_lists_can_be_written_to(inputs: Inputs) -> None:
    cell = _frames.to_pandas(inputs.column([[1, 2], [3]]))["x"][0]
    cell[0] = 7
    assert cell.tolist() == [7, 2]


@pytest.mark.parametrize("form", ["pandas", "arrow", "batches", "polars"])
def test_intervals_that_pyarrow_has_no_array_for(tmp_path: Path, form: str) -> None:
    # The columns are of months, of days and milliseconds, and of lists of months, in a file that Rust's Arrow can read.
    shutil.copy(Path(__file__).with_name("intervals.arrow"), tmp_path / "0.arrow")
    client = Client(None, str(tmp_path))
    table = client.read_input(0)
    batches = client.read_batches(0)
    assert table is not None and batches is not None
    if form == "pandas":
        found = {name: cells(column) for name, column in _frames.to_pandas(table).items()}
    elif form == "polars":
        found = {name: column.to_list() for name, column in _polars.to_polars(table).to_dict().items()}
    else:
        found = (table.to_pyarrow() if form == "arrow" else next(batches)).to_pydict()

    def interval(months: int, days: int = 0, nanoseconds: int = 0) -> Any:
        parts = {"months": months, "days": days, "nanoseconds": nanoseconds}
        return parts if form == "polars" else pa.MonthDayNano([*parts.values()])

    assert found == {
        "m": [interval(14), None, interval(-3)],
        "d": [interval(0, 1, 5_000_000), None, interval(0, -2, -7_000_000)],
        "l": [[interval(14), interval(0)], [], [interval(-3)]],
    }
