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


class TablePath:
    """The path of a table, its format, and how it is read or written: see :func:`path`."""

    def __init__(self, path: str | os.PathLike[str], format: str | None, options: dict[str, Any]) -> None:  # noqa: A002
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"the path of a table is a text, not {type(path).__name__}")
        self._path = os.fspath(path)
        self._format = format
        self._options = options

    def keys(self, options: str) -> dict[str, Any]:
        """What is sent for it; ``options`` is the key of its options, ``read`` or ``write``."""
        values = {name: _plain(name, value) for name, value in self._options.items()}
        given = {name: value for name, value in values.items() if value is not None}
        keys = {"table": {"path": self._path}, "format": self._format, options: given or None}
        return {key: value for key, value in keys.items() if value is not None}

    def __repr__(self) -> str:
        return f"longshore.path({self._path!r})"


def path(path: str | os.PathLike[str], /, *, format: str | None = None, **options: Any) -> TablePath:  # noqa: A002
    """A file for an input or an output, with its format and options.

    Args:
        path: the file's path.
        format: its format, such as ``"csv"``, if its suffix does not imply it.
        options: how it is read or written, such as ``delimiter=";"`` and ``columns=["a", "b"]``: the reading or writing
            options of the format.
    """
    return TablePath(path, format, options)


@dataclass
class Sent:
    """A submission, the block's files, and the tables by the inputs' positions."""

    submission: dict[str, Any]
    files: list[tuple[str, bool, bytes]]
    tables: list[tuple[int, Given]]


def submission(
    block: Any,
    tables: Sequence[Any],
    named: Mapping[str, Any],
    options: Mapping[str, Any],
    outputs: Any,
    connected: Sequence[int | str] = (),
) -> Sent:
    """What is sent for a block, its inputs, options and paths for outputs; others send the ``connected`` inputs."""
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
        files, given = function.files([*(name for name, _ in inputs), *connected], values)
        sent.submission["block"] = {"files": {"name": function.name}}
        sent.submission["options"] = [[name, {"json": value}] for name, value in given.items()]
        sent.files = [(path, False, content.encode()) for path, content in files.items()]
    sent.submission["inputs"] = [_input(position, to, table, sent) for position, (to, table) in enumerate(inputs)]
    sent.submission["outputs"] = [_output(*target) for target in _targets(outputs)]
    return sent


def _input(position: int, to: int | str, table: Any, sent: Sent) -> dict[str, Any]:
    if isinstance(table, (str, os.PathLike)):
        table = path(table)
    if isinstance(table, TablePath):
        return {"to": to, **table.keys("read")}
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


def _output(of: int | str, target: Any) -> dict[str, Any]:
    return {"of": of, **(target if isinstance(target, TablePath) else path(target)).keys("write")}


def _targets(outputs: Any) -> list[tuple[int | str, Any]]:
    if outputs is None:
        return []
    if isinstance(outputs, (str, os.PathLike, TablePath)):
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


def settings(
    *,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    engine: str | None = None,
    image: str | None = None,
    network: str | None = None,
    mounts: Sequence[str | os.PathLike[str]] = (),
    allowed: Sequence[str | os.PathLike[str]] = (),
    keep: str | os.PathLike[str] | None = None,
    as_of: Any = None,
    constraints: Sequence[str] = (),
    limits: dict[str, Any],
    chunk_rows: int | None = None,
    bad_rows: str | None = None,
    partition: str | None = None,
    jobs: int | None = None,
    keep_going: bool = False,
    hashes: bool = False,
) -> dict[str, Any]:
    """How a run is made: what a submission has besides the block, its tables and its options."""
    if partition is None and (jobs is not None or keep_going):
        raise TypeError("jobs and keep_going are for runs with partition")
    for name, several in (
        ("arguments", arguments),
        ("mounts", mounts),
        ("allowed", allowed),
        ("constraints", constraints),
    ):
        if isinstance(several, str):
            raise TypeError(f"{name} is a list, not the text {several!r}")
    given = {
        "arguments": [str(argument) for argument in arguments],
        "environment": [[str(name), str(value)] for name, value in (environment or {}).items()],
        "engine": engine,
        "image": image,
        "network": network,
        "mounts": [mount(os.fspath(path)) for path in mounts],
        "allowed": [os.fspath(path) for path in allowed],
        "keep": None if keep is None else os.fspath(keep),
        "as_of": None if as_of is None else str(as_of),
        "constraints": [str(constraint) for constraint in constraints],
        "limits": limits,
        "chunk_rows": _count("chunk_rows", chunk_rows),
        "bad_rows": bad_rows,
        "partition": None,
        "hashes": bool(hashes),
    }
    if partition is not None:
        parts = _processors() if jobs is None else _count("jobs", jobs)
        given["partition"] = {"field": str(partition), "jobs": parts, "keep_going": bool(keep_going)}
    return given


def _count(name: str, value: int | None) -> int | None:
    if value is not None and (not isinstance(value, int) or not 0 < value < 2**32):
        raise ValueError(f"{name} must be a number from 1, not {value!r}")
    return value


def _processors() -> int:
    """The processors that this program may use, as the command counts them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def limits(
    memory: int | str | None, cpus: float | None, timeout: float | None, pids: int | None = None
) -> dict[str, Any]:
    """The limits of a run."""
    if timeout is not None and not 0 <= float(timeout) < 1e12:
        raise ValueError(f"timeout must be a number of seconds from 0, not {timeout!r}")
    given = {
        "memory_bytes": None if memory is None else _bytes(memory),
        "cpus": None if cpus is None else float(cpus),
        "pids": _count("pids", pids),
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
