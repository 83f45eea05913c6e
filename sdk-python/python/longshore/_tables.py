"""Tables from scripts as Arrow streams: their columns and column names.

Objects with ``__arrow_c_stream__`` are passed on unchanged. pandas frames, dicts of columns and lists of dicts are
converted column by column (``_columns``), polars frames by ``_polars``. Called by ``api``.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from longshore import _columns, _objects
from longshore._longshore import OutputError

_ACCEPTED = (
    "a pandas or polars DataFrame, a pyarrow Table, anything with __arrow_c_stream__, "
    "a dict of columns or a list of dicts"
)

# Mark of a column of times that are all at midnight, which pandas uses for dates.
_ONLY_DAYS = {"longshore.only_days": "true"}


def to_stream(data: Any) -> Any:
    """An object with ``__arrow_c_stream__`` for the data that the script wrote.

    Raises:
        TypeError: if the data is not a table.
        OutputError: if a column cannot be written; the message has the column, and the row from 1.
    """
    if _is_of(data, "pandas") and (hasattr(data, "columns") or hasattr(data, "to_frame")):
        return _from_pandas(data)
    if _is_of(data, "polars") and (hasattr(data, "collect") or hasattr(data, "to_arrow")):
        from longshore import _polars

        return _polars.to_stream(data)
    if hasattr(data, "__arrow_c_stream__"):
        return data
    if hasattr(data, "__arrow_c_array__"):
        import pyarrow as pa

        return pa.table(pa.record_batch(data))
    if isinstance(data, dict):
        return _from_columns(data)
    if isinstance(data, list) and all(isinstance(row, dict) for row in data):
        return _from_rows(data)
    raise TypeError(f"cannot write {type(data).__name__} as a table: give {_ACCEPTED}")


def _is_of(data: Any, library: str) -> bool:
    return any(kind.__module__.partition(".")[0] == library for kind in type(data).__mro__)


def _from_pandas(data: Any) -> Any:
    """A frame: the named levels of its index, then its columns."""
    frame = data if hasattr(data, "columns") else data.to_frame()
    index = frame.index
    levels = [(level, name) for level, name in enumerate(index.names) if name is not None]
    labels = [name for _, name in levels] + list(frame.columns)
    names = unique([_name(label) for label in labels])
    given = [index.get_level_values(level) for level, _ in levels]
    given += [frame.iloc[:, place] for place in range(len(frame.columns))]
    columns = [_columns.column(values, name) for values, name in zip(given, names)]
    days = {place for place, values in enumerate(given) if _columns.has_only_days(values, columns[place])}
    return _table(columns, names, days)


def _from_columns(data: dict[Any, Any]) -> Any:
    """A dict of columns. pandas Series are aligned by their index, as in pandas."""
    if any(isinstance(values, Mapping) or (_is_of(values, "pandas") and hasattr(values, "index"))
           for values in data.values()):  # fmt: skip
        import pandas as pd

        return _from_pandas(pd.DataFrame({label: _kept(values) for label, values in data.items()}))
    names = unique([_name(label) for label in data])
    given = [_listed(values, name) for values, name in zip(data.values(), names)]
    lengths = {len(values) for values in given if values is not None}
    if len(lengths) > 1 or (given and not lengths):
        told = ", ".join(
            f"`{name}` {'a single value' if values is None else len(values)}" for name, values in zip(names, given)
        )
        raise OutputError(f"the columns of a table must be of one length: {told}")
    length = lengths.pop() if lengths else 0
    columns = []
    for name, values, whole in zip(names, given, data.values()):
        columns.append(_columns.column([whole] * length if values is None else values, name))
    return _table(columns, names)


def _from_rows(rows: list[dict[Any, Any]]) -> Any:
    """A list of dicts: every key is a column, missing in rows that lack it."""
    labels = list(dict.fromkeys(label for row in rows for label in row))
    names = unique([_name(label) for label in labels])
    columns = [_objects.column([row.get(label) for row in rows], name) for label, name in zip(labels, names)]
    return _table(columns, names)


def _listed(values: Any, name: str) -> Any:
    """A column as a sized, possibly typed object; ``None`` for a single value, which applies to every row."""
    if _is_of(values, "pyarrow") and hasattr(values, "to_pylist"):
        return values
    if _is_of(values, "polars") and hasattr(values, "to_list"):
        from longshore import _polars

        return _polars.column(values, name)
    if isinstance(values, (str, bytes, bytearray)) or not hasattr(values, "__iter__"):
        return None
    if isinstance(values, (set, frozenset)):
        raise TypeError(f"cannot write column `{name}`: a set has no order, give a list")
    if hasattr(values, "dtype"):
        return values if getattr(values, "ndim", 1) else None
    return values if isinstance(values, list) else list(values)


def _kept(values: Any) -> Any:
    """A list as an array of objects, so that pandas does not turn integers into floats."""
    import numpy as np

    if not isinstance(values, (list, tuple)):
        return values
    array = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        array[place] = value
    return array


def _table(columns: list[Any], names: list[str], days: set[int] | None = None) -> Any:
    """Columns by name. Columns in ``days`` are times at midnight, and are marked for the host."""
    import pyarrow as pa

    def field(place: int, name: str) -> Any:
        return pa.field(name, columns[place].type, metadata=_ONLY_DAYS if days and place in days else None)

    try:
        schema = pa.schema([field(place, name) for place, name in enumerate(names)])
        return pa.Table.from_arrays(columns, schema=schema) if columns else pa.table({})
    except UnicodeEncodeError as error:
        raise OutputError(f"a column is called {error.object!r}, which UTF-8 cannot hold") from None


def _name(label: Any) -> str:
    if isinstance(label, tuple):
        return "_".join(str(part) for part in label if str(part))
    return str(label)


def unique(names: list[str], told: str = "is there twice: written as") -> list[str]:
    """The names, with a number appended to repeated ones; each change gives a warning."""
    taken: set[str] = set()
    unique = []
    for name in names:
        candidate, number = name, 0
        while candidate in taken:
            number += 1
            candidate = f"{name}.{number}"
        if candidate != name:
            warnings.warn(f"the column name {name!r} {told} {candidate!r}", stacklevel=5)
        taken.add(candidate)
        unique.append(candidate)
    return unique
