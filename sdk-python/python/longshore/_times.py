"""Arrow dates, times and durations in pandas, each in its own unit.

pandas stores times as 64-bit integers, as Arrow does. Only the smallest integer, which marks missing values in pandas,
and unknown zones cannot be read. ``_cells`` converts times in lists and structs.
"""

from __future__ import annotations

import warnings
from typing import Any

from longshore import _zones
from longshore._longshore import InputError

_NAT = -(2**63)
_MILLISECONDS_A_DAY = 86_400_000
_UNITS_A_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


def instants(values: Any, nulls: Any, name: str, kind: str, zone: str | None) -> Any:
    """Dates, timestamps and durations in pandas types; missing is ``NaT``.

    Args:
        values: the stored values: days (``date``), milliseconds (``date64``), or a numpy type.
        nulls: a mask of missing values, or ``None``.
        name: the column's name, for errors.
        kind: ``date``, ``date64``, ``timestamp`` or ``duration``.
        zone: a timestamp's zone, if it has one.

    Raises:
        InputError: if pandas cannot represent a value, or does not know the zone.
    """
    import numpy as np
    import pandas as pd

    if kind == "date":
        return _missing(values.astype("int64").view("datetime64[D]").astype("datetime64[s]"), nulls)
    _refuse_sentinel(values.view("int64"), nulls, name)
    if kind == "date64":
        # The value behind a null is arbitrary.
        milliseconds = values if nulls is None else np.where(nulls, 0, values)
        if (milliseconds % _MILLISECONDS_A_DAY == 0).all():
            return _missing((milliseconds // 1000).view("datetime64[s]"), nulls)
        return _missing(milliseconds.copy().view("datetime64[ms]"), nulls)
    if nulls is not None:
        values = _missing(values.copy(), nulls)
    if zone is None:
        return values
    try:
        return pd.DatetimeIndex(values).tz_localize("UTC").tz_convert(_zones.known(zone)).array
    except Exception as error:
        raise InputError(
            f'column `{name}`: pandas does not know the time zone `{zone}`; read it with dtypes="arrow"'
        ) from error


def of_day(column: Any, name: str) -> Any:
    """Times of day as objects (``datetime.time``), ``None`` for missing.

    If ``datetime.time`` cannot represent one (24:00 and later, negative values, nanoseconds), the whole column becomes
    ``timedelta64`` since midnight, in its own unit, with a warning that has the first such row.
    """
    import numpy as np

    from longshore import _frames

    unit = column.type.unit
    width = "int32" if column.type.bit_width == 32 else "int64"
    pieces = [chunk.view(width).cast("int64") for chunk in column.chunks]
    nulls = [chunk.is_null().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    missing = np.concatenate(nulls) if nulls else np.empty(0, dtype=bool)
    filled = [piece.fill_null(0).to_numpy(zero_copy_only=False) for piece in pieces]
    values = np.concatenate(filled) if filled else np.empty(0, dtype="int64")
    wrong = (values < 0) | (values >= _UNITS_A_DAY[unit])
    if unit == "ns":
        wrong |= values % 1000 != 0
    if not wrong.any():
        return _frames.objects(column, name)
    _refuse_sentinel(values, missing, name)
    warnings.warn(
        f"column `{name}`, row {int(wrong.argmax()) + 1}: datetime.time cannot hold this time, "
        f"so the column is timedelta64[{unit}] since midnight",
        stacklevel=5,
    )
    return _missing(values.copy().view(f"timedelta64[{unit}]"), missing)


def _refuse_sentinel(values: Any, nulls: Any, name: str) -> None:
    if not len(values) or values.min() != _NAT:
        return
    marked = values == _NAT
    if nulls is not None:
        marked &= ~nulls
    if marked.any():
        raise InputError(
            f"column `{name}`, row {int(marked.argmax()) + 1}: the value {_NAT} is pandas' mark for a missing time; "
            'read it with dtypes="arrow"'
        )


def _missing(values: Any, nulls: Any) -> Any:
    import numpy as np

    if nulls is not None:
        values[nulls] = np.array("NaT", dtype=values.dtype)
    return values
