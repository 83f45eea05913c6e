"""Inputs as pandas frames, over the shared memory where pandas can work there.

Columns of numbers, booleans and naive timestamps without nulls are numpy arrays over the mapping: not copied, and
writable, because the mapping is private to this process. Every other column is built once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from longshore._longshore import Table


def to_pandas(table: Table) -> Any:
    """The table as a DataFrame, its original column names kept, with a RangeIndex."""
    import pandas as pd

    names = table.names
    # By position first: names may repeat.
    columns = {index: _column(table, index) for index in range(len(names))}
    frame = pd.DataFrame(columns, index=pd.RangeIndex(table.rows), copy=False)
    frame.columns = pd.Index(names, dtype=None if names else object)
    return frame


def _column(table: Table, index: int) -> Any:
    build = {"int": _integers, "float": _floats, "bool": _booleans, "date": _dates, "timestamp": _timestamps}
    kind = table.kind(index)
    if kind in build:
        return build[kind](table, index)
    return _text(table, index) if kind == "text" else _other(table, index)


def _values(table: Table, index: int) -> Any:
    import numpy as np

    return np.asarray(table.values(index))


def _nulls(table: Table, index: int) -> Any:
    import numpy as np

    nulls = table.nulls(index)
    return None if nulls is None else np.asarray(nulls)


def _integers(table: Table, index: int) -> Any:
    import pandas as pd

    values, nulls = _values(table, index), _nulls(table, index)
    return values if nulls is None else pd.arrays.IntegerArray(values, nulls)


def _floats(table: Table, index: int) -> Any:
    import numpy as np

    values, nulls = _values(table, index), _nulls(table, index)
    return values if nulls is None else np.where(nulls, values.dtype.type("nan"), values)


def _booleans(table: Table, index: int) -> Any:
    import pandas as pd

    values, nulls = _values(table, index), _nulls(table, index)
    return values if nulls is None else pd.arrays.BooleanArray(values, nulls)


def _dates(table: Table, index: int) -> Any:
    values, nulls = _values(table, index), _nulls(table, index)
    days = values.astype("int64").view("datetime64[D]")
    return _missing_times(days.astype("datetime64[s]"), nulls)


def _timestamps(table: Table, index: int) -> Any:
    import pandas as pd

    values, nulls = _values(table, index), _nulls(table, index)
    if nulls is not None:
        values = _missing_times(values.copy(), nulls)
    zone = table.zone(index)
    return values if zone is None else pd.DatetimeIndex(values).tz_localize("UTC").tz_convert(zone).array


def _missing_times(values: Any, nulls: Any) -> Any:
    import numpy as np

    if nulls is not None:
        values[nulls] = np.datetime64("NaT")
    return values


def _text(table: Table, index: int) -> Any:
    """Text in the type that this pandas has for it: ``str`` from pandas 3 on, objects before."""
    import numpy as np
    import pandas as pd

    column = table.arrow_column(index)
    if int(pd.__version__.split(".")[0]) < 3:
        return _writable(column.to_pandas())
    return pd.StringDtype("pyarrow", na_value=np.nan).__from_arrow__(column)


def _other(table: Table, index: int) -> Any:
    """Any other type as pyarrow converts it."""
    return _writable(table.arrow_column(index).to_pandas())


def _writable(series: Any) -> Any:
    """The series' array, copied where it would refuse to be written to."""
    values = series.array
    plain = getattr(values, "_ndarray", None)
    if plain is not None and not plain.flags.writeable:
        return series.to_numpy(copy=True)
    return series.to_numpy() if plain is not None else values
