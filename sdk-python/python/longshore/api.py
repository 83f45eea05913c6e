"""The one class that scripts use.

A script makes one :class:`Api`, reads inputs and options from it, writes outputs to it, and closes it::

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
from collections.abc import Mapping
from types import MappingProxyType, TracebackType
from typing import Any, Callable, NoReturn, cast

from longshore import _frames, _stand_in, _tables
from longshore._longshore import Client, InputError, LongshoreError, OutputError

__all__ = ["Api"]

_lock = threading.Lock()
_exists = False


class Api:
    """A script's run: its inputs, options and outputs.

    There is one per script, and it works in the process that made it. As a context manager it commits at the end of
    the block, and an exception fails the run. Worker processes that import the script again, as those that
    ``multiprocessing`` spawns do, may make one too: whatever they ask of it is a ``LongshoreError``.

    A script that is started by hand can have a dry run: the environment variable ``LONGSHORE_DRY_RUN`` names a folder
    with its inputs (``0.parquet``, ``sales.arrow``, ...) and ``options.json``, and its outputs go there.

    Raises:
        NotInRunError: if the script was not started by longshore.
        LongshoreError: if there is an Api already.
    """

    def __init__(self) -> None:
        global _exists
        self._options: Mapping[str, Any] | None = None
        self._unknown: set[str] = set()
        self._is_here = not _stand_in.is_worker()
        if not self._is_here:
            self._client: Client = cast(Client, _stand_in.StandIn())
            return
        with _lock:
            if _exists:
                raise LongshoreError("there is an Api already: a script makes one, and passes it on")
            self._client = Client(os.environ.get("LONGSHORE_SOCKET"), os.environ.get("LONGSHORE_DRY_RUN") or None)
            _exists = True
        os.register_at_fork(after_in_child=self._leave)
        _report_uncaught(self)
        atexit.register(self._client.end)

    # Inputs

    def read_input_records(self, input_number: int | str = 0) -> Any:
        """A whole input as a ``pandas.DataFrame`` of numpy's types, or ``None`` if nothing is connected there.

        Its rows are those of the input, numbered from 0, its columns those of the input, in order and by their names.
        Numbers, booleans, naive timestamps and durations without nulls are not copied: their memory is shared, and
        private to the script once it writes. Reading again gives the same table, whatever was done to the first.

        =====================  =========================================================================================
        input                  column
        =====================  =========================================================================================
        integers               their dtype; with nulls ``float64`` with NaN, or ``Int64``/``UInt64`` and a warning where
                               ``float64`` would round one
        floats                 their dtype, NaN for null
        booleans               ``bool``; with nulls objects ``True``, ``False`` and ``None``
        text                   ``str`` with pandas 3, objects with pandas 2; dictionaries of text are ``category``
        dates                  ``datetime64[s]``
        times with a date      ``datetime64`` in their unit, with their zone
        times of day           objects ``datetime.time``; ``timedelta64`` and a warning where one is none, as 24:00
        durations              ``timedelta64`` in their unit
        decimals, binary,      objects ``decimal.Decimal``, ``bytes``, ``uuid.UUID``
        UUIDs
        lists                  objects: arrays of numpy where they hold numbers without nulls, else lists
        structs, maps          objects ``dict``, lists of (key, value)
        intervals, unions      objects ``pyarrow.MonthDayNano``, the value that each row holds
        =====================  =========================================================================================

        Args:
            input_number: which input: a position, from 0, or a name that the block declares.

        Raises:
            InputError: if there is no input of that name, the input cannot be read, or pandas has nothing that a value
                could be; it names the column, and the row, from 1.
            EndedError: after ``commit`` or ``close``.
        """
        return self.read_input(input_number, as_="pandas")

    def read_input(self, input_number: int | str = 0, as_: str = "arrow", dtypes: str = "numpy") -> Any:
        """A whole input in the form that ``as_`` names, or ``None`` if nothing is connected there.

        Args:
            input_number: which input: a position, from 0, or a name that the block declares.
            as_: ``"arrow"`` for a ``pyarrow.Table``, ``"polars"`` or ``"pandas"`` for a DataFrame, ``"batches"`` for
                an iterator of ``pyarrow.RecordBatch`` that keeps to a bounded amount of memory.
            dtypes: for ``"pandas"`` alone: ``"numpy"`` for the types of :meth:`read_input_records`, ``"nullable"`` for
                pandas' own with ``pandas.NA`` (``Int64``, ``Float64``, ``boolean``, ``string``), ``"arrow"`` for
                ``pandas.ArrowDtype`` of every column, which holds whatever Arrow does.

        Raises:
            TypeError: if the input is neither a whole number nor a name.
            ValueError: for another form or other dtypes, or a negative number.
            InputError: if there is no input of that name, the input cannot be read, or there is nothing in that form
                that a value could be; it names the column, and the row, from 1.
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
            data: a DataFrame or Series of pandas or polars, a pyarrow Table, anything with ``__arrow_c_stream__``, a
                dict of columns or a list of dicts. The levels of a pandas index that have a name are the first
                columns, the others are not written. Columns of Python objects get the type that their values have:
                lists and dicts are nested, values of several classes are text, and so are objects of other classes.
            output_number: position among the block's outputs, from 0, or an output's id.

        Raises:
            TypeError: if the data is no table.
            ValueError: for a negative number.
            OutputError: if there is no such output, the columns differ from those written before, or a value cannot be
                written without losing something; then it names the column, and the row, from 1.
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
        """Append a table to an output: :meth:`write_output_records` under its newer name."""
        self.write_output_records(data, output)

    # Streams

    def process_stream(self, fn: Callable[[Any], Any], dtypes: str = "numpy") -> None:
        """Transform the input chunk by chunk, in order, until it ends: for blocks with ``mode = "stream"``.

        Calls ``fn`` with each chunk as a ``pandas.DataFrame`` of at most the run's chunk size (65,536 rows unless
        asked otherwise), its index from 0, and appends what it returns to the output. An input without rows is one
        empty frame. The first table that is returned fixes names and types; later ones are converted where nothing
        is lost.

        Args:
            fn: takes a frame and returns a table of any number of rows, in any form that
                :meth:`write_output_records` takes.
            dtypes: which types the frames have, as for :meth:`read_input`. With ``"numpy"`` a column of integers is
                ``float64`` in the chunks where one is missing; with the others it is the same in each chunk.

        Raises:
            ValueError: for other dtypes.
            ModeError: if the block runs in the mode ``batch``, or the stream has passed already.
            TypeError: if ``fn`` cannot be called, or returns ``None`` or anything else that is no table.
            InputError: if the input cannot be read, or pandas has nothing that a value could be.
            OutputError: if what is returned cannot be written, or differs from what was returned before; it names the
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
        """All options by name, read-only. An option that is not set is ``None``, a boolean one ``False``."""
        if self._options is None:
            self._options = MappingProxyType(json.loads(self._client.options()))
        return self._options

    def get_option(self, name: str) -> Any:
        """The value of an option; ``None`` if it is not set. A name that the block does not have gives a warning."""
        options = self.options
        if name not in options and name not in self._unknown:
            self._unknown.add(name)
            known = ", ".join(options) or "none"
            warnings.warn(f"the block has no option {name!r} (it has: {known})", stacklevel=2)
        value = options.get(name)
        # The caller may change the list it gets, and the next one gets it as it was.
        return list(value) if isinstance(value, list) else value

    # Messages

    def update_message(self, text: str) -> None:
        """Show a message while the script runs. Of many in a short time only the last is shown."""
        # Scripts call it in every turn of a loop, so it does nothing that it need not.
        client = self._client if self._is_here else self._check_process()
        client.update_message(text if text.__class__ is str else str(text))

    def update_progress(self, fraction: float, text: str | None = None) -> None:
        """Show how far the script is.

        Args:
            fraction: from 0 to 1.
            text: what the script is doing.

        Raises:
            ValueError: if the fraction is no finite number.
        """
        self._check_process().update_progress(float(fraction), None if text is None else str(text))

    def error(self, message: str) -> None:
        """Show and log an error message. It ends nothing."""
        self._check_process().error(str(message))

    # The last word

    def commit(self, message: str | None = None) -> None:
        """End the run with success. The script goes on, but can read and write no more."""
        self._conclude("commit", message)

    def close(self, message: str | None = None) -> None:
        """End the run with success: :meth:`commit` under its older name."""
        self._conclude("close", message)

    def cancel(self, message: str | None = None) -> None:
        """End the run as cancelled: its outputs are discarded. The script goes on."""
        self._conclude("cancel", message)

    def abort(self, message: str | None = None) -> NoReturn:
        """Fail the run with a message, and end the script.

        Raises:
            SystemExit: always, so that ``except Exception`` does not keep the script going.
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

    def _leave(self) -> None:
        """A forked process shares the connection, and would talk over it."""
        self._is_here = False

    def _check_process(self) -> Client:
        if not self._is_here:
            if isinstance(self._client, _stand_in.StandIn):
                _stand_in.refuse()
            raise LongshoreError(_stand_in.WORDS)
        return self._client


def _report_uncaught(api: Api) -> None:
    """Tell the host of an exception that ends the script, then do what would have been done."""
    previous: Callable[..., Any] = sys.excepthook

    def report(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if api._is_here:
            text = str(error)
            summary = f"{kind.__name__}: {text}" if text else kind.__name__
            # Where the host is gone, the traceback is all that is left to give.
            with contextlib.suppress(LongshoreError):
                api._client.uncaught(summary)
        previous(kind, error, traceback)

    sys.excepthook = report
