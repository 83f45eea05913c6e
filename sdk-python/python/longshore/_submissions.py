"""What a program sends to the host for a run: the submission, files of a function, tables. Called by ``_runs``."""

from __future__ import annotations

import datetime
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

from longshore import _tables
from longshore._longshore import Given, OutputError

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}


@dataclass
class Sent:
    """A submission, the block's files, and the tables by the inputs' positions."""

    submission: dict[str, Any]
    files: list[tuple[str, bool, bytes]]
    tables: list[tuple[int, Given]]


def submission(
    block: Any, tables: Sequence[Any], named: Mapping[str, Any], options: Mapping[str, Any], outputs: Any
) -> Sent:
    """What is sent for a block, its inputs, its options, and paths for its outputs."""
    sent = Sent({"others": True, "working_folder": _current_folder()}, [], [])
    numbered: list[tuple[int | str, Any]] = [
        (number, table) for number, table in enumerate(tables) if table is not None
    ]
    inputs = [*numbered, *((name, table) for name, table in named.items() if table is not None)]
    values = {str(name): _plain(str(name), value) for name, value in options.items()}
    if isinstance(block, (str, os.PathLike)):
        sent.submission["block"] = {"path": os.fspath(block)}
        _check_numbers(values)
        sent.submission["options"] = [[name, {"json": value}] for name, value in values.items() if value is not None]
    else:
        from longshore import _functions

        if not isinstance(block, (FunctionType, _functions.FunctionBlock)):
            raise TypeError(f"a block is the path of a folder or script, or a function, not {type(block).__name__}")
        function = block if isinstance(block, _functions.FunctionBlock) else _functions.block(block)
        files, given = function.files([name for name, _ in inputs], values)
        sent.submission["block"] = {"files": {"name": function.name}}
        sent.submission["options"] = [[name, {"json": value}] for name, value in given.items()]
        sent.files = [(path, False, content.encode()) for path, content in files.items()]
    sent.submission["inputs"] = [_input(position, to, table, sent) for position, (to, table) in enumerate(inputs)]
    sent.submission["outputs"] = [_output(*target) for target in _targets(outputs)]
    return sent


def _input(position: int, to: int | str, table: Any, sent: Sent) -> dict[str, Any]:
    if isinstance(table, (str, os.PathLike)):
        return {"to": to, "table": {"path": os.fspath(table)}}
    called = f"input {to}" if isinstance(to, int) else f"input `{to}`"
    try:
        sent.tables.append((position, Given(_tables.to_stream(table))))
    except (OutputError, ValueError) as error:
        raise ValueError(f"{called} cannot be sent: {error}") from error.__cause__
    except TypeError as error:
        accepted = str(error).partition(": ")[2] or "give a table"
        raise TypeError(
            f"{called} cannot be sent: it is of type {type(table).__name__}; {accepted}, or a path"
        ) from None
    return {"to": to, "table": {"memory": {"called": called}}}


def _output(of: int | str, path: Any) -> dict[str, Any]:
    return {"of": of, "table": {"path": os.fspath(path)}}


def _targets(outputs: Any) -> list[tuple[int | str, Any]]:
    if outputs is None:
        return []
    if isinstance(outputs, (str, os.PathLike)):
        return [(0, outputs)]
    if isinstance(outputs, Mapping):
        return list(outputs.items())
    return list(enumerate(outputs))


def _plain(name: str, value: Any) -> Any:
    """An option's value as JSON."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if value is None or isinstance(value, (bool, int, float, str)):
        # Subclasses, such as enumerations of text, count as what they are.
        for kind in (bool, int, float, str):
            if isinstance(value, kind):
                return kind(value.value if hasattr(value, "value") else value)
        return None
    if isinstance(value, Mapping):
        return {str(key): _plain(name, part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(name, part) for part in value]
    if hasattr(value, "tolist"):
        # Numbers and arrays of numpy.
        return _plain(name, value.tolist())
    raise TypeError(
        f"the option `{name}` cannot be sent: it is of type {type(value).__name__}; give a text, number, boolean, "
        "list or dict, and tables as inputs"
    )


def _check_numbers(values: Mapping[str, Any]) -> None:
    """Refuses numbers that JSON lacks."""
    for name, value in values.items():
        parts = value if isinstance(value, list) else [value]
        if any(isinstance(part, float) and not math.isfinite(part) for part in parts):
            raise ValueError(f"the option `{name}` must be a finite number, not {value!r}")


def mount(text: str) -> dict[str, Any]:
    """A file or folder that the script sees, such as ``/data`` or ``/data:rw``."""
    path = text[: -len(":rw")] if text.endswith(":rw") else text
    return {"path": path, "writable": path != text}


def limits(memory: int | str | None, cpus: float | None, timeout: float | None) -> dict[str, Any]:
    """The limits of a run."""
    if timeout is not None and not 0 <= float(timeout) < 1e12:
        raise ValueError(f"timeout must be a number of seconds from 0, not {timeout!r}")
    given = {
        "memory_bytes": None if memory is None else _bytes(memory),
        "cpus": None if cpus is None else float(cpus),
        # Not 0, which is no limit.
        "timeout_ms": None if timeout is None else max(round(float(timeout) * 1000), 1 if timeout else 0),
    }
    return {key: value for key, value in given.items() if value is not None}


def _bytes(memory: int | str) -> int:
    if isinstance(memory, str):
        match = _SIZE.fullmatch(memory.strip())
        if match is None:
            raise ValueError(f"memory must be a number of bytes, or such as '512m' or '2g', not {memory!r}")
        memory = int(float(match[1]) * 2 ** _UNITS[match[2].lower()])
    if not 0 < memory < 2**63:
        raise ValueError(f"memory must be a positive number of bytes, not {memory}")
    return int(memory)


def _current_folder() -> str | None:
    try:
        return str(Path.cwd())
    except OSError:
        return None
