"""Arrow arrays in types that polars can represent without loss, at any depth. Called by ``_polars``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# polars has no seconds: such values are multiplied by 1000.
_SECONDS = (2**63 - 1) // 1000
_UNITS_A_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


class FitError(ValueError):
    """A column that polars cannot represent, because of the value in row ``row``, from 0, or its type."""

    def __init__(self, row: int | None, text: str) -> None:
        super().__init__(text)
        self.row = row


@dataclass
class Fitted:
    """An array, and the change that its reader is warned about."""

    array: Any
    changes: list[str] = field(default_factory=list)


def fitted(array: Any) -> Fitted:
    """The array, converted if polars would change it or fail.

    Raises:
        FitError: if polars cannot represent it.
    """
    changes: list[str] = []
    if hasattr(array, "chunks"):
        # No rows.
        return Fitted(array, changes)
    return Fitted(_fit(array, changes), changes)


def _fit(array: Any, changes: list[str]) -> Any:
    import pyarrow as pa
    import pyarrow.types as types

    data_type = array.type
    if isinstance(data_type, pa.BaseExtensionType):
        return _uuids(array) if data_type.extension_name == "arrow.uuid" else array
    if types.is_decimal(data_type):
        return _decimals(array, changes)
    if types.is_interval(data_type):
        return _intervals(array)
    if types.is_union(data_type):
        raise FitError(None, "it is a union, which polars does not have")
    if types.is_time(data_type):
        return _times(array, changes)
    if types.is_duration(data_type) or types.is_timestamp(data_type):
        array = _seconds(array) if data_type.unit == "s" else array
        return array if types.is_duration(data_type) or data_type.tz is None else _zoned(array, changes)
    if types.is_struct(data_type):
        children = [_fit(child, changes) for child in array.flatten()]
        names = [data_type.field(place).name for place in range(data_type.num_fields)]
        return pa.StructArray.from_arrays(children, names, mask=array.is_null()) if names else array
    if types.is_map(data_type):
        start, end = _bounds(array)
        keys = _inside(array, array.keys.slice(start, end - start), changes)
        items = _inside(array, array.items.slice(start, end - start), changes)
        return pa.MapArray.from_arrays(_offsets(array, start), keys, items)
    if types.is_fixed_size_list(data_type):
        size = data_type.list_size
        child = array.values.slice(array.offset * size, len(array) * size)
        made = _inside(array, child, changes)
        return pa.FixedSizeListArray.from_arrays(made, size, mask=array.is_null())
    if types.is_list(data_type) or types.is_large_list(data_type):
        start, end = _bounds(array)
        made = _inside(array, array.values.slice(start, end - start), changes)
        kind = pa.LargeListArray if types.is_large_list(data_type) else pa.ListArray
        return kind.from_arrays(_offsets(array, start), made)
    return array


def _inside(array: Any, child: Any, changes: list[str]) -> Any:
    import pyarrow.types as types

    try:
        return _fit(child, changes)
    except FitError as error:
        if error.row is None:
            raise
        if types.is_fixed_size_list(array.type):
            raise FitError(error.row // array.type.list_size, str(error)) from None
        ends = array.offsets.to_pylist()[1:]
        start, _ = _bounds(array)
        row = next(row for row, end in enumerate(ends) if error.row + start < end)
        raise FitError(row, str(error)) from None


def _bounds(array: Any) -> tuple[int, int]:
    return array.offsets[0].as_py(), array.offsets[len(array)].as_py()


def _offsets(array: Any, start: int) -> Any:
    """The offsets, from 0, null for null lists."""
    import pyarrow as pa

    valid = [*array.is_valid().to_pylist(), True]
    offsets = array.offsets
    numbers = [number - start if there else None for number, there in zip(offsets.to_pylist(), valid)]
    return pa.array(numbers, offsets.type)


def _uuids(array: Any) -> Any:
    import pyarrow as pa

    from longshore import _cells

    return pa.array([None if value is None else str(value) for value in _cells.cells(array)], pa.large_string())


def _decimals(array: Any, changes: list[str]) -> Any:
    import pyarrow as pa

    data_type = array.type
    if data_type.bit_width == 128:
        return array
    if data_type.bit_width < 128:
        return array.cast(pa.decimal128(data_type.precision, data_type.scale))
    if 0 <= data_type.scale <= 38:
        try:
            return array.cast(pa.decimal128(38, data_type.scale))
        except pa.ArrowInvalid:
            pass
    changes.append("decimals of more than 38 digits are text")
    return pa.array([None if value is None else f"{value:f}" for value in array.to_pylist()], pa.large_string())


def _intervals(array: Any) -> Any:
    import pyarrow as pa

    values = array.to_pylist()
    names = ["months", "days", "nanoseconds"]
    parts = [[None if value is None else value[place] for value in values] for place in range(3)]
    children = [pa.array(part, kind) for part, kind in zip(parts, (pa.int32(), pa.int32(), pa.int64()))]
    return pa.StructArray.from_arrays(children, names, mask=array.is_null())


def _times(array: Any, changes: list[str]) -> Any:
    import pyarrow as pa

    numbers = _numbers(array)
    unit = array.type.unit
    if not ((numbers < 0) | (numbers >= _UNITS_A_DAY[unit])).any():
        return array
    changes.append("not all of it are times of a day, so it is durations since midnight")
    integers = array.view("int32" if array.type.bit_width == 32 else "int64").cast("int64")
    if unit == "s":
        return pa.array(numbers * 1000, mask=array.is_null().to_numpy(zero_copy_only=False)).view(pa.duration("ms"))
    return integers.view(pa.duration(unit))


def _seconds(array: Any) -> Any:
    numbers = _numbers(array)
    wrong = (numbers > _SECONDS) | (numbers < -_SECONDS)
    if wrong.any():
        row = int(wrong.argmax())
        raise FitError(row, f"{int(numbers[row])} seconds are more than polars can count in milliseconds")
    return array


def _zoned(array: Any, changes: list[str]) -> Any:
    import pyarrow as pa

    from longshore import _zones

    zone = array.type.tz
    try:
        offset = _zones.zone(zone).utcoffset(None)
    except ValueError as error:
        raise FitError(None, str(error)) from None
    if offset is None or not offset.total_seconds() % 3600:
        return array
    changes.append(f"its times are in UTC, not at {zone}, which polars has no zone for")
    return array.cast(pa.timestamp(array.type.unit, "UTC"))


def _numbers(array: Any) -> Any:
    """The stored values as 64-bit integers, 0 for null."""
    integers = array.view("int32" if array.type.bit_width == 32 else "int64").cast("int64")
    return integers.fill_null(0).to_numpy(zero_copy_only=False)
