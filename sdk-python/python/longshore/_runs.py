"""Runs that a program asks a resident host for, the one that ``longshore serve`` starts.

Each run has a connection and a thread of its own. ``_submissions`` makes what is sent, ``_results`` what comes back,
``_showing`` shows what happens.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import inspect
import json
import os
import threading
from collections.abc import AsyncIterator, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from longshore import _results, _showing, _submissions
from longshore._longshore import Called, Caller, usual_socket
from longshore._longshore import Table as _Table
from longshore._results import Result
from longshore._story import Story

if TYPE_CHECKING:
    from longshore._functions import FunctionBlock

    PathLike = str | os.PathLike[str]

# How long a cancelled run may take to end before the interrupt is raised: the host's own deadlines are shorter.
_PATIENCE = 60.0


def submit(
    block: PathLike | FunctionBlock | Callable[..., Any],
    *tables: Any,
    inputs: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    outputs: PathLike | Sequence[PathLike] | Mapping[int | str, PathLike] | None = None,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    engine: str | None = None,
    image: str | None = None,
    network: str | None = None,
    mounts: Sequence[PathLike] = (),
    memory: int | str | None = None,
    cpus: float | None = None,
    pids: int | None = None,
    timeout: float | None = None,
    as_of: str | None = None,
    constraints: Sequence[str] = (),
    chunk_rows: int | None = None,
    bad_rows: str | None = None,
    partition: str | None = None,
    jobs: int | None = None,
    keep_going: bool = False,
    allowed: Sequence[PathLike] = (),
    keep: PathLike | None = None,
    hashes: bool = False,
    socket: PathLike | None = None,
    **more_options: Any,
) -> Run:
    """Start a run of a block, and return while it goes on.

    Args:
        block: the path of a block's folder or of a script, or a Python function, see :func:`longshore.block`.
        tables: the inputs, in order: tables as :meth:`longshore.api.Api.write_output_records` accepts them, or paths of
            files, with their options as :func:`longshore.path`; ``None`` leaves one out.
        inputs: further inputs, by their declared names.
        options: values of options whose names this function has itself; all others are given by name.
        outputs: files to write outputs to: one, several in order, or by number or id. All other outputs come back as
            tables in memory.
        arguments: the script's arguments.
        environment: the script's environment variables.
        engine: ``"docker"``, or ``"process"`` if the host allows it.
        image: the image to run in.
        network: the network; none if it is left out.
        mounts: files and folders that the script sees at their own paths: ``"/data"``; ``"/data:rw"`` to write.
        memory: the most memory, in bytes or such as ``"2g"``.
        cpus: the most processors.
        pids: the most processes and threads.
        timeout: the most seconds for the script; 0 for no limit.
        as_of: the day as of which packages are chosen.
        constraints: constraints on the versions of packages.
        chunk_rows: rows of a chunk, if the block transforms a stream.
        bad_rows: what happens to invalid rows of text inputs: ``"fail"``, ``"skip"`` or ``"keep"``.
        partition: a field: the block runs once for each of its values, and what the parts return is put together.
        jobs: parts that run at a time; by default one for each processor.
        keep_going: whether the others go on when a part fails.
        allowed: folders that mounts and files of options must be below.
        keep: a new folder to copy the script's working folder to.
        hashes: whether the record has hashes of code, data and environment.
        socket: the host's socket; by default ``LONGSHORE_RUNS_SERVER``, or where ``longshore serve`` listens.
        more_options: values of the block's options.

    Raises:
        ServerError: if no host listens, or it belongs to another user.
        RequestError: if a function cannot be sent along. What the host refuses, the run raises.
        TypeError, ValueError: for tables and values that cannot be sent.
    """
    caller = Caller(socket_of(socket))
    given = {**(options or {}), **more_options}
    sent = _submissions.submission(block, tables, inputs or {}, given, outputs)
    sent.submission.update(
        _submissions.settings(
            arguments=arguments,
            environment=environment,
            engine=engine,
            image=image,
            network=network,
            mounts=mounts,
            allowed=allowed,
            keep=keep,
            as_of=as_of,
            constraints=constraints,
            limits=_submissions.limits(memory, cpus, timeout, pids),
            chunk_rows=chunk_rows,
            bad_rows=bad_rows,
            partition=partition,
            jobs=jobs,
            keep_going=keep_going,
            hashes=hashes,
        )
    )
    filled = {key: value for key, value in sent.submission.items() if value is not None}
    return Run(caller.submit(json.dumps(filled), sent.files, sent.tables))


def run(block: Any, *tables: Any, quiet: bool = False, **keywords: Any) -> Result:
    """Run a block to its end: :func:`submit`, whose arguments it has, and the wait for its result.

    What the script prints is printed as it comes. In a terminal or notebook its progress is shown, with a bar if the
    package tqdm is installed. Ctrl-C cancels the run.

    Args:
        block: the path of a block's folder or of a script, or a Python function.
        tables: the inputs, in order.
        quiet: whether to show nothing.
        keywords: as those of :func:`submit`.

    Raises:
        RunError: if the run does not succeed; with the script's traceback.
        RequestError: if the run cannot be made.
        ServerError: if no host listens, or it ends before the run.
    """
    return followed(submit(block, *tables, **keywords), quiet)


def followed(started: Run, quiet: bool) -> Result:
    """Show what happens in a run, and wait for its result."""
    try:
        if not quiet:
            with _showing.Showing() as showing:
                for event in started.events():
                    showing.show(event)
        started._wait(None)
    except BaseException as error:
        started._stop(isinstance(error, KeyboardInterrupt))
        if isinstance(error, KeyboardInterrupt) and not started.done():
            raise KeyboardInterrupt("the host does not answer: the outcome of the run is unknown") from None
        raise
    return started.result()


def _with_all_keywords() -> inspect.Signature:
    own = inspect.signature(submit)
    quiet = inspect.signature(run).parameters["quiet"]
    parameters = list(own.parameters.values())
    return own.replace(parameters=[*parameters[:-1], quiet, parameters[-1]], return_annotation="Result")


run.__signature__ = _with_all_keywords()  # type: ignore[attr-defined]


class Run:
    """A run that goes on. ``await run`` waits for its result too, without blocking other coroutines.

    The run ends with its process: a program that exits, or is killed, cancels it.
    """

    def __init__(self, called: Called) -> None:
        self._called = called
        self._story = Story()
        self._future: concurrent.futures.Future[Result] = concurrent.futures.Future()
        self._run_id: str | None = None
        # The interpreter does not wait for it.
        threading.Thread(target=self._follow, name="longshore run", daemon=True).start()

    @property
    def run_id(self) -> str | None:
        """The run's id; ``None`` until the host has begun it."""
        return self._run_id

    @property
    def log(self) -> str:
        """What the script has printed so far."""
        return self._story.log()

    def done(self) -> bool:
        """Whether the run has ended."""
        return self._future.done()

    def result(self, timeout: float | None = None) -> Result:
        """Wait for the run's end.

        Args:
            timeout: the most seconds to wait.

        Raises:
            TimeoutError: if the run has not ended in that time. It goes on.
            RunError, RequestError, ServerError: as :func:`run`.
        """
        try:
            return self._future.result(timeout)
        except concurrent.futures.TimeoutError:
            if self._future.done():
                raise
            raise TimeoutError(f"the run has not ended within {timeout} seconds") from None

    def cancel(self) -> None:
        """Ask the script to end; after the host's deadlines it is killed. The result is then a ``RunError``."""
        if not self.done():
            self._called.cancel()

    def kill(self) -> None:
        """Kill the script at once."""
        if not self.done():
            self._called.kill()

    def events(self) -> Events:
        """What happens in the run, from its beginning to its end: an iterator of dicts, also for ``async for``.

        The key ``event`` names the kind, as ``longshore run --events`` writes them; ``log`` has the keys ``source``
        (``stdout`` or ``stderr``) and ``text``. Each call returns a new iterator.
        """
        return Events(self._story)

    def __await__(self) -> Generator[Any, None, Result]:
        # A coroutine that is cancelled does not cancel the run: others may wait for it.
        return asyncio.shield(asyncio.wrap_future(self._future)).__await__()

    def __repr__(self) -> str:
        return f"<longshore Run {self._run_id or ''}, {'ended' if self.done() else 'going on'}>"

    def _wait(self, timeout: float | None) -> None:
        concurrent.futures.wait([self._future], timeout)

    def _stop(self, waits: bool) -> None:
        """End a run that nobody waits for any more. A second interrupt kills it, a third one leaves it."""
        with contextlib.suppress(Exception):
            self.cancel()
        try:
            if waits:
                self._wait(_PATIENCE)
        except KeyboardInterrupt:
            with contextlib.suppress(Exception, KeyboardInterrupt):
                self.kill()
                self._wait(_PATIENCE)

    def _follow(self) -> None:
        tables: dict[tuple[int, int], _Table] = {}
        try:
            while (happened := self._called.next()) is not None:
                kind, value = happened
                if kind == "log":
                    self._story.add_log(*value)
                elif kind == "other":
                    step, number, table = value
                    tables[step, number] = table
                elif kind == "event":
                    self._hear(json.loads(value))
                elif kind == "rejected":
                    raise _results.rejected(value)
                elif kind == "record":
                    self._conclude(json.loads(value), tables)
        except BaseException as error:
            self._story.end()
            self._future.set_exception(error)

    def _hear(self, event: dict[str, Any]) -> None:
        if event.get("event") == "begun":
            self._run_id = event["run_id"]
        if event:
            self._story.add(event)

    def _conclude(self, record: dict[str, Any], tables: dict[tuple[int, int], _Table]) -> None:
        self._story.end()
        log = self._story.log()
        if record["outcome"] != "succeeded":
            self._future.set_exception(_results.RunError(record, log, self._story.log("stderr")))
            return
        found = {place: _results.Table(table) for place, table in tables.items()}
        self._future.set_result(_results.result(record, log, found))


