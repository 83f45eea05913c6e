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
import os
import sys
import threading
import warnings
from collections.abc import Mapping
from types import MappingProxyType, TracebackType
from typing import Any, Callable, NoReturn

from longshore import _frames, _tables
from longshore._longshore import Client, LongshoreError, OutputError

__all__ = ["Api"]

_lock = threading.Lock()
_exists = False


class Api:
    """A script's run: its inputs, options and outputs.

    There is one per script, and it works in the process that made it. As a context manager it commits at the end of
    the block, and an exception fails the run.

    A script that is started by hand can have a dry run: the environment variable ``LONGSHORE_DRY_RUN`` names a folder
    with its inputs (``0.parquet``, ``1.arrow``, ...) and ``options.json``, and its outputs go there.

    Raises:
        NotInRunError: if the script was not started by longshore.
        LongshoreError: if there is an Api already.
    """

    def __init__(self) -> None:
        global _exists
        with _lock:
            if _exists:
                raise LongshoreError("there is an Api already: a script makes one, and passes it on")
            self._client = Client(os.environ.get("LONGSHORE_SOCKET"), os.environ.get("LONGSHORE_DRY_RUN") or None)
            _exists = True
        self._is_here = True
        os.register_at_fork(after_in_child=self._leave)
        self._options: Mapping[str, Any] = MappingProxyType(json.loads(self._client.options()))
        self._unknown: set[str] = set()
        _report_uncaught(self)
        atexit.register(self._client.end)

    # Inputs

    def read_input_records(self, input_number: int = 0) -> Any:
        """A whole input as a ``pandas.DataFrame``, or ``None`` if nothing is connected there.

        Numbers, booleans and timestamps without nulls are not copied: their memory is shared, and private to the
        script once it writes. Reading again gives the same table, whatever was done to the first.

        Args:
            input_number: which input, from 0.

        Raises:
            InputError: if the input cannot be read.
            EndedError: after ``commit`` or ``close``.
        """
        return self.read_input(input_number, as_="pandas")

    def read_input(self, input_number: int = 0, as_: str = "arrow") -> Any:
        """A whole input in the form that ``as_`` names, or ``None`` if nothing is connected there.

        Args:
            input_number: which input, from 0.
            as_: ``"arrow"`` for a ``pyarrow.Table``, ``"polars"`` or ``"pandas"`` for a DataFrame, ``"batches"`` for
                an iterator of ``pyarrow.RecordBatch`` that keeps to a bounded amount of memory.

        Raises:
            ValueError: for another form, or a negative number.
            InputError: if the input cannot be read.
            EndedError: after ``commit`` or ``close``.
        """
        client = self._check_process()
        if as_ not in ("arrow", "polars", "pandas", "batches"):
            raise ValueError(f"as_ must be 'arrow', 'polars', 'pandas' or 'batches', not {as_!r}")
        if input_number < 0:
            raise ValueError(f"inputs are numbered from 0, not {input_number}")
        if as_ == "batches":
            return client.read_batches(input_number)
        table = client.read_input(input_number)
        if table is None:
            return None
        if as_ == "pandas":
            return _frames.to_pandas(table)
        if as_ == "polars":
            import polars

            return polars.DataFrame(table)
        return table.to_pyarrow()

    # Outputs

    def write_output_records(self, data: Any, output_number: int | str = 0) -> None:
        """Append a table to an output.

        Args:
            data: a DataFrame of pandas (its index is ignored) or polars, a pyarrow Table, anything with
                ``__arrow_c_stream__``, a dict of columns or a list of dicts.
            output_number: position among the block's outputs, from 0, or an output's id.

        Raises:
            TypeError: if the data is no table.
            OutputError: if there is no such output, or the columns differ from those written before.
            EndedError: after ``commit`` or ``close``.
        """
        client = self._check_process()
        if isinstance(output_number, int) and output_number < 0:
            raise ValueError(f"outputs are numbered from 0, not {output_number}")
        client.write_output(output_number, _tables.to_stream(data))

    def write_output(self, data: Any, output: int | str = 0) -> None:
        """Append a table to an output: :meth:`write_output_records` under its newer name."""
        self.write_output_records(data, output)

    # Streams

    def process_stream(self, fn: Callable[[Any], Any]) -> None:
        """Transform the input chunk by chunk, in order, until it ends: for blocks with ``mode = "stream"``.

        Calls ``fn`` with each chunk as a ``pandas.DataFrame`` of at most the run's chunk size (65,536 rows unless
        asked otherwise), its index from 0, and appends what it returns to the output. An input without rows is one
        empty frame. The first table that is returned fixes names and types; later ones are converted where nothing
        is lost.

        Args:
            fn: takes a frame and returns a table of any number of rows, in any form that
                :meth:`write_output_records` takes.

        Raises:
            ModeError: if the block runs in the mode ``batch``, or the stream has passed already.
            TypeError: if ``fn`` cannot be called, or returns ``None`` or anything else that is no table.
            InputError: if the input cannot be read.
            OutputError: if what is returned differs from what was returned before; it names the chunk, from 1.
            EndedError: after ``commit`` or ``close``.
        """
        client = self._check_process()
        if not callable(fn):
            raise TypeError(f"process_stream takes a function, not {type(fn).__name__}")
        for number, chunk in enumerate(client.chunks(), 1):
            made = fn(_frames.to_pandas(chunk))
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
        return self._options

    def get_option(self, name: str) -> Any:
        """The value of an option; ``None`` if it is not set. A name that the block does not have gives a warning."""
        if name not in self._options and name not in self._unknown:
            self._unknown.add(name)
            known = ", ".join(self._options) or "none"
            warnings.warn(f"the block has no option {name!r} (it has: {known})", stacklevel=2)
        value = self._options.get(name)
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
        return f"<longshore Api of {self.block_name!r}, run {self.run_id}>"

    def _conclude(self, word: str, message: str | None) -> None:
        self._check_process().conclude(word, None if message is None else str(message))

    def _leave(self) -> None:
        """A forked process shares the connection, and would talk over it."""
        self._is_here = False

    def _check_process(self) -> Client:
        if not self._is_here:
            raise LongshoreError("an Api works only in the process that made it: return results there, and write them")
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
