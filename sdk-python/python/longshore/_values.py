"""The classes of Python values that can be written: detection of the class, of missing values and of wrappers.

Values of NumPy, pandas, pyarrow and polars are recognized by class name, so that none of these is imported here. Called
by ``_objects``, ``_json`` and ``_words``.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import uuid
from collections.abc import Iterable, KeysView, Mapping, Set, ValuesView
from typing import Any

# Missing values. NaN is missing in a column, and a number inside a list.
_MISSING = {"NoneType", "NAType", "NaTType", "MaskedConstant"}
_SEQUENCES = (list, tuple, range, collections.deque, collections.UserList, Set, KeysView, ValuesView)
_LIST_CLASSES = {
    ("numpy", "ndarray"),
    ("pandas", "Series"),
    ("pandas", "Index"),
    ("pandas", "ExtensionArray"),
    ("pyarrow", "Array"),
    ("pyarrow", "ChunkedArray"),
    ("polars", "Series"),
    ("array", "array"),
}
# Tables, which become lists of their rows, and the method that returns the rows.
_TABLE_CLASSES = {
    ("pandas", "DataFrame"): lambda table: table.to_dict("records"),
    ("polars", "DataFrame"): lambda table: table.to_dicts(),
    ("pyarrow", "Table"): lambda table: table.to_pylist(),
    ("pyarrow", "RecordBatch"): lambda table: table.to_pylist(),
}


def kind_of(kind: type) -> str:
    """The kind of a class.

    One of ``missing``, ``text``, ``bool``, ``int``, ``float``, ``complex``, ``decimal``, ``date``, ``datetime`` (with
    a zone or without), ``time``, ``duration``, ``interval``, ``bytes``, ``uuid``, ``list``, ``dict``, ``wrapped`` (see
    :func:`unwrapped`) and ``object`` for all others.
    """
    for test, word in _TESTS:
        if issubclass(kind, test):
            return word
    names = {(parent.__module__.partition(".")[0], parent.__name__) for parent in kind.__mro__}
    if kind.__name__ in _MISSING:
        return "missing"
    for known, word in _NAMED:
        if known in names:
            return word
    if names & _LIST_CLASSES or names & _TABLE_CLASSES.keys() or _is_array(kind):
        return "list"
    if issubclass(kind, Mapping) or dataclasses.is_dataclass(kind):
        return "dict"
    if issubclass(kind, _SEQUENCES):
        return "list"
    return "object"


# The order matters: an enum of integers is an integer, numpy's durations are integers, a datetime is a date.
_TESTS: tuple[tuple[type, str], ...] = (
    (enum.Enum, "wrapped"),
    (bool, "bool"),
    (str, "text"),
    (int, "int"),
    (float, "float"),
    (complex, "complex"),
    (decimal.Decimal, "decimal"),
    (datetime.time, "time"),
    (uuid.UUID, "uuid"),
    (bytes, "bytes"),
    (bytearray, "bytes"),
    (memoryview, "bytes"),
)
_NAMED: tuple[tuple[tuple[str, str], str], ...] = (
    (("numpy", "void"), "wrapped"),
    (("numpy", "timedelta64"), "duration"),
    (("numpy", "datetime64"), "datetime"),
    (("numpy", "bool"), "bool"),
    (("numpy", "bool_"), "bool"),
    (("numpy", "integer"), "int"),
    (("numpy", "floating"), "float"),
    (("numpy", "complexfloating"), "complex"),
    (("numpy", "object_"), "object"),
    (("pyarrow", "Scalar"), "wrapped"),
    (("builtins", "MonthDayNano"), "interval"),
    (("pyarrow", "MonthDayNano"), "interval"),
    (("datetime", "datetime"), "datetime"),
    (("datetime", "date"), "date"),
    (("datetime", "timedelta"), "duration"),
)


def _is_array(kind: type) -> bool:
    """Whether a class is a tensor of a library, whose text abbreviates long values."""
    return all(hasattr(kind, name) for name in ("__array__", "shape", "dtype"))


def is_missing(value: Any, kind: str) -> bool:
    """Whether a value of a column is missing: ``None``, NaN, ``pandas.NA`` or ``NaT``."""
    if kind == "missing":
        return True
    if kind == "float":
        return bool(value != value)
    if kind == "decimal":
        return bool(value.is_nan())
    return is_nothing(value, kind)


def is_nothing(value: Any, kind: str) -> bool:
    """Whether a value inside a list is missing: NaN is a number there."""
    if kind in ("datetime", "duration"):
        # numpy's NaT is unequal to itself.
        return bool(value != value)
    return kind == "missing"


def is_wrapper(value: Any, kind: str) -> bool:
    """Whether this value wraps another, which :func:`unwrapped` returns."""
    return kind == "wrapped" or (kind == "list" and getattr(value, "ndim", 1) == 0)


def unwrapped(value: Any) -> Any:
    """The value of an enum member, a pyarrow scalar, a zero-dimensional array, or a structured row."""
    if isinstance(value, enum.Enum):
        return value.value
    if hasattr(value, "as_py"):
        import pyarrow as pa

        from longshore import _cells

        return _cells.cells(pa.array([value], type=value.type))[0]
    if kind_of(type(value)) == "list":
        import numpy as np

        return np.asarray(value)[()]
    # A row of a structured array has names; other such values are bytes.
    names = value.dtype.names
    return value.tobytes() if names is None else {name: value[name] for name in names}


def items(value: Any) -> list[Any]:
    """The items of a value of kind ``list``. Sets, whose order differs in each run, are sorted."""
    if isinstance(value, Set):
        try:
            return sorted(value)
        except TypeError:
            return sorted(value, key=repr)
    names = {(parent.__module__.partition(".")[0], parent.__name__) for parent in type(value).__mro__}
    for table in names & _TABLE_CLASSES.keys():
        return _TABLE_CLASSES[table](value)  # type: ignore[no-any-return]
    if hasattr(value, "to_pylist"):
        from longshore import _cells

        chunks: Iterable[Any] = getattr(value, "chunks", [value])
        return [cell for chunk in chunks for cell in _cells.cells(chunk)]
    if ("polars", "Series") in names:
        return value.to_list()  # type: ignore[no-any-return]
    if _is_array(type(value)) and not names & {("pandas", "Series"), ("pandas", "Index"), ("pandas", "ExtensionArray")}:
        import numpy as np

        # Rows of a numpy matrix are matrices again; masked values of a masked array are missing.
        return list(value if isinstance(value, np.ma.MaskedArray) else np.asarray(value))
    return list(value)


def members(value: Any) -> dict[Any, Any]:
    """The members of a value of kind ``dict``: the items of a mapping, or the fields of a dataclass."""
    if isinstance(value, dict):
        return value
    if isinstance(value, Mapping):
        return dict(value)
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
