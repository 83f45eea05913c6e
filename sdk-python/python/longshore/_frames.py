"""Inputs as pandas frames, as views of shared memory where possible.

Columns of numbers, booleans, naive timestamps and durations without nulls are numpy arrays over the mapping: not
copied, and writable, because the mapping is private to this process. Every other column is built once. ``_numbers`` and
``_times`` convert numbers and times, ``_cells`` creates Python objects. Called by ``api``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longshore import _cells, _numbers, _times
from longshore._longshore import InputError

if TYPE_CHECKING:
    from longshore._longshore import Table

DTYPES = ("numpy", "nullable", "arrow")


def to_pandas(table: Table, dtypes: str = "numpy") -> Any:
    """The table as a DataFrame, with its original column names and a RangeIndex.

    Args:
        table: an input, or a chunk of one.
        dtypes: ``"numpy"`` for the types of ``pandas.read_parquet``, ``"nullable"`` for the pandas types with
            ``pandas.NA``, ``"arrow"`` for ``pandas.ArrowDtype`` throughout.

    Raises:
        InputError: if pandas cannot represent a value; the message has column and row, from 1.
    """
    import pandas as pd

    names = table.names
    index = pd.RangeIndex(table.rows)
    # By position first: names may repeat.
    columns = {position: _guarded(table, position, name, dtypes) for position, name in enumerate(names)}
    frame = pd.DataFrame(columns, index=index, copy=False)
    frame.columns = pd.Index(names, dtype=None if names else object)
    return frame


def _guarded(table: Table, position: int, name: str, dtypes: str) -> Any:
    """A column, or an error that names it, which errors of pandas and pyarrow do not."""
    try:
        return _column(table, position, name, dtypes)
    except (InputError, MemoryError):
        raise
    except Exception as error:
        kind = table.types[position]
        raise InputError(f"column `{name}` of type {kind} cannot be converted: {error}") from error


def _column(table: Table, position: int, name: str, dtypes: str) -> Any:
    import pandas as pd

    if dtypes == "arrow":
        return pd.arrays.ArrowExtensionArray(table.arrow_column(position))
    kind = table.kind(position)
    if kind in ("int", "float", "bool"):
        values, nulls = _memory(table.values(position)), _nulls(table, position)
        if dtypes == "nullable":
            return _numbers.nullable(values, nulls)
        return _held(_numbers.plain(values, nulls, name))
    if kind in ("date", "date64", "timestamp", "duration"):
        values, nulls = _memory(table.values(position)), _nulls(table, position)
        return _times.instants(values, nulls, name, kind, table.zone(position))
    column = table.arrow_column(position)
    if kind == "text":
        return _text(column, dtypes)
    if kind == "time":
        return _held(_times.of_day(column, name))
    return _held(_other(column, name))


def _memory(column: Any) -> Any:
    import numpy as np

    return np.asarray(column)


def _nulls(table: Table, position: int) -> Any:
    nulls = table.nulls(position)
    return None if nulls is None else _memory(nulls)


def _text(column: Any, dtypes: str) -> Any:
    """Text in the text type of this pandas: ``str`` since pandas 3, objects before."""
    import numpy as np
    import pandas as pd

    if dtypes == "nullable":
        return pd.StringDtype("pyarrow").__from_arrow__(column)
    if int(pd.__version__.split(".")[0]) < 3:
        return _held(column.to_pandas().to_numpy(copy=True))
    return pd.StringDtype("pyarrow", na_value=np.nan).__from_arrow__(column)


def _other(column: Any, name: str) -> Any:
    """Categories of text, and Python objects for values without a numpy type."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type) and _is_text(column.type.value_type):
        return _categories(column)
    return objects(column, name)


def _is_text(data_type: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(data_type) or pa.types.is_large_string(data_type))


def _categories(column: Any) -> Any:
    import pandas as pd

    data_type = column.type
    # Batches may have separate dictionaries, with repeated or null values.
    dictionaries = [chunk.dictionary for chunk in column.chunks]
    if len(dictionaries) != 1 or dictionaries[0].null_count or len(dictionaries[0].unique()) < len(dictionaries[0]):
        column = column.cast(data_type.value_type).dictionary_encode().unify_dictionaries()
        dictionaries = [chunk.dictionary for chunk in column.chunks]
    words = dictionaries[0].to_pylist() if dictionaries else []
    codes = [_codes(chunk) for chunk in column.chunks]
    return pd.Categorical.from_codes(
        _joined(codes), categories=pd.Index(words, dtype=_word_dtype(words)), ordered=bool(data_type.ordered)
    )


def _word_dtype(words: list[Any]) -> Any:
    return None if words else object


def _codes(chunk: Any) -> Any:
    return chunk.indices.cast("int64").fill_null(-1).to_numpy(zero_copy_only=False)


def _joined(pieces: list[Any]) -> Any:
    import numpy as np

    return np.concatenate(pieces) if pieces else np.empty(0, dtype="int64")


def objects(column: Any, name: str) -> Any:
    """A column as a numpy array of Python objects, ``None`` for null.

    Raises:
        InputError: if Python cannot represent a value; the message has column and row, from 1.
    """
    import numpy as np

    values = np.empty(len(column), dtype=object)
    row = 0
    for chunk in column.chunks:
        try:
            cells = _cells.cells(chunk)
        except _cells.CellError as error:
            raise InputError(f"column `{name}`, row {row + error.row + 1}: {error}") from None
        # One by one: numpy would turn lists of equal length into a two-dimensional array.
        for cell in cells:
            values[row] = cell
            row += 1
    return values


def _held(values: Any) -> Any:
    """Values unchanged: pandas would infer other types from arrays of objects."""
    import numpy as np
    import pandas as pd

    if isinstance(values, np.ndarray) and values.dtype == object:
        return pd.Series(values, dtype=object, copy=False)
    return values
