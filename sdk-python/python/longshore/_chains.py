"""Chains of blocks that a program asks a resident host for: steps, and the tables that pass between them.

``_submissions`` makes what is sent for each step; a chain that goes on is a :class:`longshore.Run`.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Mapping, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any, Callable, cast

from longshore import _runs, _submissions
from longshore._longshore import Caller

if TYPE_CHECKING:
    from longshore._functions import FunctionBlock
    from longshore._results import ChainResult
    from longshore._runs import Run

    PathLike = str | os.PathLike[str]

# What a step has for itself alone.
_OF_ONE = {"block", "tables", "name", "inputs", "options", "outputs", "more_options"}


class Step:
    """A step of a chain: see :func:`step`."""

    def __init__(self, block: Any, tables: tuple[Any, ...], name: str | None, **given: Any) -> None:
        self.block = block
        self.tables = tables
        self.name = name
        self._given = given

    def sent(self, settings: Mapping[str, Any], connected: Sequence[int | str]) -> _submissions.Sent:
        """What is sent for it, where all steps have these settings, and these inputs get tables of other steps."""
        given = {**settings, **self._given}
        inputs, options, outputs = given.pop("inputs", None), given.pop("options", None), given.pop("outputs", None)
        amounts = [given.pop(key, None) for key in ("memory", "cpus", "timeout", "pids")]
        sent = _submissions.submission(self.block, self.tables, inputs or {}, options or {}, outputs, connected)
        sent.submission.update(_submissions.settings(**given, limits=_submissions.limits(*amounts)))
        sent.submission = {key: value for key, value in sent.submission.items() if value is not None}
        return sent

    def __repr__(self) -> str:
        return f"longshore.step({self.name or self.block!r})"


def step(
    block: PathLike | FunctionBlock | Callable[..., Any],
    *tables: Any,
    name: str | None = None,
    inputs: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    outputs: PathLike | Sequence[PathLike] | Mapping[int | str, PathLike] | None = None,
    arguments: Sequence[str] | None = None,
    environment: Mapping[str, str] | None = None,
    engine: str | None = None,
    image: str | None = None,
    network: str | None = None,
    mounts: Sequence[PathLike] | None = None,
    memory: int | str | None = None,
    cpus: float | None = None,
    pids: int | None = None,
    timeout: float | None = None,
    as_of: str | None = None,
    constraints: Sequence[str] | None = None,
    bad_rows: str | None = None,
    allowed: Sequence[PathLike] | None = None,
    **more_options: Any,
) -> Step:
    """A step of a chain, with tables and options of its own: see :func:`chain`.

    Args:
        block: the path of a block's folder or of a script, or a Python function.
        tables: the inputs that come from outside of the chain, in order; ``None`` leaves one out, such as one that
            another step's table passes to.
        name: its name, by which connections and results call it; by default that of its block.
        inputs: further inputs, by their declared names.
        options: values of options whose names this function has itself; all others are given by name.
        outputs: files to write outputs to. Outputs that pass to other steps have none, all others come back.
        arguments: the script's arguments.
        environment: the script's environment variables.
        engine: ``"docker"``, or ``"process"`` if the host allows it.
        image: the image to run in.
        network: the network; none if it is left out.
        mounts: files and folders that the script sees at their own paths.
        memory: the most memory, in bytes or such as ``"2g"``.
        cpus: the most processors.
        pids: the most processes and threads.
        timeout: the most seconds for the script; 0 for no limit.
        as_of: the day as of which packages are chosen.
        constraints: constraints on the versions of packages.
        bad_rows: what happens to invalid rows of text inputs.
        allowed: folders that mounts and files of options must be below.
        more_options: values of the block's options.
    """
    given = {
        "inputs": inputs,
        "options": {**(options or {}), **more_options},
        "outputs": outputs,
        "arguments": arguments,
        "environment": environment,
        "engine": engine,
        "image": image,
        "network": network,
        "mounts": mounts,
        "memory": memory,
        "cpus": cpus,
        "pids": pids,
        "timeout": timeout,
        "as_of": as_of,
        "constraints": constraints,
        "bad_rows": bad_rows,
        "allowed": allowed,
    }
    return Step(block, tables, name, **{key: value for key, value in given.items() if value is not None})


def submit_chain(
    steps: Sequence[Step | PathLike | FunctionBlock | Callable[..., Any]],
    connect: Sequence[str] | None = None,
    *,
    socket: PathLike | None = None,
    **settings: Any,
) -> Run:
    """Start a chain, and return while it goes on: :func:`chain`, whose arguments it has, without the wait.

    Raises:
        ServerError: if no host listens, it belongs to another user, or it is of a version without chains.
        RequestError: if a function cannot be sent along. What the host refuses, the run raises.
        TypeError, ValueError: for connections, tables and values that cannot be sent.
    """
    if isinstance(steps, (str, os.PathLike)) or isinstance(connect, str):
        raise TypeError("steps and connect are lists")
    common = inspect.signature(step).parameters.keys() - _OF_ONE
    unknown = [name for name in settings if name not in common]
    if unknown:
        raise TypeError(f"{unknown[0]!r} is nothing that all steps have (they have: {', '.join(sorted(common))})")
    parts = _named([part if isinstance(part, Step) else Step(part, (), None) for part in steps])
    linear = range(1, len(parts)) if connect is None else ()
    connections: list[dict[str, Any]] = [{"from": at - 1, "output": 0, "to": at, "input": 0} for at in linear]
    connections += [_connection(text) for text in connect or ()]
    sent = []
    for at, part in enumerate(parts):
        connected = [end["input"] for end in connections if end["to"] in (at, part.name)]
        sent.append(part.sent(settings, connected))
    runs = [{"name": part.name, "run": one.submission} for part, one in zip(parts, sent)]
    chain = {
        "steps": [{key: value for key, value in run.items() if value is not None} for run in runs],
        "connections": connections,
    }
    files = [(at, *file) for at, one in enumerate(sent) for file in one.files]
    tables = [(at, *table) for at, one in enumerate(sent) for table in one.tables]
    return _runs.Run(Caller(_runs.socket_of(socket)).submit_chain(json.dumps(chain), files, tables))


def chain(
    steps: Sequence[Step | PathLike | FunctionBlock | Callable[..., Any]],
    connect: Sequence[str] | None = None,
    *,
    quiet: bool = False,
    socket: PathLike | None = None,
    **settings: Any,
) -> ChainResult:
    """Run blocks whose tables pass from one to the next in memory, each in a container of its own.

    Nothing is returned or written unless all steps succeed. ``result["total"]`` and ``result[0]`` are outputs of the
    last step, ``result.steps["clean"]`` has those of another one. What scripts print is printed as it comes. Ctrl-C
    cancels the chain.

    Args:
        steps: blocks as :func:`run` takes them, or what :func:`step` makes of them. The first output of each passes to
            the first input of the next.
        connect: the connections instead, such as ``["split:0=left", "split:1=right", "left=join:0"]``: a step with a
            number or id of an output, and a step with a number or name of an input; both are 0 if they are left out.
        quiet: whether to show nothing.
        socket: the host's socket, as of :func:`run`.
        settings: arguments of :func:`step` for all steps, such as ``engine`` and ``memory``; those of a step itself
            precede.

    Raises:
        RunError: if a step does not succeed; with its traceback.
        RequestError: if the chain cannot be run, such as one with a cycle.
        ServerError: if no host listens, it ends before the run, or it is of a version without chains.
    """
    started = submit_chain(steps, connect, socket=socket, **settings)
    return cast("ChainResult", _runs.followed(started, quiet))


def _named(steps: list[Step]) -> list[Step]:
    """The steps, where functions are called by their names: the files that are sent for them are all called alike."""
    from longshore import _functions

    taken = {part.name for part in steps}
    named = []
    for part in steps:
        name = part.name
        if name is None and isinstance(part.block, (FunctionType, _functions.FunctionBlock)):
            own = part.block.__name__ if isinstance(part.block, FunctionType) else part.block.name
            free = (own if number == 1 else f"{own}-{number}" for number in range(1, len(steps) + 2))
            name = next(candidate for candidate in free if candidate not in taken)
            taken.add(name)
        named.append(Step(part.block, part.tables, name, **part._given))
    return named


def _connection(text: str) -> dict[str, int | str]:
    """Reads ``STEP[:OUTPUT]=STEP[:INPUT]``."""
    if not isinstance(text, str) or text.count("=") != 1:
        raise ValueError(f"a connection is a text STEP[:OUTPUT]=STEP[:INPUT], not {text!r}")
    (source, output), (target, input_) = (_end(part) for part in text.split("="))
    return {"from": source, "output": output, "to": target, "input": input_}


def _end(text: str) -> tuple[str, int | str]:
    name, _, place = text.strip().partition(":")
    if not place:
        return name, 0
    return name, int(place) if place.isascii() and place.isdigit() else place
