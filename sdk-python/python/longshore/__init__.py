"""Inputs, options and outputs for scripts that Longshore runs, and runs for programs and notebooks.

Scripts import the class from ``longshore.api``::

    from longshore.api import Api

    api = Api()
    api.write_output_records(api.read_input_records())
    api.close()

Programs and notebooks run blocks through the host that ``longshore serve`` starts::

    import longshore

    result = longshore.run("blocks/clusters", table, clusters=3)
    result["clustered"].to_pandas()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longshore._longshore import (
    EndedError,
    InputError,
    LongshoreError,
    ModeError,
    NotInRunError,
    OutputError,
    ServerError,
    __version__,
)
from longshore.api import Api

if TYPE_CHECKING:
    from longshore._chains import Step, chain, step, submit_chain
    from longshore._functions import FunctionBlock, block
    from longshore._results import ChainResult, RequestError, Result, RunError, Table
    from longshore._runs import Events, Run, run, submit
    from longshore._submissions import TablePath, path

# What callers use is imported with its first use: scripts, which start often, need none of it.
_OF_CALLERS = {
    "ChainResult": "_results",
    "Events": "_runs",
    "FunctionBlock": "_functions",
    "RequestError": "_results",
    "Result": "_results",
    "Run": "_runs",
    "RunError": "_results",
    "Step": "_chains",
    "Table": "_results",
    "TablePath": "_submissions",
    "block": "_functions",
    "chain": "_chains",
    "path": "_submissions",
    "run": "_runs",
    "step": "_chains",
    "submit": "_runs",
    "submit_chain": "_chains",
}

__all__ = [
    "Api",
    "ChainResult",
    "EndedError",
    "Events",
    "FunctionBlock",
    "InputError",
    "LongshoreError",
    "ModeError",
    "NotInRunError",
    "OutputError",
    "RequestError",
    "Result",
    "Run",
    "RunError",
    "ServerError",
    "Step",
    "Table",
    "TablePath",
    "__version__",
    "block",
    "chain",
    "path",
    "run",
    "step",
    "submit",
    "submit_chain",
]


def __getattr__(name: str) -> Any:
    if name not in _OF_CALLERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    found = getattr(importlib.import_module(f"{__name__}.{_OF_CALLERS[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
