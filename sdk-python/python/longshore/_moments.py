"""Instants and durations of Python, pandas and numpy as whole nanoseconds, in unbounded integers."""

from __future__ import annotations

import datetime
from typing import Any

_SECOND = 1_000_000_000
_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_UNITS = {"W": 604_800 * _SECOND, "D": 86_400 * _SECOND, "h": 3_600 * _SECOND, "m": 60 * _SECOND, "s": _SECOND,
          "ms": 1_000_000, "us": 1_000, "ns": 1}  # fmt: skip
_PARTS = {"ps": 1_000, "fs": 1_000_000, "as": 1_000_000_000}


def instant(value: Any) -> int | None:
    """Nanoseconds since 1970, in UTC if there is a zone; ``None`` if they are not whole."""
    if not isinstance(value, datetime.datetime):
        return _of_numpy(value, "datetime64[D]")
    if hasattr(value, "asm8"):
        return _of_numpy(value.asm8, "datetime64[D]")
    days = value.toordinal() - _EPOCH_DAY
    seconds = ((days * 24 + value.hour) * 60 + value.minute) * 60 + value.second
    nanoseconds = seconds * _SECOND + value.microsecond * 1_000
    offset = value.utcoffset()
    return nanoseconds if offset is None else nanoseconds - _of_timedelta(offset)


def duration(value: Any) -> int | None:
    """Nanoseconds; ``None`` if they are not whole, and for years and months."""
    if hasattr(value, "asm8"):
        value = value.asm8
    return _of_timedelta(value) if isinstance(value, datetime.timedelta) else _of_numpy(value, None)


def is_aware(value: Any) -> bool:
    """Whether an instant has a zone."""
    return isinstance(value, datetime.datetime) and value.tzinfo is not None and value.utcoffset() is not None


def in_unit(nanoseconds: list[int | None]) -> tuple[str, list[int | None]] | None:
    """The numbers in microseconds, else in a unit that represents all of them exactly in 64 bits, else ``None``.

    The smallest integer is excluded: numpy uses it for missing values.
    """
    there = [number for number in nanoseconds if number is not None]
    low, high = (min(there), max(there)) if there else (0, 0)
    for unit in ("us", "ms", "s", "ns"):
        size = _UNITS[unit]
        if low // size > -(2**63) and high // size < 2**63 and not any(number % size for number in there):
            return unit, [None if number is None else number // size for number in nanoseconds]
    return None


def _of_timedelta(value: datetime.timedelta) -> int:
    return (value.days * 86_400 + value.seconds) * _SECOND + value.microseconds * 1_000


def _of_numpy(value: Any, calendar: str | None) -> int | None:
    import numpy as np

    unit, count = np.datetime_data(value.dtype)
    if unit in "YM" and calendar is not None:
        value, unit, count = value.astype(calendar), "D", 1
    number = int(value.astype("int64")) * count
    if unit in _UNITS:
        return number * _UNITS[unit]
    whole, rest = divmod(number, _PARTS.get(unit, 1))
    return None if rest or unit not in _PARTS else whole
