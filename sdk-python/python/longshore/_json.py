"""Lossless JSON of Python values, for cells without an Arrow type.

Supports more than ``json``: values of NumPy and pandas, NaN (null) and infinities (text), Decimals with all their
digits, keys of any scalar, bytes (lower-case hex), dates and times, UUIDs, enums, dataclasses, sets. Objects of
other classes become their ``str``.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any

from longshore import _values, _words


def dumps(value: Any) -> str:
    """A value as JSON text, in one line, without spaces.

    Raises:
        ValueError: if two keys of an object become the same text, or the value contains itself.
    """
    try:
        return _written(value)
    except RecursionError:
        raise ValueError("it is nested too deeply, or holds itself") from None


def _written(value: Any) -> str:
    kind = _kind(type(value))
    if kind == "text":
        return _quoted(str(value))
    if _values.is_wrapper(value, kind):
        return _written(_values.unwrapped(value))
    if kind == "list":
        return f"[{','.join(map(_written, _values.items(value)))}]"
    if kind == "dict":
        return f"{{{','.join(_members(value))}}}"
    if _values.is_missing(value, kind):
        return "null"
    text = _words.word(value, kind)
    if kind in ("bool", "int"):
        return text
    if kind in ("float", "decimal"):
        return text if _is_finite(value, kind) else _infinity(value)
    return _quoted(text)


def _members(value: Any) -> list[str]:
    members: dict[str, str] = {}
    for key, item in _values.members(value).items():
        name = _key(key)
        if name in members:
            raise ValueError(f"two keys of an object become the same text {name}")
        members[name] = _written(item)
    return [f"{name}:{text}" for name, text in members.items()]


def _key(key: Any) -> str:
    """A key as JSON text: a string unchanged, any other value as its JSON in a string."""
    text = _written(key)
    return text if text.startswith('"') else _quoted(text)


def _quoted(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half a surrogate pair has no UTF-8 form, but JSON can escape it.
        return encode_basestring_ascii(text)
    return encode_basestring(text)


def _is_finite(value: Any, kind: str) -> bool:
    return bool(value.is_finite()) if kind == "decimal" else value - value == 0


def _infinity(value: Any) -> str:
    return json.dumps("Infinity" if value > 0 else "-Infinity")


_kinds: dict[type, str] = {}


def _kind(kind: type) -> str:
    word = _kinds.get(kind)
    if word is None:
        # Bounded, for scripts that create classes in a loop.
        if len(_kinds) > 1_000:
            _kinds.clear()
        word = _kinds[kind] = _values.kind_of(kind)
    return word
