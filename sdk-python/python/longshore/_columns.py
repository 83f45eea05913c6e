"""Columns of pandas and numpy as Arrow arrays, by type. Numbers without missing values are not copied.

``_objects`` converts objects. Called by ``_tables`` for each column of a frame and each level of a named index.
"""

from __future__ import annotations

from typing import Any

from longshore import _objects, _zones
from longshore._longshore import OutputError

_NAT = -(2**63)
_DAY = 86_400
# Number of rows that are checked first.
_FIRST = 1_024
# Units that numpy and Arrow share, and the replacement for each other unit.
_UNITS = ("s", "ms", "us", "ns")
_WIDER = {"W": "s", "D": "s", "h": "s", "m": "s", "ps": "ns", "fs": "ns", "as": "ns"}


def column(values: Any, name: str) -> Any:
    """An Arrow array for a pandas Series, a numpy or pandas array, or a list of values; Arrow arrays are unchanged.

    Raises:
        OutputError: if a value cannot be written; the message has the column, and the row from 1.
    """
    import numpy as np

    if type(values).__module__.startswith("pyarrow"):
        return values
    dtype = getattr(values, "dtype", None)
    if dtype is None:
        return _objects.column(list(values), name)
    try:
        if isinstance(dtype, np.dtype):
            return _numpy(np.asanyarray(values), name)
        return _extension(values, name)
    except OutputError:
        raise
    except Exception as error:
        raise OutputError(f"column `{name}` of type {dtype} cannot be written: {error}") from error


def _numpy(values: Any, name: str) -> Any:
    import numpy as np
    import pyarrow as pa

    if isinstance(values, np.ma.MaskedArray):
        return _objects.column(list(values), name)
    if values.ndim > 1:
        return _objects.column(list(values), name)
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    kind = values.dtype.kind
    if kind in "iub":
        return pa.array(values)
    if kind == "f" and values.dtype.itemsize <= 8:
        return pa.array(values) if _is_whole(values) else pa.array(values, from_pandas=True)
    if kind == "M":
        return _times(values, None, name)
    if kind == "m":
        return _durations(values, name)
    if kind == "V" and values.dtype.names:
        children = [_numpy(values[member], f"{name}.{member}") for member in values.dtype.names]
        return pa.StructArray.from_arrays(children, list(values.dtype.names))
    # Objects, text, bytes, complex and long floats: one by one, as in a list.
    return _objects.column(values.tolist() if kind == "O" else list(values), name)


def _is_whole(values: Any) -> bool:
    """Whether no number is missing: pyarrow then uses them without a search for NaN.

    The minimum is NaN if any number is, and is several times faster than testing each.
    """
    import numpy as np

    return not len(values) or not np.isnan(values.min())


def _times(values: Any, zone: Any, name: str) -> Any:
    """Instants; in whole seconds and all at midnight they are dates, for which pandas has no other form."""
    import numpy as np
    import pyarrow as pa

    unit, count = np.datetime_data(values.dtype)
    is_date = zone is None and unit in ("D", "W", "M", "Y")
    if unit in ("M", "Y"):
        values, unit, count = values.astype("datetime64[D]"), "D", 1
    if unit not in _UNITS or count != 1:
        moved = None if unit == "generic" else _in_unit(values, "datetime64", unit, count)
        if moved is None:
            return _objects.column(list(values), name)
        values, unit = moved, np.datetime_data(moved.dtype)[0]
    numbers = values.view("int64")
    missing = numbers == _NAT
    mask = missing if missing.any() else None
    if zone is None and unit == "s" and (is_date or not ((numbers % _DAY != 0) & ~missing).any()):
        days = numbers // _DAY
        days[missing] = 0
        if not len(days) or (days.min() >= -(2**31) and days.max() < 2**31):
            return pa.array(days.astype("int32"), mask=mask).view(pa.date32())
    return pa.array(numbers, mask=mask).view(pa.timestamp(unit, zone))


def has_only_days(values: Any, column: Any) -> bool:
    """Whether all instants of this column are at midnight, so that text formats write dates."""
    import numpy as np
    import pyarrow as pa

    dtype = getattr(values, "dtype", None)
    if not isinstance(dtype, np.dtype) or dtype.kind != "M" or not pa.types.is_timestamp(column.type):
        return False
    if column.null_count == len(column):
        return False
    numbers = column.drop_null().view("int64").to_numpy(zero_copy_only=False)
    day = _DAY * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[column.type.unit]
    # In most columns, one of the first rows has a time of day.
    return not (numbers[:_FIRST] % day).any() and not (numbers % day).any()


def _durations(values: Any, name: str) -> Any:
    import numpy as np
    import pyarrow as pa

    unit, count = np.datetime_data(values.dtype)
    if unit not in _UNITS or count != 1:
        moved = None if unit in ("Y", "M", "generic") else _in_unit(values, "timedelta64", unit, count)
        if moved is None:
            return _objects.column(list(values), name)
        values, unit = moved, np.datetime_data(moved.dtype)[0]
    numbers = values.view("int64")
    missing = numbers == _NAT
    return pa.array(numbers, mask=missing if missing.any() else None).view(pa.duration(unit))


def _in_unit(values: Any, family: str, unit: str, count: int) -> Any:
    """The values in an Arrow unit; ``None`` if that would lose precision."""
    moved = values.astype(f"{family}[{unit if unit in _UNITS else _WIDER.get(unit, 'ns')}]")
    return moved if (moved.astype(values.dtype) == values).sum() == (values == values).sum() else None


def _extension(values: Any, name: str) -> Any:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    dtype = values.dtype
    array = getattr(values, "array", values)
    if type(dtype).__module__.partition(".")[0] != "pandas":
        # The type belongs to another library, such as geopandas; only that library knows its Arrow form.
        return _objects.column(list(array), name)
    if isinstance(dtype, pd.CategoricalDtype):
        return _categories(array, name)
    if isinstance(dtype, pd.SparseDtype):
        return column(np.asarray(array), name)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return _times(
            np.asarray(array.view("int64")).view(f"datetime64[{dtype.unit}]"), _zones.name_of(dtype.tz) or "UTC", name
        )
    if isinstance(dtype, (pd.PeriodDtype, pd.IntervalDtype)):
        return pa.array([None if gone else str(value) for value, gone in zip(array, pd.isna(array))], pa.large_string())
    if hasattr(array, "__arrow_array__"):
        made = array.__arrow_array__()
        return made if isinstance(made, pa.ChunkedArray) or made.type != pa.null() else pa.nulls(len(array))
    return _objects.column(list(array), name)


def _categories(array: Any, name: str) -> Any:
    """Categories of text as a dictionary, other categories as their values."""
    import pyarrow as pa

    words = column(array.categories, name)
    codes = array.codes
    missing = codes < 0
    indices = pa.array(codes.astype("int32"), mask=missing if missing.any() else None)
    if isinstance(words, pa.ChunkedArray):
        words = words.combine_chunks()
    if pa.types.is_large_string(words.type) or pa.types.is_string(words.type):
        return pa.DictionaryArray.from_arrays(indices, words.cast(pa.large_string()))
    return words.take(indices)
