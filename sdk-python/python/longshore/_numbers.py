"""Arrow integers, floats and booleans in pandas: as numpy types, or as pandas' nullable types.

Values and nulls are separate arrays. Without nulls, nothing is copied.
"""

from __future__ import annotations

import warnings
from typing import Any

# A double represents every integer up to this one.
_DOUBLE = 2**53


def plain(values: Any, nulls: Any, name: str) -> Any:
    """The values in the types of ``pandas.read_parquet``.

    Without nulls, the array itself. With nulls, floats have NaN, booleans are objects (``True``, ``False``, ``None``),
    and integers are ``float64`` with NaN if that is exact, else ``Int64`` or ``UInt64``, with a warning.
    """
    import numpy as np

    if nulls is None:
        return values
    if values.dtype.kind == "f":
        return np.where(nulls, values.dtype.type("nan"), values)
    if values.dtype.kind == "b":
        cells = values.astype(object)
        cells[nulls] = None
        return cells
    if not _are_doubles(values, nulls):
        warnings.warn(
            f"column `{name}` has missing values and integers beyond 2^53, which float64 would round: "
            f"it is {'U' if values.dtype.kind == 'u' else ''}Int64 with pandas.NA",
            stacklevel=6,
        )
        return nullable(values, nulls)
    floats = values.astype("float64")
    floats[nulls] = np.nan
    return floats


def nullable(values: Any, nulls: Any) -> Any:
    """The values as a nullable pandas array; half floats become ``Float32``, which is exact."""
    import numpy as np
    import pandas as pd

    if nulls is None:
        nulls = np.zeros(len(values), dtype=bool)
    if values.dtype.kind == "b":
        return pd.arrays.BooleanArray(values, nulls)
    if values.dtype.kind == "f":
        return pd.arrays.FloatingArray(values.astype("float32") if values.dtype.itemsize == 2 else values, nulls)
    return pd.arrays.IntegerArray(values, nulls)


def _are_doubles(values: Any, nulls: Any) -> bool:
    """Whether float64 represents every integer exactly."""
    import numpy as np

    if values.dtype.itemsize < 8:
        return True
    there = values[~nulls]
    if not len(there) or (int(there.min()) >= -_DOUBLE and int(there.max()) <= _DOUBLE):
        return True
    floats = there.astype("float64")
    # The largest integers round to a double beyond their type, whose conversion back is undefined.
    beyond = float(2 ** (64 if values.dtype.kind == "u" else 63))
    safe = floats < beyond
    return bool(safe.all()) and bool(np.array_equal(floats.astype(values.dtype), there))
