"""What a run returns to the program that asked for it: tables, record and log, or an error. Called by ``_runs``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from longshore._longshore import LongshoreError
from longshore._longshore import Table as _Table

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

# Rows of a table that a notebook shows.
_SHOWN_ROWS = 10

# The most characters of a traceback in an error's text; the log has all of it.
_TRACEBACK_MAX = 4000

# Where a traceback begins; in a chain after the step's name.
_TRACEBACK = re.compile(r"(\[[^\]]*\] )?Traceback")

# The most lines of a log in an error's text, if it has no traceback.
_LINES_MAX = 12


class RequestError(LongshoreError):
    """The run cannot be made, and nothing was started.

    Attributes:
        problems: what is wrong, each in a sentence.
        help: what the caller can do: a dict in which ``kind`` names it, or ``None``.
    """

    def __init__(self, problems: list[str], help: dict[str, Any] | None = None) -> None:  # noqa: A002
        super().__init__(problems, help)
        self.problems = problems
        self.help = help

    def __str__(self) -> str:
        return "\n".join(self.problems)


class RunError(LongshoreError):
    """The run did not succeed. Its text has the script's traceback and the run's id.

    Attributes:
        run_id: the run's id.
        outcome: how the run ended, such as ``"failed"``, ``"timed_out"`` or ``"interrupted"``.
        message: the script's last error, or why the run was ended.
        traceback: the script's traceback, or the end of what it printed on standard error.
        record: the run's record.
        log: what the script printed.
    """

    def __init__(self, record: dict[str, Any], log: str, errors: str) -> None:
        super().__init__(record, log, errors)
        self.record = record
        self.log = log
        self.run_id: str = record.get("run_id", "")
        self.outcome: str = record.get("outcome", "")
        self.message: str = record.get("message") or self.outcome.replace("_", " ")
        self.traceback = _traceback(errors)

    def __str__(self) -> str:
        ended = f"the run of `{self.record.get('block', '')}` did not succeed ({self.outcome}): {self.message}"
        hints = [f"hint: {_text(hint)}" for hint in self.record.get("hints", [])]
        return "\n\n".join(part for part in (ended, self.traceback, *hints, f"run {self.run_id}") if part)


def _traceback(errors: str) -> str:
    """The last traceback on standard error, else its last lines."""
    lines = errors.rstrip().split("\n")
    starts = [place for place, line in enumerate(lines) if _TRACEBACK.match(line)]
    found = "\n".join(lines[starts[-1] :] if starts else lines[-_LINES_MAX:])
    return found if len(found) <= _TRACEBACK_MAX else f"…{found[-_TRACEBACK_MAX:]}"


def _text(note: Any) -> str:
    return str(note["text"]) if isinstance(note, dict) else str(note)


class Table:
    """A table that a run returned. Whatever takes the Arrow C stream reads it without a copy."""

    def __init__(self, table: _Table) -> None:
        self._table = table

    @property
    def columns(self) -> list[str]:
        """The columns' names, in order."""
        return self._table.names

    def __len__(self) -> int:
        return self._table.rows

    def to_pandas(self, dtypes: str = "numpy") -> pandas.DataFrame | Any:
        """The table as a ``pandas.DataFrame``, with the types that :meth:`longshore.api.Api.read_input` has.

        Args:
            dtypes: ``"numpy"``, ``"nullable"`` or ``"arrow"``.
        """
        from longshore import _frames

        if dtypes not in _frames.DTYPES:
            raise ValueError(f"dtypes must be 'numpy', 'nullable' or 'arrow', not {dtypes!r}")
        return _frames.to_pandas(self._table, dtypes)

    def to_polars(self) -> polars.DataFrame | Any:
        """The table as a ``polars.DataFrame``."""
        from longshore import _polars

        return _polars.to_polars(self._table)

    def to_pyarrow(self) -> pyarrow.Table | Any:
        """The table as a ``pyarrow.Table``."""
        return self._table.to_pyarrow()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return f"<longshore Table of {len(self)} rows: {', '.join(self.columns)}>"

    def _repr_html_(self) -> str:
        shown: str = self.to_pyarrow().slice(0, _SHOWN_ROWS).to_pandas().to_html(index=False)
        rest = len(self) - _SHOWN_ROWS
        return shown + (f"<p>and {rest:,} more rows</p>" if rest > 0 else "")


class Result:
    """What a run that succeeded returned: ``result["clustered"]``, ``result[0]``, or one table after the other.

    Attributes:
        record: the run's record.
        log: what the script printed.
    """

    def __init__(self, record: dict[str, Any], log: str, tables: dict[int, Table]) -> None:
        self.record = record
        self.log = log
        self._tables = dict(sorted(tables.items()))
        written = record.get("outputs", [])
        self._ids = {output["id"]: output["index"] for output in written if output.get("id") is not None}
        self._paths = {output["index"]: output["path"] for output in written}

    @property
    def outputs(self) -> dict[int | str, Table]:
        """The tables by their ids; by their numbers, from 0, if the block declares none."""
        ids: dict[int, str] = {number: name for name, number in self._ids.items()}
        return {ids.get(number, number): table for number, table in self._tables.items()}

    @property
    def run_id(self) -> str:
        """The run's id."""
        return str(self.record["run_id"])

    @property
    def message(self) -> str | None:
        """The script's final message."""
        message: str | None = self.record.get("message")
        return message

    def __getitem__(self, output: int | str) -> Table:
        number = self._ids.get(output) if isinstance(output, str) else output
        if number is not None and number in self._tables:
            return self._tables[number]
        if number in self._paths:
            raise KeyError(f"output {output!r} was written to {self._paths[number]!r}")
        there = ", ".join(repr(known) for known in self.outputs) or "none"
        raise KeyError(f"the run returned no output {output!r} (it returned: {there})")

    def __iter__(self) -> Iterator[Table]:
        return iter(self._tables.values())

    def __len__(self) -> int:
        return len(self._tables)

    def __repr__(self) -> str:
        tables = "; ".join(f"{name}: {len(table)} rows" for name, table in self.outputs.items()) or "no tables"
        return f"<longshore Result of {self.record.get('block', '')!r}: {tables}; run {self.run_id}>"


class ChainResult(Result):
    """What a chain that succeeded returned: the outputs of its last step, as of a :class:`Result`.

    Attributes:
        steps: the results of all steps, by their names.
    """

    def __init__(self, record: dict[str, Any], log: str, tables: dict[tuple[int, int], Table]) -> None:
        self.steps: dict[str, Result] = {}
        for position, step in enumerate(record["steps"]):
            begin = f"[{step['name']}] "
            lines = (line.removeprefix(begin) for line in log.splitlines(keepends=True) if line.startswith(begin))
            own = {number: table for (of, number), table in tables.items() if of == position}
            self.steps[step["name"]] = last = Result(step, "".join(lines), own)
        super().__init__(record, log, last._tables)
        self._ids, self._paths = last._ids, last._paths


def result(record: dict[str, Any], log: str, tables: dict[tuple[int, int], Table]) -> Result:
    """The result of a run or of a chain, from the tables by step and number."""
    if record.get("steps"):
        return ChainResult(record, log, tables)
    return Result(record, log, {number: table for (_, number), table in tables.items()})


def rejected(text: str) -> RequestError:
    """The error for a rejection, which is JSON."""
    rejection = json.loads(text)
    return RequestError(rejection["problems"], rejection.get("remedy"))
