"""Columns of Python objects as Arrow, by the classes of their values.

One class gives its Arrow type, numbers of several classes give a type that represents each exactly, and other mixtures
become text. ``_nested`` converts lists and dicts. Called for object columns of pandas and polars, and for lists.
"""

from __future__ import annotations

from typing import Any

from longshore import _json, _moments, _values, _words, _zones
from longshore._longshore import OutputError

# Beyond this, text and bytes use Arrow's large types: 2 GiB, less a margin for the estimate.
_LARGE = 2**30


class RowError(ValueError):
    """A value that cannot be written, in row ``row`` of the column, from 0."""

    def __init__(self, row: int, text: str) -> None:
        super().__init__(text)
        self.row = row


class NotUniformError(Exception):
    """Values without a common Arrow type other than text."""


def column(values: list[Any], name: str) -> Any:
    """An Arrow array of the values.

    Args:
        values: of any classes; ``None``, NaN, ``pandas.NA`` and ``NaT`` are missing.
        name: the column's name, for errors.

    Raises:
        OutputError: if a value cannot be written without loss; the message has column and row, from 1.
    """
    try:
        return to_arrow(values, is_inside=False)
    except RowError as error:
        raise OutputError(f"column `{name}`, row {error.row + 1}: {error}") from None


def to_arrow(values: list[Any], is_inside: bool) -> Any:
    """An Arrow array of the values of a column or, inside lists and structs, of all nested values.

    Raises:
        NotUniformError: inside, if only text can represent them.
        RowError: if a value cannot be written.
    """
    import pyarrow as pa

    values, kinds = _sorted(values, is_inside)
    there = set(kinds.values()) - {"missing"}
    if not there:
        return pa.nulls(len(values))
    array = _built(values, kinds, there)
    if array is not None:
        return array
    if is_inside:
        raise NotUniformError
    if "bytes" in there:
        _refuse_bytes(values, kinds)
    return _texts(values, kinds)


def _sorted(values: list[Any], is_inside: bool) -> tuple[list[Any], dict[type, str]]:
    """The unwrapped values, with ``None`` for missing ones, and their classes."""
    kinds = {kind: _values.kind_of(kind) for kind in set(map(type, values))}
    if {"wrapped", "list"} & set(kinds.values()):
        wrappers = [_values.is_wrapper(value, kinds[type(value)]) for value in values]
        if any(wrappers):
            values = [_values.unwrapped(value) if is_one else value for value, is_one in zip(values, wrappers)]
            return _sorted(values, is_inside)
    is_missing = _values.is_nothing if is_inside else _values.is_missing
    # Only these classes can have both missing and other values.
    doubtful = {"datetime", "duration"} if is_inside else {"datetime", "duration", "float", "decimal"}
    if any(word in doubtful or (word == "missing" and kind is not type(None)) for kind, word in kinds.items()):
        values = [None if is_missing(value, kinds[type(value)]) else value for value in values]
        kinds = {kind: kinds.get(kind, "missing") for kind in set(map(type, values))}
    return values, kinds


def _built(values: list[Any], kinds: dict[type, str], there: set[str]) -> Any:
    """The values in their own type; ``None`` if there is none."""
    from longshore import _nested

    if there <= {"int", "float"}:
        return _floats(values) if "float" in there else _integers(values)
    if there <= {"int", "decimal"}:
        return _decimals(values)
    if len(there) > 1:
        return None
    build = {
        "bool": _booleans,
        "date": _dates,
        "time": _times,
        "datetime": _instants,
        "duration": _durations,
        "interval": _intervals,
        "bytes": _bytes,
        "list": _nested.lists,
        "dict": _nested.structs,
    }.get(next(iter(there)))
    return _texts(values, kinds) if build is None else build(values)


def _booleans(values: list[Any]) -> Any:
    import pyarrow as pa

    return pa.array([None if value is None else bool(value) for value in values], pa.bool_())


def _integers(values: list[Any]) -> Any:
    import pyarrow as pa

    numbers = [None if value is None else int(value) for value in values]
    there = [number for number in numbers if number is not None]
    low, high = min(there), max(there)
    if low >= -(2**63) and high < 2**63:
        return pa.array(numbers, pa.int64())
    return pa.array(numbers, pa.uint64()) if low >= 0 and high < 2**64 else None


