"""The class that scripts use.

A script creates one :class:`Api`, reads inputs and options from it, writes outputs to it, and closes it::

    from longshore.api import Api

    api = Api()
    table = api.read_input_records()
    table["total"] = table["price"] * table["amount"]
    api.write_output_records(table)
    api.close()
"""

from __future__ import annotations

import atexit
import contextlib
import json
import operator
import os
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Callable, Literal, NoReturn, cast, overload

from longshore import _frames, _stand_in, _tables
from longshore._longshore import Client, InputError, LongshoreError, OutputError

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

__all__ = ["Api"]

_lock = threading.Lock()
_current: Api | None = None


class Api:
    """A script's run: its inputs, options and outputs.

    A script creates one, which works only in the process that created it. As a context manager it commits at the end
    of the ``with`` block, and an exception fails the run. Worker processes that import the script again, such as those
    spawned by ``multiprocessing``, may create one too, but every call on it raises a ``LongshoreError``.

    Dry runs: if the environment variable ``LONGSHORE_DRY_RUN`` names a folder, as ``longshore dry-run`` sets one up, a
    script started by hand reads its inputs and options from there, and writes its outputs there. A dry run allows a new
    Api after a final call, and in a notebook or an interactive interpreter at any time: unfinished outputs are lost.

    Raises:
        NotInRunError: if the script was not started by longshore.
        LongshoreError: if the script has an Api already.
    """

    def __init__(self) -> None:
        global _current
        self._options: Mapping[str, Any] | None = None
        self._unknown: set[str] = set()
        self._is_here = not _stand_in.is_worker()
        if not self._is_here:
            self._client: Client = cast(Client, _stand_in.StandIn())
            return
        with _lock:
            if _current is not None and not _current._gives_way():
                raise LongshoreError("cannot create a second Api: use the object that the first `Api()` returned")
            self._client = Client(os.environ.get("LONGSHORE_SOCKET"), os.environ.get("LONGSHORE_DRY_RUN") or None)
            _current = self
        os.register_at_fork(after_in_child=self._leave)
        _report_uncaught(self)
        atexit.register(self._client.end)

    # Inputs. Their types have `Any` in place of the `None` of an input that is not connected: scripts whose inputs are
    # required would have to rule it out.

    def read_input_records(self, input_number: int | str = 0) -> pandas.DataFrame | Any:
        """Read a whole input as a ``pandas.DataFrame`` with numpy types, or ``None`` if it is not connected.

        The frame has the rows of the input, with an index from 0, and its columns, with their order and names. Numbers,
        booleans, naive timestamps and durations without nulls are not copied: they are views of shared memory, copied
        when the script writes to them. Reading again gives the same table, regardless of changes to the first.

        =====================  =========================================================================================
        input                  column
        =====================  =========================================================================================
        integers               same dtype; with nulls ``float64`` with NaN, or ``Int64``/``UInt64`` and a warning if
                               ``float64`` would round a value
        floats                 same dtype, NaN for null
        booleans               ``bool``; with nulls, objects ``True``, ``False`` and ``None``
        text                   ``str`` with pandas 3, objects with pandas 2; dictionaries of text are ``category``
        dates                  ``datetime64[s]``
        dates with times       ``datetime64`` in the same unit and zone
        times of day           objects ``datetime.time``; ``timedelta64`` and a warning for values such as 24:00
        durations              ``timedelta64`` in the same unit
        decimals, binary,      objects ``decimal.Decimal``, ``bytes``, ``uuid.UUID``
        UUIDs
        lists                  objects: numpy arrays for numbers without nulls, else lists
        structs, maps          objects ``dict``, lists of (key, value)
        intervals, unions      objects ``pyarrow.MonthDayNano``; the value of each row
        =====================  =========================================================================================

        Args:
            input_number: the input: a position, from 0, or a declared name.

        Raises:
            InputError: if no input has that name, the input cannot be read, or pandas cannot represent a value; the
                message has the column, and the row, from 1.
            EndedError: after ``commit`` or ``close``.
        """
        return self.read_input(input_number, as_="pandas")

    @overload
    def read_input(self, input_number: int | str = 0, as_: Literal["arrow"] = "arrow") -> pyarrow.Table | Any: ...

    @overload
    def read_input(
        self, input_number: int | str = 0, *, as_: Literal["pandas"], dtypes: str = "numpy"
    ) -> pandas.DataFrame | Any: ...

    @overload
    def read_input(self, input_number: int | str = 0, *, as_: Literal["polars"]) -> polars.DataFrame | Any: ...

    @overload
    def read_input(
        self, input_number: int | str = 0, *, as_: Literal["batches"]
    ) -> Iterator[pyarrow.RecordBatch] | Any: ...

    @overload
    def read_input(self, input_number: int | str = 0, as_: str = "arrow", dtypes: str = "numpy") -> Any: ...

    def read_input(self, input_number: int | str = 0, as_: str = "arrow", dtypes: str = "numpy") -> Any:
        """Read a whole input in the form ``as_``, or ``None`` if it is not connected.

        Args:
            input_number: the input: a position, from 0, or a declared name.
            as_: ``"arrow"`` for a ``pyarrow.Table``, ``"polars"`` or ``"pandas"`` for a DataFrame, ``"batches"`` for
                an iterator of ``pyarrow.RecordBatch`` in bounded memory.
            dtypes: for ``"pandas"`` only: ``"numpy"`` for the types of :meth:`read_input_records`, ``"nullable"`` for
                the pandas types with ``pandas.NA`` (``Int64``, ``Float64``, ``boolean``, ``string``), ``"arrow"`` for
                ``pandas.ArrowDtype`` in every column, which represents all Arrow values.

        Raises:
            TypeError: if the input is neither an integer nor a name.
            ValueError: for an unknown form or unknown dtypes, or a negative number.
            InputError: if no input has that name, the input cannot be read, or the form cannot represent a value; the
                message has the column, and the row, from 1.
            EndedError: after ``commit`` or ``close``.
        """
        client = self._check_process()
        if as_ not in ("arrow", "polars", "pandas", "batches"):
            raise ValueError(f"as_ must be 'arrow', 'polars', 'pandas' or 'batches', not {as_!r}")
        if dtypes not in _frames.DTYPES:
            raise ValueError(f"dtypes must be 'numpy', 'nullable' or 'arrow', not {dtypes!r}")
        if dtypes != "numpy" and as_ != "pandas":
            raise ValueError(f"dtypes={dtypes!r} is for as_='pandas', not for {as_!r}")
        key = input_number if isinstance(input_number, str) else operator.index(input_number)
        if not isinstance(key, str) and key < 0:
            raise ValueError(f"inputs are numbered from 0, not {key}")
        if as_ == "batches":
            return client.read_batches(key)
        table = client.read_input(key)
        if table is None or as_ == "arrow":
            return None if table is None else table.to_pyarrow()
        try:
            if as_ == "pandas":
                return _frames.to_pandas(table, dtypes)
            from longshore import _polars

            return _polars.to_polars(table)
        except InputError as error:
            name = f"`{key}`" if isinstance(key, str) else key
            raise InputError(f"input {name} cannot be read as {as_}: {error}") from error.__cause__

    # Outputs

    def write_output_records(self, data: Any, output_number: int | str = 0) -> None:
        """Append a table to an output.

        Args:
            data: a pandas or polars DataFrame or Series, a pyarrow Table, an object with ``__arrow_c_stream__``, a
                dict of columns or a list of dicts. Named levels of a pandas index become the first columns, unnamed
                ones are not written. The type of a column of Python objects is the type of its values: lists and dicts
                become nested columns, values of several classes and objects of other classes become text.
            output_number: the output: a position, from 0, or an id.

        Raises:
            TypeError: if the data is not a table.
            ValueError: for a negative number.
            OutputError: if the output does not exist, the columns differ from earlier ones, or a value cannot be
                written without loss; in that case the message has the column, and the row, from 1.
            EndedError: after ``commit`` or ``close``.
        """
        client = self._check_process()
        if isinstance(output_number, int) and output_number < 0:
            raise ValueError(f"outputs are numbered from 0, not {output_number}")
        try:
            stream = _tables.to_stream(data)
        except OutputError as error:
            raise OutputError(f"output {output_number} cannot be written: {error}") from error.__cause__
        client.write_output(output_number, stream)

    def write_output(self, data: Any, output: int | str = 0) -> None:
        """Append a table to an output: :meth:`write_output_records` under its new name."""
        self.write_output_records(data, output)

    # Streams

    def process_stream(self, fn: Callable[[pandas.DataFrame], Any], dtypes: str = "numpy") -> None:
        """Transform the input chunk by chunk, in order, until it ends. For blocks with ``mode = "stream"``.

        Calls ``fn`` with each chunk, a ``pandas.DataFrame`` with an index from 0 and at most the run's chunk size
        (default: 65,536 rows), and appends the returned table to the output. An input without rows is one empty frame.
        The first returned table sets names and types; later ones are converted if this loses nothing.

        Args:
            fn: takes a frame and returns a table with any number of rows, in any form that
                :meth:`write_output_records` accepts.
            dtypes: the types of the frames, as for :meth:`read_input`. With ``"numpy"`` a column of integers is
                ``float64`` in chunks with missing values; otherwise it has the same type in each chunk.

        Raises:
            ValueError: for unknown dtypes.
            ModeError: if the block runs in the mode ``batch``, or the stream has been processed already.
            TypeError: if ``fn`` is not callable, or returns ``None`` or another value that is not a table.
            InputError: if the input cannot be read, or pandas cannot represent a value.
            OutputError: if a returned table cannot be written, or differs from earlier ones; the message has the
                chunk, from 1.
            EndedError: after ``commit`` or ``close``.
        """
        client = self._check_process()
        if not callable(fn):
            raise TypeError(f"process_stream takes a function, not {type(fn).__name__}")
        if dtypes not in _frames.DTYPES:
            raise ValueError(f"dtypes must be 'numpy', 'nullable' or 'arrow', not {dtypes!r}")
        for number, chunk in enumerate(client.chunks(), 1):
            try:
                frame = _frames.to_pandas(chunk, dtypes)
            except InputError as error:
                raise InputError(f"chunk {number} cannot be read as pandas: {error}") from error.__cause__
            made = fn(frame)
            if made is None:
                raise TypeError(
                    f"the function given to process_stream returned None for chunk {number}: "
                    "it must return a table, one without rows where there is nothing to write"
                )
            try:
                client.write_chunk(_tables.to_stream(made))
            except OutputError as error:
                raise OutputError(f"chunk {number}: {error}") from None

    # Options

    @property
    def options(self) -> Mapping[str, Any]:
        """All options by name, read-only. An unset option is ``None``, an unset boolean ``False``."""
        if self._options is None:
            self._options = MappingProxyType(json.loads(self._client.options()))
        return self._options

    def get_option(self, name: str) -> Any:
        """Get the value of an option; ``None`` if it is not set. An unknown name gives ``None`` and a warning."""
        options = self.options
        if name not in options and name not in self._unknown:
            self._unknown.add(name)
            known = ", ".join(options) or "none"
            warnings.warn(f"the block has no option {name!r} (it has: {known})", stacklevel=2)
        value = options.get(name)
        # A copy, so that changes by the caller do not affect later calls.
        return list(value) if isinstance(value, list) else value

    # Messages

    def update_message(self, text: str) -> None:
        """Show a message while the script runs. If many are sent in a short time, only the latest is shown."""
        # Scripts call this in every iteration of a loop, so it does as little as possible.
        client = self._client if self._is_here else self._check_process()
        client.update_message(text if text.__class__ is str else str(text))

    def update_progress(self, fraction: float, text: str | None = None) -> None:
        """Show the progress of the script.

        Args:
            fraction: from 0 to 1.
            text: the current step.

        Raises:
            ValueError: if the fraction is not a finite number.
        """
        self._check_process().update_progress(float(fraction), None if text is None else str(text))

    def error(self, message: str) -> None:
        """Show and log an error message. The run continues."""
        self._check_process().error(str(message))

    # Final calls

    def commit(self, message: str | None = None) -> None:
        """End the run with success. The script continues, but can no longer read or write."""
        self._conclude("commit", message)

    def close(self, message: str | None = None) -> None:
        """End the run with success: :meth:`commit` under its old name."""
        self._conclude("close", message)

    def cancel(self, message: str | None = None) -> None:
        """End the run as cancelled and discard its outputs. The script continues."""
        self._conclude("cancel", message)

    def abort(self, message: str | None = None) -> NoReturn:
        """Fail the run with a message, and end the script.

        Raises:
            SystemExit: always, so that ``except Exception`` does not catch it.
        """
        self._conclude("abort", message)
        raise SystemExit(1)

    # The run

    def is_docker(self) -> bool:
        """Whether the script runs in a container."""
        return self._client.container

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self._client.run_id

    @property
    def block_name(self) -> str:
        """The block's name."""
        return self._client.block_name

    @property
    def file_name(self) -> str:
        """The script's file name."""
        return self._client.file_name

    def __enter__(self) -> Api:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None and not self._client.concluded:
            self.commit()

    def __repr__(self) -> str:
        if isinstance(self._client, _stand_in.StandIn):
            return "<longshore Api of another process>"
        return f"<longshore Api of {self.block_name!r}, run {self.run_id}>"

    def _conclude(self, word: str, message: str | None) -> None:
        self._check_process().conclude(word, None if message is None else str(message))

    def _gives_way(self) -> bool:
        """Whether a new Api may replace this one: in a dry run that has ended, or whose code is run piece by piece."""
        is_interactive = hasattr(sys, "ps1") or bool(sys.flags.interactive) or "ipykernel" in sys.modules
        return (self._client.concluded or is_interactive) and self._client.replace_dry_run()

    def _leave(self) -> None:
        """Disable the Api in a forked process, which shares the connection."""
        self._is_here = False

    def _check_process(self) -> Client:
        if not self._is_here:
            if isinstance(self._client, _stand_in.StandIn):
                _stand_in.refuse()
            raise LongshoreError(_stand_in.WORDS)
        return self._client


def _report_uncaught(api: Api) -> None:
    """Report an uncaught exception to the host, then call the previous hook."""
    previous: Callable[..., Any] = sys.excepthook

    def report(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if api._is_here:
            text = str(error)
            summary = f"{kind.__name__}: {text}" if text else kind.__name__
            # If the host is gone, only the traceback can be shown.
            with contextlib.suppress(LongshoreError):
                api._client.uncaught(summary)
        previous(kind, error, traceback)

    sys.excepthook = report
