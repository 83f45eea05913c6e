"""Arrow values as exact Python objects, at any depth.

Integers stay integers beside nulls, and zones are kept. A value without a Python object is an error with its row. Each
level of nesting is converted as a whole and then split. Called for columns of pandas frames.
"""

from __future__ import annotations

from typing import Any

from longshore import _clocks


class CellError(ValueError):
    """A value that Python cannot represent, in row ``row`` of the array, from 0."""

    def __init__(self, row: int, text: str) -> None:
        super().__init__(text)
        self.row = row


class Pairs(list[Any]):
    """The (key, value) pairs of one map: a list subclass that is written back as a map."""


def cells(array: Any) -> list[Any]:
    """The values of a ``pyarrow.Array``, ``None`` for null.

    Lists of numbers are numpy arrays if no number in the column is null, other lists are lists; structs are dicts,
    maps are :class:`Pairs`, unions are their values.

    Raises:
        CellError: if Python has no object for a value.
    """
    import pyarrow as pa
    import pyarrow.types as types

    data_type = array.type
    if types.is_null(data_type):
        return [None] * len(array)
    if isinstance(data_type, pa.BaseExtensionType):
        return _extension(array)
    if types.is_dictionary(data_type):
        return _dictionary(array)
    if types.is_run_end_encoded(data_type):
        import pyarrow.compute as pc

        return cells(pc.run_end_decode(array))
    if types.is_struct(data_type):
        return _structs(array)
    if types.is_map(data_type):
        return _maps(array)
    if types.is_union(data_type):
        return _unions(array)
    if types.is_nested(data_type):
        return _lists(array)
    return _leaves(array)


def _leaves(array: Any) -> list[Any]:
    import pyarrow.types as types

    data_type = array.type
    if not (types.is_temporal(data_type) and not types.is_interval(data_type)):
        if array.null_count == 0 and (types.is_primitive(data_type) and not types.is_interval(data_type)):
            plain: list[Any] = array.to_numpy(zero_copy_only=False).tolist()
            return plain
        if types.is_decimal(data_type) or types.is_string(data_type) or types.is_binary(data_type):
            objects: list[Any] = array.to_numpy(zero_copy_only=False).tolist()
            return objects
        return array.to_pylist()  # type: ignore[no-any-return]
    valid = array.is_valid().to_pylist() if array.null_count else None
    numbers = array.drop_null() if valid else array
    numbers = numbers.view("int32" if data_type.bit_width == 32 else "int64").to_numpy(zero_copy_only=False)
    try:
        values = _clocks.values(numbers, data_type)
    except _clocks.ClockError as error:
        place = error.place
        if valid:
            place = [row for row, there in enumerate(valid) if there][place]
        raise CellError(place, str(error)) from None
    if not valid:
        return values
    following = iter(values)
    return [next(following) if there else None for there in valid]


def _extension(array: Any) -> list[Any]:
    name = array.type.extension_name
    if name == "arrow.uuid":
        import uuid

        return [None if value is None else uuid.UUID(bytes=value) for value in array.storage.to_pylist()]
    values = cells(array.storage)
    if name == "arrow.fixed_shape_tensor":
        import numpy as np

        return [_tensor(np.asarray(value), array.type) if isinstance(value, np.ndarray) else value for value in values]
    return values


def _tensor(values: Any, data_type: Any) -> Any:
    shape, order = data_type.shape, data_type.permutation
    values = values.reshape(shape)
    return values if order is None else values.transpose(order)


def _dictionary(array: Any) -> list[Any]:
    indices = array.indices.to_pylist()
    try:
        values = cells(array.dictionary)
    except CellError as error:
        row = indices.index(error.row) if error.row in indices else 0
        raise CellError(row, str(error)) from None
    return [None if index is None else values[index] for index in indices]


