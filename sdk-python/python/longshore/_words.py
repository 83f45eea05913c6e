"""Python scalars as text, the same in a column of mixed values and in JSON.

Lossless: numbers keep all digits; dates, times and durations are ISO 8601.
"""

from __future__ import annotations

import datetime
from typing import Any

from longshore import _moments


def word(value: Any, kind: str) -> str:
    """The text of a scalar of this kind (:func:`longshore._values.kind_of`); ``str`` for unknown objects."""
    if kind == "bool":
        return "true" if value else "false"
    if kind == "int":
        return str(int(value))
    if kind == "float":
        return real(value)
    if kind == "complex":
        return f"{real(value.real)}{'' if real(value.imag).startswith('-') else '+'}{real(value.imag)}j"
    if kind == "datetime":
        return instant(value)
    if kind in ("date", "time"):
        return value.isoformat()  # type: ignore[no-any-return]
    if kind == "duration":
        return duration(value)
    if kind == "interval":
        return interval(value)
    if kind == "bytes":
        return bytes(value).hex()
    return str(value)


def real(value: Any) -> str:
    """The shortest digits that are read back as the same double, or the same wider float."""
    double = float(value)
    if double == value or value != value:
        return repr(double)
    return str(value)


def instant(value: Any) -> str:
    """ISO 8601, with the zone's offset and with nanoseconds, if any."""
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return str(value)


def duration(value: Any) -> str:
    """ISO 8601 with days, hours, minutes and seconds, or with numpy's years or months."""
    found = _moments.duration(value)
    if found is None:
        return _calendar(value)
    sign, nanoseconds = ("-" if found < 0 else ""), abs(found)
    days, nanoseconds = divmod(nanoseconds, 86_400_000_000_000)
    return f"{sign}P{_parts(days, nanoseconds)}"


def interval(value: Any) -> str:
    """ISO 8601 with months, days and seconds."""
    months, days, nanoseconds = value
    start = f"{months}M" if months else ""
    return f"P{start}{_parts(days, nanoseconds, not start)}"


def _parts(days: int, nanoseconds: int, is_needed: bool = True) -> str:
    """Days, hours, minutes and seconds, all with the sign of the nanoseconds."""
    sign = "-" if nanoseconds < 0 else ""
    seconds, rest = divmod(abs(nanoseconds), 1_000_000_000)
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    text = f"{days}D" if days else ""
    clock = f"{sign}{hours}H" if hours else ""
    clock += f"{sign}{minutes}M" if minutes else ""
    fraction = f".{rest:09}".rstrip("0") if rest else ""
    clock += f"{sign}{seconds}{fraction}S" if seconds or rest else ""
    if clock:
        return f"{text}T{clock}"
    return text or ("T0S" if is_needed else "")


def _calendar(value: Any) -> str:
    import numpy as np

    unit, count = np.datetime_data(value.dtype)
    number = int(value.astype("int64")) * count
    return f"P{number}{unit}" if unit in "YM" else f"{number} {unit}"
