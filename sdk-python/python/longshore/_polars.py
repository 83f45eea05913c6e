"""polars frames: conversion of inputs to types that polars supports, and of frames that are written.

polars turns times from 24:00 on into null and long durations into zero, and fails or aborts on unsupported types. Such
columns are converted without loss here, or are an error that names them. Called by ``api`` and ``_tables``.
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

from longshore import _fit, _objects
from longshore._longshore import InputError

if TYPE_CHECKING:
    from longshore._longshore import Table

# Arrow types that polars changes, or supports for some values only.
_ODD = re.compile(r"Decimal(32|64|256)|Interval|Union|Time(32|64)|(Timestamp|Duration)\(s|, \"|FixedSizeBinary\(16\)")

# polars types without an Arrow type, and one that polars exports incorrectly.
_OURS = re.compile(r"\b(Object|U?Int128)\b")
_ODD_TYPES = re.compile(r"\b(Object|U?Int128|Null)\b")


def to_polars(table: Table) -> Any:
    """An input as a ``polars.DataFrame``.

    Decimals of 256 bits become decimals of 128 if they fit, else text; values that are not a time of day turn their
    column into durations; intervals become structs of months, days and nanoseconds; UUIDs become text; offsets with a
    part of an hour, for which polars has no zone, become UTC; repeated column names get a number. A change of type or
    name that depends on a value, an offset or another name gives a warning.

    Raises:
        InputError: if polars cannot represent a column; the message has the column, and the row from 1.
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
    """A polars frame, lazy frame or series as an object with ``__arrow_c_stream__``.

    Columns of Python objects are converted by the classes of their values, 128-bit integers to the smallest type that
    represents them; all other columns are exported by polars.
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
    """A polars series as an Arrow array."""
    kind = str(series.dtype)
    if not _OURS.search(kind):
        return series.to_arrow()
    values = series.to_list()
    return _integers(values) if kind in ("Int128", "UInt128") else _objects.column(values, name)


def _integers(values: list[Any]) -> Any:
    """128-bit integers: as 64-bit integers, else as decimals of 38 digits, else as text."""
    import decimal

    import pyarrow as pa

    there = [value for value in values if value is not None] or [0]
    if min(there) >= -(2**63) and max(there) < 2**63:
        return pa.array(values, pa.int64())
    if max(map(abs, there)) < 10**38:
        return pa.array([None if value is None else decimal.Decimal(value) for value in values], pa.decimal128(38, 0))
    return pa.array([None if value is None else str(value) for value in values], pa.large_string())