def _floats(values: list[Any]) -> Any:
    import pyarrow as pa

    floats: list[float | None] = []
    for value in values:
        try:
            double = None if value is None else float(value)
        except OverflowError:
            return None
        # A longer float, or an integer that a double cannot represent; NaN is kept.
        if double != value and value == value:
            return None
        floats.append(double)
    return pa.array(floats, pa.float64())


def _decimals(values: list[Any]) -> Any:
    import decimal

    import pyarrow as pa

    numbers = [
        value if value is None or isinstance(value, decimal.Decimal) else decimal.Decimal(int(value))
        for value in values
    ]
    before, after = 0, 0
    for number in numbers:
        if number is None:
            continue
        exponent = number.as_tuple().exponent
        if not isinstance(exponent, int):
            return None
        after = max(after, -exponent)
        before = max(before, number.adjusted() + 1 if number else 0)
    precision = max(before + after, 1)
    if precision > 76:
        return None
    return pa.array(numbers, pa.decimal128(precision, after) if precision <= 38 else pa.decimal256(precision, after))


def _dates(values: list[Any]) -> Any:
    import pyarrow as pa

    return pa.array(values, pa.date32())


def _times(values: list[Any]) -> Any:
    import pyarrow as pa

    if any(value is not None and value.tzinfo is not None for value in values):
        return None
    return pa.array(values, pa.time64("us"))


def _instants(values: list[Any]) -> Any:
    import pyarrow as pa

    aware = {value is not None and _moments.is_aware(value) for value in values if value is not None}
    if len(aware) > 1:
        return None
    zone = None
    if aware == {True}:
        zones = {_zones.name_of(value.tzinfo) for value in values if value is not None}
        zone = (zones.pop() if len(zones) == 1 else None) or "UTC"
    return _moved(
        [None if value is None else _moments.instant(value) for value in values],
        values,
        lambda unit: pa.timestamp(unit, zone),
    )


def _durations(values: list[Any]) -> Any:
    import pyarrow as pa

    return _moved([None if value is None else _moments.duration(value) for value in values], values, pa.duration)


def _moved(nanoseconds: list[int | None], values: list[Any], data_type: Any) -> Any:
    import pyarrow as pa

    if any(number is None and value is not None for number, value in zip(nanoseconds, values)):
        return None
    found = _moments.in_unit(nanoseconds)
    return None if found is None else pa.array(found[1], pa.int64()).view(data_type(found[0]))


def _intervals(values: list[Any]) -> Any:
    import pyarrow as pa

    return pa.array(values, pa.month_day_nano_interval())


def _bytes(values: list[Any]) -> Any:
    import pyarrow as pa

    cells = [None if value is None else bytes(value) for value in values]
    is_large = sum(len(cell) for cell in cells if cell is not None) > _LARGE
    return pa.array(cells, pa.large_binary() if is_large else pa.binary())


def _texts(values: list[Any], kinds: dict[type, str]) -> Any:
    """The values as text: JSON for lists and dicts."""
    import pyarrow as pa

    texts: list[str | None] = values
    if not kinds.keys() <= {str, type(None)}:
        texts = []
        for row, value in enumerate(values):
            try:
                texts.append(None if value is None else _text(value, kinds[type(value)]))
            except Exception as error:
                raise RowError(row, f"{type(value).__name__} cannot be written as text: {error}") from error
    try:
        return pa.array(texts, pa.large_string())
    except UnicodeEncodeError:
        raise RowError(_no_unicode(texts), "the text has half of a surrogate pair, which UTF-8 cannot hold") from None


def _text(value: Any, word: str) -> str:
    if word == "text":
        return str(value)
    return _json.dumps(value) if word in ("list", "dict") else _words.word(value, word)


def _no_unicode(texts: list[str | None]) -> int:
    for row, text in enumerate(texts):
        try:
            (text or "").encode()
        except UnicodeEncodeError:
            return row
    return 0


def _refuse_bytes(values: list[Any], kinds: dict[type, str]) -> None:
    words = [kinds[type(value)] for value in values]
    row = words.index("bytes")
    other = next(place for place, word in enumerate(words) if word not in ("bytes", "missing"))
    raise RowError(
        row,
        f"the value is {type(values[row]).__name__}, that of row {other + 1} is {type(values[other]).__name__}: "
        "bytes go with nothing else, so make all of them bytes, or all of them text",
    )