class Events(Iterator[dict[str, Any]], AsyncIterator[dict[str, Any]]):
    """The events of a run, from the first, for one reader."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._position = 0

    def __iter__(self) -> Events:
        return self

    def __next__(self) -> dict[str, Any]:
        found = self._take(self._story.read(self._position))
        if found is None:
            raise StopIteration
        return found

    def __aiter__(self) -> Events:
        return self

    async def __anext__(self) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        while True:
            woken = loop.create_future()
            is_there, found = self._story.read_or(self._position, _waker(loop, woken))
            if is_there:
                event = self._take(found)
                if event is None:
                    raise StopAsyncIteration
                return event
            await woken

    def _take(self, found: tuple[int, dict[str, Any] | None] | None) -> dict[str, Any] | None:
        if found is None:
            return None
        self._position, event = found
        return event


def _waker(loop: asyncio.AbstractEventLoop, future: asyncio.Future[None]) -> Callable[[], None]:
    def set_result() -> None:
        if not future.done():
            future.set_result(None)

    def wake() -> None:
        # A loop that was closed waits for nothing.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(set_result)

    return wake


def socket_of(given: PathLike | None) -> str:
    """The socket of the host that is asked."""
    if given is not None:
        return os.path.abspath(os.fspath(given))  # noqa: PTH100
    named = os.environ.get("LONGSHORE_RUNS_SERVER", "")
    if named not in ("", "auto", "none"):
        return named
    folders = [os.environ.get(name) or None for name in ("XDG_RUNTIME_DIR", "TMPDIR")]
    return str(Path(usual_socket(*folders)))
