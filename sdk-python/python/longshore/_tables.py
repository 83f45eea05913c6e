"""What scripts write, as Arrow streams.

Anything that has ``__arrow_c_stream__`` goes as it is. pandas frames are converted column by column: numbers are not
copied, mixed columns become text.
"""

from __future__ import annotations

import json
import warnings
from typing import Any

_ACCEPTED = (
    "a pandas or polars DataFrame, a pyarrow Table, anything with __arrow_c_stream__, "
    "a dict of columns or a list of dicts"
)


def to_stream(data: Any) -> Any:
    """An object with ``__arrow_c_stream__`` for whatever the script wrote.

    Raises:
        TypeError: if the data is no table.
    """
    module = type(data).__module__.partition(".")[0]
    if _is_pandas(data):
        return _from_pandas(data)
    if module == "polars" and hasattr(data, "collect"):
        data = data.collect()
    if module == "polars" and not hasattr(data, "columns"):
        data = data.to_frame()
    if hasattr(data, "__arrow_c_stream__"):
        return data
    if hasattr(data, "__arrow_c_array__"):
        import pyarrow as pa

        return pa.table(data)
    if isinstance(data, dict) or (isinstance(data, list) and all(isinstance(row, dict) for row in data)):
        import pandas as pd

        return _from_pandas(pd.DataFrame(data))
    raise TypeError(f"cannot write {type(data).__name__} as a table: give {_ACCEPTED}")


def _is_pandas(data: Any) -> bool:
    return any(kind.__module__.partition(".")[0] == "pandas" for kind in type(data).__mro__) and (
        hasattr(data, "columns") or hasattr(data, "to_frame")
    )


def _from_pandas(data: Any) -> Any:
    import pyarrow as pa

    frame = data if hasattr(data, "columns") else data.to_frame()
    names = _unique([_name(label) for label in frame.columns])
    columns = [_column(frame.iloc[:, index]) for index in range(len(names))]
    if not columns:
        return pa.table({})
    return pa.Table.from_arrays(columns, names=names)


def _name(label: Any) -> str:
    if isinstance(label, tuple):
        return "_".join(str(part) for part in label if str(part))
    return str(label)


def _unique(names: list[str]) -> list[str]:
    taken: set[str] = set()
    unique = []
    for name in names:
        candidate, number = name, 0
        while candidate in taken:
            number += 1
            candidate = f"{name}.{number}"
        if candidate != name:
            warnings.warn(f"the column name {name!r} is there twice: written as {candidate!r}", stacklevel=5)
        taken.add(candidate)
        unique.append(candidate)
    return unique


def _column(series: Any) -> Any:
    import pyarrow as pa

    if _is_foreign(series.dtype):
        return _as_text(series)
    if series.dtype.name in ("category",):
        series = series.astype(series.cat.categories.dtype if not series.isna().any() else object)
    try:
        column = pa.array(series.to_numpy()) if _is_whole(series) else pa.array(series, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return _as_text(series)
    if series.dtype == object and (pa.types.is_nested(column.type) or pa.types.is_binary(column.type)):
        return _as_text(series)
    if isinstance(column.type, pa.ExtensionType) or type(column.type).__name__.endswith("PeriodType"):
        return _as_text(series)
    return column


def _is_foreign(dtype: Any) -> bool:
    """Whether another library made the type, as geopandas does: what its values are in Arrow is not for others."""
    return type(dtype).__module__.partition(".")[0] not in ("pandas", "numpy")


def _is_whole(series: Any) -> bool:
    """Whether these are plain numbers and none is missing: pyarrow then takes them as they lie, looking for no NaN.

    The least of all is NaN where any is, and found several times faster than each NaN by itself.
    """
    import numpy as np

    if not isinstance(series.dtype, np.dtype) or series.dtype.kind not in "iuf":
        return False
    return series.dtype.kind != "f" or not len(series) or not np.isnan(series.to_numpy().min())


def _as_text(series: Any) -> Any:
    import pyarrow as pa

    missing = series.isna().to_numpy()
    values = [None if gone else _text(value) for value, gone in zip(series, missing)]
    return pa.array(values, type=pa.large_string())


def _text(value: Any) -> str:
    """A value as text: JSON for lists and dicts, Python's own words for the rest."""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)
