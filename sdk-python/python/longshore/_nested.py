"""Python lists and dicts as Arrow lists, maps and structs, if their contents have one type.

Otherwise ``_objects`` writes the whole column as JSON text.
"""

from __future__ import annotations

from typing import Any

from longshore import _values
from longshore._cells import Pairs

# Arrow lists have 32-bit offsets.
_LARGE = 2**31 - 1


def lists(values: list[Any]) -> Any:
    """A column of lists, ``None`` for missing: an Arrow list, or a map if each list is the pairs of a map.

    ``None`` if the items do not have one type.
    """
    from longshore import _objects

    arrays = _numbers(values)
    if arrays is not None:
        return arrays
    if all(value is None or type(value) is Pairs for value in values):
        return _maps(values)
    rows = [None if value is None else _values.items(value) for value in values]
    try:
        child = _objects.to_arrow([item for row in rows if row is not None for item in row], is_inside=True)
    except _objects.NotUniformError:
        return None
    except _objects.RowError as error:
        raise _objects.RowError(_row(rows, error.row), str(error)) from None
    return _listed(rows, child)


def structs(values: list[Any]) -> Any:
    """A column of dicts, ``None`` for missing: a struct if all have the same text keys.

    ``None`` if they have not, or if a member does not have one type.
    """
    import pyarrow as pa

    from longshore import _objects

    rows = [None if value is None else _values.members(value) for value in values]
    first = next(row for row in rows if row is not None)
    names = list(first)
    if not names or any(row is not None and row.keys() != first.keys() for row in rows):
        return None
    if not all(isinstance(name, str) and _is_unicode(name) for name in names):
        return None
    try:
        children = [
            _objects.to_arrow([None if row is None else row[name] for row in rows], is_inside=True) for name in names
        ]
    except _objects.NotUniformError:
        return None
    mask = pa.array([row is None for row in rows], pa.bool_()) if None in rows else None
    return pa.StructArray.from_arrays(children, names, mask=mask)


def _numbers(values: list[Any]) -> Any:
    """Numpy arrays of numbers of one type, used without conversion."""
    import numpy as np

    there = [value for value in values if value is not None]
    if any(type(value) is not np.ndarray or value.ndim != 1 for value in there):
        return None
    types = {value.dtype for value in there}
    if len(types) != 1 or next(iter(types)).kind not in "iufb" or not next(iter(types)).isnative:
        return None
    import pyarrow as pa

    try:
        child = pa.array(np.concatenate(there))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # An 80-bit or 128-bit float.
        return None
    return _listed(values, child)


def _maps(values: list[Any]) -> Any:
    import pyarrow as pa

    from longshore import _objects

    pairs = [pair for value in values if value is not None for pair in value]
    try:
        keys = _objects.to_arrow([key for key, _ in pairs], is_inside=True)
        items = _objects.to_arrow([item for _, item in pairs], is_inside=True)
    except _objects.NotUniformError:
        return None
    except _objects.RowError as error:
        raise _objects.RowError(_row(values, error.row), str(error)) from None
    if keys.null_count and len(keys):
        return None
    if pa.types.is_null(keys.type):
        keys = keys.cast(pa.string())
    return pa.MapArray.from_arrays(pa.array(_offsets(values), pa.int32()), keys, items)


def _listed(rows: list[Any], child: Any) -> Any:
    import pyarrow as pa

    offsets = _offsets(rows)
    if len(child) > _LARGE:
        return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), child)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), child)


def _offsets(rows: list[Any]) -> list[int | None]:
    """The start of each row, null for missing rows, and the end of the last."""
    offsets: list[int | None] = []
    end = 0
    for row in rows:
        offsets.append(None if row is None else end)
        end += 0 if row is None else len(row)
    return [*offsets, end]


def _row(rows: list[Any], place: int) -> int:
    for number, row in enumerate(rows):
        place -= 0 if row is None else len(row)
        if place < 0:
            return number
    return 0


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
