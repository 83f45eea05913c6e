"""Arrow's integers of dates, times, timestamps and durations as exact ``datetime`` objects.

Values beyond ``datetime``, such as nanoseconds, become a ``pandas.Timestamp`` or ``pandas.Timedelta``.
"""

from __future__ import annotations

import datetime
from typing import Any

from longshore import _zones

_TO_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}
_DAY = 86_400_000_000
_EPOCH = datetime.datetime(1970, 1, 1)
# The first and the last microsecond of `datetime.datetime`, and the bounds of `datetime.timedelta`.
_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
_LONGEST = 999_999_999 * _DAY
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896


class ClockError(ValueError):
    """A value that no object can represent: the one at ``place``, from 0."""

    def __init__(self, place: int, text: str) -> None:
        super().__init__(text)
        self.place = place


def values(numbers: Any, data_type: Any) -> list[Any]:
    """Objects for the integers of a column of this type.

    Args:
        numbers: a numpy array of the stored integers, without nulls.
        data_type: a pyarrow date, time, timestamp or duration type.

    Raises:
        ClockError: if neither ``datetime`` nor pandas can represent a value.
    """
    import pyarrow.types as types

    if types.is_date32(data_type):
        return [_date(place, number) for place, number in enumerate(numbers.tolist())]
    if types.is_date64(data_type):
        if (numbers % (_DAY // 1000) == 0).all():
            days = (numbers // (_DAY // 1000)).tolist()
            return [_date(place, number) for place, number in enumerate(days)]
        return [_instant(place, number, "ms", None) for place, number in enumerate(numbers.tolist())]
    unit = data_type.unit
    if types.is_timestamp(data_type):
        zone = None
        if data_type.tz is not None and len(numbers):
            try:
                zone = _zones.zone(data_type.tz)
            except ValueError as error:
                raise ClockError(0, str(error)) from None
        return [_instant(place, number, unit, zone) for place, number in enumerate(numbers.tolist())]
    if types.is_time(data_type):
        return [_time(place, number, unit) for place, number in enumerate(numbers.tolist())]
    return [_duration(place, number, unit) for place, number in enumerate(numbers.tolist())]


def _date(place: int, days: int) -> datetime.date:
    if not _FIRST_DAY <= days <= _LAST_DAY:
        raise ClockError(place, f"the date {days} days after 1970-01-01 is outside the years 1 to 9999")
    return datetime.date.fromordinal(days - _FIRST_DAY + 1)


def _microseconds(number: int, unit: str) -> tuple[int, int]:
    """Whole microseconds, and the remaining nanoseconds."""
    return divmod(number, 1000) if unit == "ns" else (number * _TO_MICROSECONDS[unit], 0)


def _instant(place: int, number: int, unit: str, zone: datetime.tzinfo | None) -> Any:
    whole, rest = _microseconds(number, unit)
    if not _FIRST <= whole <= _LAST:
        raise ClockError(place, f"the time {number} {unit} after 1970-01-01 is outside the years 1 to 9999")
    if rest:
        import pandas as pd

        stamp = pd.Timestamp(number, unit="ns")
        return stamp if zone is None else stamp.tz_localize("UTC").tz_convert(zone)
    instant = _EPOCH + datetime.timedelta(microseconds=whole)
    if zone is None:
        return instant
    try:
        return instant.replace(tzinfo=datetime.timezone.utc).astimezone(zone)
    except OverflowError:
        raise ClockError(place, f"{instant.isoformat()}Z is outside the years 1 to 9999 in its zone") from None


def _time(place: int, number: int, unit: str) -> Any:
    whole, rest = _microseconds(number, unit)
    if rest or not 0 <= whole < _DAY:
        return _duration(place, number, unit)
    return (_EPOCH + datetime.timedelta(microseconds=whole)).time()


def _duration(place: int, number: int, unit: str) -> Any:
    whole, rest = _microseconds(number, unit)
    if not rest and -_LONGEST <= whole <= _LONGEST:
        return datetime.timedelta(microseconds=whole)
    if number == -(2**63):
        raise ClockError(place, f"the duration {number} {unit} is pandas' mark for a missing one")
    import numpy as np

    # A numpy scalar can represent any number in any unit.
    made: Any = np.dtype(f"timedelta64[{unit}]").type
    return made(number, unit)
