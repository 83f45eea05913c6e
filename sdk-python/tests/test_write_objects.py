"""What columns of Python objects become: the classes of their values decide."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import uuid
import zoneinfo
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from longshore import OutputError, _objects, _tables
from longshore._cells import Pairs

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
PLUS_TWO = dt.timezone(dt.timedelta(hours=2))
DAY = dt.date(2024, 2, 29)
TIME = dt.datetime(2024, 2, 29, 12, 30, 0, 5)


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass
class Point:
    x: int
    y: float


class Tensor:
    """An array of some other library, whose text has no middle."""

    def __init__(self, values: Any) -> None:
        self.values = np.array(values)
        self.ndim = self.values.ndim

    shape = property(lambda self: self.values.shape)
    dtype = property(lambda self: self.values.dtype)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.values

    def __str__(self) -> str:
        return "tensor([0, ..., 1999])"


TEXT, INT, FLOAT = pa.large_string(), pa.int64(), pa.float64()
STRUCTURED = np.array([(1, "a"), (2, "b")], dtype=[("n", "i4"), ("t", "U1")])


@pytest.mark.parametrize(
    ("values", "data_type", "expected"),
    [
        (["a", None, ""], TEXT, ["a", None, ""]),
        ([np.str_("a"), float("nan"), pd.NA], TEXT, ["a", None, None]),
        ([True, None, np.True_], pa.bool_(), [True, None, True]),
        ([1, None, np.int8(2)], INT, [1, None, 2]),
        ([-(2**63), 2**63 - 1], INT, [-(2**63), 2**63 - 1]),
        ([0, 2**64 - 1, None], pa.uint64(), [0, 2**64 - 1, None]),
        ([-1, 2**64 - 1], TEXT, ["-1", str(2**64 - 1)]),
        ([2**200], TEXT, [str(2**200)]),
        ([1, 2.5, float("nan"), float("inf")], FLOAT, [1.0, 2.5, None, float("inf")]),
        ([2**53 + 1, 0.5], TEXT, [str(2**53 + 1), "0.5"]),
        ([2**60, 0.5], FLOAT, [2.0**60, 0.5]),
        ([10**400, 0.5], TEXT, [str(10**400), "0.5"]),
        ([np.float32(0.1)], FLOAT, [float(np.float32(0.1))]),
        ([np.longdouble("0.1")], TEXT, [str(np.longdouble("0.1"))]),
        ([True, 1], TEXT, ["true", "1"]),
        ([True, "x", 1.5, None], TEXT, ["true", "x", "1.5", None]),
        (
            [decimal.Decimal("1.10"), None, decimal.Decimal("NaN")],
            pa.decimal128(3, 2),
            [decimal.Decimal("1.10"), None, None],
        ),
        ([decimal.Decimal("1.5"), 10**20], pa.decimal128(22, 1), [decimal.Decimal("1.5"), decimal.Decimal(10**20)]),
        (
            [decimal.Decimal("1E+3"), decimal.Decimal("-0.25")],
            pa.decimal128(6, 2),
            [decimal.Decimal(1000), decimal.Decimal("-0.25")],
        ),
        ([decimal.Decimal("0.001")], pa.decimal128(3, 3), [decimal.Decimal("0.001")]),
        ([decimal.Decimal(0)], pa.decimal128(1, 0), [decimal.Decimal(0)]),
        ([decimal.Decimal(10**50)], pa.decimal256(51, 0), [decimal.Decimal(10**50)]),
        ([decimal.Decimal(10**80)], TEXT, [str(10**80)]),
        ([decimal.Decimal("Infinity"), decimal.Decimal(1)], TEXT, ["Infinity", "1"]),
        ([decimal.Decimal("1.10"), 0.1], TEXT, ["1.10", "0.1"]),
        ([DAY, None], pa.date32(), [DAY, None]),
        ([dt.date(1, 1, 1), dt.date(9999, 12, 31)], pa.date32(), [dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
        ([TIME, None, pd.NaT], pa.timestamp("us"), [TIME, None, None]),
        ([dt.datetime.min, dt.datetime.max], pa.timestamp("us"), [dt.datetime.min, dt.datetime.max]),
        (
            [pd.Timestamp("2024-01-01"), np.datetime64("2024-01-02", "D")],
            pa.timestamp("us"),
            [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2)],
        ),
        ([pd.Timestamp(1, unit="ns")], pa.timestamp("ns"), [pd.Timestamp(1, unit="ns")]),
        ([np.datetime64("NaT"), TIME], pa.timestamp("us"), [None, TIME]),
        (
            [pd.Timestamp(1, unit="ns"), dt.datetime(9999, 1, 1)],
            TEXT,
            ["1970-01-01T00:00:00.000000001", "9999-01-01T00:00:00"],
        ),
        ([TIME.replace(tzinfo=BERLIN), None], pa.timestamp("us", "Europe/Berlin"), [TIME.replace(tzinfo=BERLIN), None]),
        ([TIME.replace(tzinfo=PLUS_TWO)], pa.timestamp("us", "+02:00"), [TIME.replace(tzinfo=PLUS_TWO)]),
        ([TIME.replace(tzinfo=dt.timezone.utc)], pa.timestamp("us", "UTC"), [TIME.replace(tzinfo=dt.timezone.utc)]),
        (
            [TIME.replace(tzinfo=PLUS_TWO), TIME.replace(tzinfo=BERLIN)],
            pa.timestamp("us", "UTC"),
            [TIME.replace(tzinfo=PLUS_TWO), TIME.replace(tzinfo=BERLIN)],
        ),
        (
            [dt.datetime.max.replace(tzinfo=PLUS_TWO)],
            pa.timestamp("us", "+02:00"),
            [dt.datetime.max.replace(tzinfo=PLUS_TWO)],
        ),
        (
            [TIME, TIME.replace(tzinfo=PLUS_TWO)],
            TEXT,
            ["2024-02-29T12:30:00.000005", "2024-02-29T12:30:00.000005+02:00"],
        ),
        ([DAY, TIME], TEXT, ["2024-02-29", "2024-02-29T12:30:00.000005"]),
        ([TIME, DAY], TEXT, ["2024-02-29T12:30:00.000005", "2024-02-29"]),
        ([dt.time(12, 30), None], pa.time64("us"), [dt.time(12, 30), None]),
        ([dt.time(12, 30, tzinfo=PLUS_TWO)], TEXT, ["12:30:00+02:00"]),
        (
            [dt.timedelta(days=-1, microseconds=1), None],
            pa.duration("us"),
            [dt.timedelta(days=-1, microseconds=1), None],
        ),
        ([pd.Timedelta(1, unit="ns")], pa.duration("ns"), [pd.Timedelta(1, unit="ns")]),
        ([dt.timedelta(days=999_999_999)], pa.duration("ms"), [dt.timedelta(days=999_999_999)]),
        ([dt.timedelta.max], TEXT, ["P999999999DT23H59M59.999999S"]),
        ([np.timedelta64(3, "h"), np.timedelta64("NaT")], pa.duration("us"), [dt.timedelta(hours=3), None]),
        ([np.timedelta64(3, "M"), dt.timedelta(-1)], TEXT, ["P3M", "-P1D"]),
        ([pa.MonthDayNano([1, 2, 3]), None], pa.month_day_nano_interval(), [pa.MonthDayNano([1, 2, 3]), None]),
        ([b"\x00\xff", None, bytearray(b"a"), memoryview(b"b")], pa.binary(), [b"\x00\xff", None, b"a", b"b"]),
        ([uuid.UUID(int=5), None], TEXT, ["00000000-0000-0000-0000-000000000005", None]),
        ([Color.RED, None, Color.BLUE], TEXT, ["red", None, "blue"]),
        ([Level.LOW, 2], INT, [1, 2]),
        ([1 + 2j, 0.5 - 1j], TEXT, ["1.0+2.0j", "0.5-1.0j"]),
        ([fractions.Fraction(1, 3), None], TEXT, ["1/3", None]),
        ([pd.Interval(0, 1), pd.Period("2024-01")], TEXT, ["(0, 1]", "2024-01"]),
        ([None, float("nan"), pd.NA, pd.NaT, np.datetime64("NaT")], pa.null(), [None] * 5),
        ([], pa.null(), []),
        ([[1, 2], None, [], (3,)], pa.list_(INT), [[1, 2], None, [], [3]]),
        ([[1, None], [2**60 + 1]], pa.list_(INT), [[1, None], [2**60 + 1]]),
        ([["a", "b"], ["c"]], pa.list_(TEXT), [["a", "b"], ["c"]]),
        ([[1, 0.5]], pa.list_(FLOAT), [[1.0, 0.5]]),
        ([[], None], pa.list_(pa.null()), [[], None]),
        ([[[1], []], [None]], pa.list_(pa.list_(INT)), [[[1], []], [None]]),
        ([np.array([1.5, 2.5], dtype="f4"), None], pa.list_(pa.float32()), [[1.5, 2.5], None]),
        ([np.array([1, 2]), [3, None]], pa.list_(INT), [[1, 2], [3, None]]),
        ([np.array([[1, 2], [3, 4]])], pa.list_(pa.list_(INT)), [[[1, 2], [3, 4]]]),
        ([np.array(["2024-02-29"], "M8[ns]")], pa.list_(pa.timestamp("us")), [[dt.datetime(2024, 2, 29)]]),
        ([np.array(5), 6], INT, [5, 6]),
        ([np.ma.masked, 6], INT, [None, 6]),
        (
            [pd.Series([1, 2]), pl.Series([3]), pa.array([4, None]), collections.deque([5])],
            pa.list_(INT),
            [[1, 2], [3], [4, None], [5]],
        ),
        ([np.array([[1, 2]]).view(np.matrix)], pa.list_(pa.list_(INT)), [[[1, 2]]]),
        ([np.ma.array([1, 2], mask=[False, True])], pa.list_(INT), [[1, None]]),
        ([np.arange(2000)], pa.list_(INT), [list(range(2000))]),
        ([Tensor(range(2000))], pa.list_(INT), [list(range(2000))]),
        ([Tensor(5), Tensor(6)], INT, [5, 6]),
        (
            [pd.DataFrame({"a": [1, 2]}), pl.DataFrame({"a": [3]}), pa.table({"a": [4]})],
            pa.list_(pa.struct([("a", INT)])),
            [[{"a": 1}, {"a": 2}], [{"a": 3}], [{"a": 4}]],
        ),
        ([{"a": 1}.keys(), {"a": "b"}.values()], pa.list_(TEXT), [["a"], ["b"]]),
        ([{3, 1, 2}, frozenset()], pa.list_(INT), [[1, 2, 3], []]),
        ([[b"\x01"], []], pa.list_(pa.binary()), [[b"\x01"], []]),
        (
            [{"a": 1, "b": "x"}, None, {"b": "y", "a": None}],
            pa.struct([("a", INT), ("b", TEXT)]),
            [{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}],
        ),
        ([Point(1, 2.5), Point(3, 4)], pa.struct([("x", INT), ("y", FLOAT)]), [{"x": 1, "y": 2.5}, {"x": 3, "y": 4.0}]),
        (
            [{"p": Point(1, 2.5), "c": [Color.RED]}],
            pa.struct([("p", pa.struct([("x", INT), ("y", FLOAT)])), ("c", pa.list_(TEXT))]),
            [{"p": {"x": 1, "y": 2.5}, "c": ["red"]}],
        ),
        (
            [STRUCTURED[0], STRUCTURED[1]],
            pa.struct([("n", INT), ("t", TEXT)]),
            [{"n": 1, "t": "a"}, {"n": 2, "t": "b"}],
        ),
        ([Pairs([("a", 1)]), None, Pairs()], pa.map_(TEXT, INT), [[("a", 1)], None, []]),
        ([pa.scalar(5), pa.scalar(None, pa.int64())], INT, [5, None]),
        ([[1, "a"], [2]], TEXT, ['[1,"a"]', "[2]"]),
        ([{"a": 1}, {"b": 1}, None], TEXT, ['{"a":1}', '{"b":1}', None]),
        ([{"a": 1}, [1]], TEXT, ['{"a":1}', "[1]"]),
        ([{}, None], TEXT, ["{}", None]),
        ([{1: "a"}], TEXT, ['{"1":"a"}']),
        ([{"a": 1}, {"a": "x"}], TEXT, ['{"a":1}', '{"a":"x"}']),
        ([["a"], "b"], TEXT, ['["a"]', "b"]),
        ([[2**70]], TEXT, [f"[{2**70}]"]),
        ([[b"\xff", "a"]], TEXT, ['["ff","a"]']),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_classes(values: list[Any], data_type: pa.DataType, expected: list[Any]) -> None:
    array = _objects.column(values, "x")
    assert array.type == data_type
    array.validate(full=True)
    assert array.to_pylist() == expected


def test_infinity_and_nan_stay_inside_lists() -> None:
    array = _objects.column([[float("nan"), None, float("inf")]], "x")
    assert array.type == pa.list_(FLOAT)
    first, second, third = array.to_pylist()[0]
    assert first != first and second is None and third == float("inf")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["a", b"b"], "column `x`, row 2: the value is bytes, that of row 1 is str"),
        ([None, b"b", 1], "column `x`, row 2: the value is bytes, that of row 3 is int"),
        ([bytearray(b"b"), [1]], "column `x`, row 1: the value is bytearray, that of row 2 is list"),
        (["a", "\ud800"], "column `x`, row 2: the text has half of a surrogate pair"),
        ([["a"], ["b", "\ud800"]], "column `x`, row 2: the text has half of a surrogate pair"),
        (
            [{1: "a", "1": "b"}],
            'column `x`, row 1: dict cannot be written as text: two keys of an object become the same text "1"',
        ),
    ],
)
def test_what_would_be_lost_is_an_error(values: list[Any], words: str) -> None:
    with pytest.raises(OutputError) as error:
        _objects.column(values, "x")
    assert words in str(error.value)


def test_a_list_that_holds_itself_is_an_error() -> None:
    values: list[Any] = [1, "a"]
    values.append(values)
    with pytest.raises(OutputError, match=r"column `x`, row 1: .*holds itself"):
        _objects.column([values], "x")


def test_an_object_that_has_no_text_is_an_error() -> None:
    class Silent:
        def __str__(self) -> str:
            raise RuntimeError("no words")

    with pytest.raises(OutputError, match="column `x`, row 2: Silent cannot be written as text: no words"):
        _objects.column([None, Silent()], "x")


def test_rows_keep_integers_where_a_key_is_missing() -> None:
    table = pa.table(_tables.to_stream([{"id": 2**53 + 1}, {"other": "x"}]))
    assert table.to_pydict() == {"id": [2**53 + 1, None], "other": [None, "x"]}


def test_columns_of_every_kind_side_by_side() -> None:
    table = _tables.to_stream(
        {
            "list": [1, None],
            "numpy": np.array([1.5, 2.5]),
            "arrow": pa.array(["a", None]),
            "polars": pl.Series(["b", "c"]),
            "range": range(2),
            "one": "same",
            "wide": np.array([[1, 2], [3, 4]]),
            "text": np.array(["x", "yy"]),
            "bytes": np.array([b"x", b"yy"]),
            "days": np.array(["2024-02-29", "NaT"], "M8[D]"),
            "structured": STRUCTURED,
            "big": np.array([1, 2], ">i4"),
            3: [None, None],
        }
    )
    assert table.to_pydict() == {
        "list": [1, None],
        "numpy": [1.5, 2.5],
        "arrow": ["a", None],
        "polars": ["b", "c"],
        "range": [0, 1],
        "one": ["same", "same"],
        "wide": [[1, 2], [3, 4]],
        "text": ["x", "yy"],
        "bytes": [b"x", b"yy"],
        "days": [DAY, None],
        "structured": [{"n": 1, "t": "a"}, {"n": 2, "t": "b"}],
        "big": [1, 2],
        "3": [None, None],
    }


def test_columns_of_several_lengths_are_an_error() -> None:
    with pytest.raises(OutputError, match="of one length: `a` 1, `b` 2, `c` a single value"):
        _tables.to_stream({"a": [1], "b": [1, 2], "c": 5})


def test_series_are_put_side_by_side_by_their_index() -> None:
    first = pd.Series([1, 2], index=pd.Index(["x", "y"], name="k"))
    second = pd.Series([4, 3], index=pd.Index(["y", "x"], name="k"))
    assert _tables.to_stream({"a": first, "b": second}).to_pydict() == {"k": ["x", "y"], "a": [1, 2], "b": [3, 4]}
