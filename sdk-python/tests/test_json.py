"""JSON with nothing lost."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import json
import uuid
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from longshore import _json


class Kind(enum.Enum):
    A = 1.5


@dataclasses.dataclass
class Pair:
    left: Any
    right: Any


PLUS_TWO = dt.timezone(dt.timedelta(hours=2))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (pd.NA, "null"),
        (pd.NaT, "null"),
        (float("nan"), "null"),
        (np.float32("nan"), "null"),
        (np.datetime64("NaT"), "null"),
        (decimal.Decimal("NaN"), "null"),
        (float("inf"), '"Infinity"'),
        (-np.inf, '"-Infinity"'),
        (decimal.Decimal("-Infinity"), '"-Infinity"'),
        (True, "true"),
        (np.False_, "false"),
        (2**70, str(2**70)),
        (np.uint64(2**64 - 1), str(2**64 - 1)),
        (-0.0, "-0.0"),
        (0.1, "0.1"),
        (1e300, "1e+300"),
        (np.float64(0.1), "0.1"),
        (np.float32(0.5), "0.5"),
        (decimal.Decimal("1.10"), "1.10"),
        (decimal.Decimal("12345678901234567890.12345678901234567890"), "12345678901234567890.12345678901234567890"),
        ('ü\n"', '"ü\\n\\""'),
        (np.str_("a"), '"a"'),
        ("\ud800", '"\\ud800"'),
        (b"\x00\xff", '"00ff"'),
        (bytearray(b"\x01"), '"01"'),
        (dt.date(2024, 2, 29), '"2024-02-29"'),
        (dt.datetime(2024, 2, 29, 1, tzinfo=PLUS_TWO), '"2024-02-29T01:00:00+02:00"'),
        (pd.Timestamp(1, unit="ns"), '"1970-01-01T00:00:00.000000001"'),
        (np.datetime64("2024-02-29T01", "s"), '"2024-02-29T01:00:00"'),
        (dt.time(12, 30), '"12:30:00"'),
        (dt.timedelta(hours=-36), '"-P1DT12H"'),
        (pd.Timedelta(1, unit="ns"), '"PT0.000000001S"'),
        (dt.timedelta(0), '"PT0S"'),
        (pa.MonthDayNano([14, -3, 1_500_000_000]), '"P14M-3DT1.5S"'),
        (uuid.UUID(int=5), '"00000000-0000-0000-0000-000000000005"'),
        (Kind.A, "1.5"),
        (1 + 2j, '"1.0+2.0j"'),
        ([1, (2, [])], "[1,[2,[]]]"),
        (range(2), "[0,1]"),
        ({3, 1}, "[1,3]"),
        (np.array([[1, 2], [3, 4]]), "[[1,2],[3,4]]"),
        (np.array(5), "5"),
        (np.array(["2024-02-29"], "M8[ns]"), '["2024-02-29T00:00:00.000000000"]'),
        (pd.Series([1.5, None]), "[1.5,null]"),
        (pd.Index(["a"]), '["a"]'),
        (pa.array([1, None]), "[1,null]"),
        (pa.scalar(2), "2"),
        (np.array([(1, "a")], dtype=[("n", "i4"), ("t", "U1")]), '[{"n":1,"t":"a"}]'),
        (Pair(1, Pair(None, "x")), '{"left":1,"right":{"left":null,"right":"x"}}'),
        ({"a": {}}, '{"a":{}}'),
        (
            {1: 1, 2.5: 2, None: 3, dt.date(2024, 2, 29): 4, Kind.A: 5},
            '{"1":1,"2.5":2,"null":3,"2024-02-29":4,"1.5":5}',
        ),
        ({(1, "a"): 1, b"\xff": 2}, '{"[1,\\"a\\"]":1,"ff":2}'),
        (pd.Interval(0, 1), '"(0, 1]"'),
        (pd.Period("2024-01"), '"2024-01"'),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_values(value: Any, text: str) -> None:
    assert _json.dumps(value) == text
    json.loads(text)


@pytest.mark.parametrize("value", [{1: "a", "1": "b"}, {None: 1, "null": 2}, [{"x": {True: 1, "true": 2}}]])
def test_two_keys_that_become_the_same_are_an_error(value: Any) -> None:
    with pytest.raises(ValueError, match="two keys of an object become the same text"):
        _json.dumps(value)


def test_sets_are_in_the_same_order_each_time() -> None:
    assert _json.dumps({"b", "a", "c"}) == '["a","b","c"]'
    assert _json.dumps({"b", 1}) == '["b",1]'
