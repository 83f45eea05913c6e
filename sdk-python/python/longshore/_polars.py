"""polars frames: what is changed so that polars can take an input, and what is changed in a frame that is written.

polars would make null of times from 24:00 on, zero of long durations, and fail or abort on types that it does not have.
Here such a column is converted so that nothing is lost, or is an error that names it. Called by ``api``, ``_tables``.
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

from longshore import _fit, _objects
from longshore._longshore import InputError

if TYPE_CHECKING:
    from longshore._longshore import Table

# Arrow's types that polars takes otherwise than they are, or only some values of.
_ODD = re.compile(r"Decimal(32|64|256)|Interval|Union|Time(32|64)|(Timestamp|Duration)\(s|, \"|FixedSizeBinary\(16\)")

# polars' types that Arrow has nothing for, and with them the one that polars itself hands over damaged.
_OURS = re.compile(r"\b(Object|U?Int128)\b")
_ODD_TYPES = re.compile(r"\b(Object|U?Int128|Null)\b")


def to_polars(table: Table) -> Any:
    """An input as a ``polars.DataFrame``.

    Decimals of 256 bits are those of 128 where they fit, else text; times that are no time of day make their column one
    of durations; intervals are structs of months, days and nanoseconds; UUIDs are text; offsets of a part of an hour,
    which polars has no zone for, are UTC; of equal column names the later ones get a number. Where a type or a name is
    changed by a value, an offset or another name, there is a warning.

    Raises:
        InputError: if polars cannot hold a column; it names it, and the row from 1.
    """
    import polars

    names = table.names
    if len(set(names)) == len(names) and not any(map(_ODD.search, table.types)):
        return _taken(polars, table)
    import pyarrow as pa

    from longshore import _tables

    unique = _tables.unique(names, "is in the input twice: it is read as")
    columns = [_fitting(table, position, name) for position, name in enumerate(names)]
    return _taken(polars, pa.Table.from_arrays(columns, names=unique))


def _taken(polars: Any, data: Any) -> Any:
    try:
        return polars.DataFrame(data)
    except BaseException as error:
        # A panic of polars is not an Exception to Python.
        if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
            raise
        raise InputError(f'polars cannot take it: {error}; read it with as_="arrow"') from error


def _fitting(table: Table, position: int, name: str) -> Any:
    column = table.arrow_column(position)
    kind = table.types[position]
    if not _ODD.search(kind):
        return column
    try:
        fitted = _fit.fitted(column.combine_chunks())
    except _fit.FitError as error:
        place = "" if error.row is None else f", row {error.row + 1}"
        raise InputError(f'column `{name}`{place}: {error}; read it with as_="arrow"') from None
    except Exception as error:
        raise InputError(f"column `{name}` of type {kind} cannot be converted: {error}") from error
    for change in fitted.changes:
        warnings.warn(f"column `{name}`: {change}", stacklevel=5)
    return fitted.array


def to_stream(data: Any) -> Any:
    """A frame, lazy frame or series of polars as something with ``__arrow_c_stream__``.

    Columns of Python objects go by the classes of their values, integers of 128 bits become the smallest type that
    holds them; everything else is polars' own Arrow.
    """
    if hasattr(data, "collect"):
        data = data.collect()
    if not hasattr(data, "columns"):
        data = data.to_frame()
    if not any(_ODD_TYPES.search(str(kind)) for kind in data.dtypes):
        return data
    import pyarrow as pa

    return pa.Table.from_arrays([column(data[name], name) for name in data.columns], names=data.columns)


def column(series: Any, name: str) -> Any:
    """A series of polars as an Arrow array."""
    kind = str(series.dtype)
    if not _OURS.search(kind):
        return series.to_arrow()
    values = series.to_list()
    return _integers(values) if kind in ("Int128", "UInt128") else _objects.column(values, name)


def _integers(values: list[Any]) -> Any:
    """Integers of 128 bits: as 64, else as decimals of 38 digits, else as text."""
    import decimal

    import pyarrow as pa

    there = [value for value in values if value is not None] or [0]
    if min(there) >= -(2**63) and max(there) < 2**63:
        return pa.array(values, pa.int64())
    if max(map(abs, there)) < 10**38:
        return pa.array([None if value is None else decimal.Decimal(value) for value in values], pa.decimal128(38, 0))
    return pa.array([None if value is None else str(value) for value in values], pa.large_string())