def _structs(array: Any) -> list[Any]:
    names = [array.type.field(position).name for position in range(array.type.num_fields)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise CellError(0, f"two fields of the struct are called `{twice}`, which a dict cannot hold")
    # Flattened, children are null where the struct is.
    children = [cells(child) for child in array.flatten()]
    valid = _valid(array)
    if not children:
        return [{} if there else None for there in valid]
    rows = zip(*children)
    return [dict(zip(names, row)) if there else None for row, there in zip(rows, valid)]


def _maps(array: Any) -> list[Any]:
    bounds = array.offsets.to_pylist()
    start, end = bounds[0], bounds[-1]
    keys = _children(array.keys.slice(start, end - start), bounds)
    items = _children(array.items.slice(start, end - start), bounds)
    return [
        Pairs(zip(keys[low - start : high - start], items[low - start : high - start])) if there else None
        for low, high, there in zip(bounds, bounds[1:], _valid(array))
    ]


def _unions(array: Any) -> list[Any]:
    import pyarrow as pa

    numbers = {code: position for position, code in enumerate(array.type.type_codes)}
    members = [numbers[code] for code in array.type_codes.to_pylist()]
    is_dense = array.type.mode == "dense"
    places = array.offsets.to_pylist() if is_dense else range(len(array))
    children: list[list[Any]] = []
    for position in range(array.type.num_fields):
        child: pa.Array = array.field(position)
        if not is_dense and len(child) != len(array):
            child = child.slice(array.offset, len(array))
        try:
            children.append(cells(child))
        except CellError as error:
            rows = [
                row
                for row, (member, place) in enumerate(zip(members, places))
                if member == position and place == error.row
            ]
            raise CellError(rows[0] if rows else 0, str(error)) from None
    return [children[member][place] for member, place in zip(members, places)]


def _lists(array: Any) -> list[Any]:
    import pyarrow.types as types

    data_type = array.type
    valid = _valid(array)
    if types.is_fixed_size_list(data_type):
        size = data_type.list_size
        bounds = [row * size for row in range(len(array) + 1)]
        starts, ends = bounds[:-1], bounds[1:]
        child = array.values.slice(array.offset * size, len(array) * size)
    elif types.is_list(data_type) or types.is_large_list(data_type):
        bounds = array.offsets.to_pylist()
        child = array.values.slice(bounds[0], bounds[-1] - bounds[0])
        starts, ends = [low - bounds[0] for low in bounds[:-1]], [high - bounds[0] for high in bounds[1:]]
    else:
        child = array.values
        starts = array.offsets.to_pylist()
        ends = [start + size for start, size in zip(starts, array.sizes.to_pylist())]
    is_number = types.is_integer(child.type) or types.is_floating(child.type) or types.is_boolean(child.type)
    if is_number and not _has_nulls(child, valid, array):
        # A copy, because the mapping is read-only here.
        values: Any = (child.fill_null(0) if child.null_count else child).to_numpy(zero_copy_only=False).copy()
    else:
        values = _children(child, [*starts, ends[-1]] if starts else [0])
    return [values[low:high] if there else None for low, high, there in zip(starts, ends, valid)]


def _has_nulls(child: Any, valid: list[bool], array: Any) -> bool:
    """Whether a list that is not null has a null number; in a null list of fixed size all numbers are null."""
    import numpy as np
    import pyarrow.types as types

    if not child.null_count or not types.is_fixed_size_list(array.type) or types.is_boolean(child.type):
        return bool(child.null_count)
    nulls = child.is_null().to_numpy(zero_copy_only=False)
    return bool((nulls & np.repeat(np.array(valid), array.type.list_size)).any())


def _children(child: Any, bounds: list[int]) -> list[Any]:
    """The cells of a child; an error is assigned to the row that contains the value."""
    try:
        return cells(child)
    except CellError as error:
        place = error.row + bounds[0]
        row = next((row for row, (low, high) in enumerate(zip(bounds, bounds[1:])) if low <= place < high), 0)
        raise CellError(row, str(error)) from None


def _valid(array: Any) -> list[bool]:
    valid: list[bool] = array.is_valid().to_pylist() if array.null_count else [True] * len(array)
    return valid
