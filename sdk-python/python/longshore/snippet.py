"""Runs a snippet: a script that has its inputs and outputs in variables.

The host starts it as ``python -m longshore.snippet SCRIPT [INPUT ...] [-- ARGUMENT ...]``, with the numbers of the
connected inputs and the snippet's arguments. The first input is ``input_data``, the second ``input_data_2``, and so on;
an input without a connection has no variable. ``pandas`` is imported. The values of ``output_data``, ``output_data_2``
and so on at the end are written. Name, file, arguments and tracebacks are the same as in a script.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from longshore.api import Api

__all__ = ["main"]

_OUTPUT = re.compile(r"output_data(?:_([1-9][0-9]*))?")


def main(script: str, inputs: list[int], arguments: list[str]) -> None:
    """Run a snippet with these connected inputs, numbered from 0."""
    _show_only(script)
    api = Api()
    module = _module(script, arguments)
    variables = module.__dict__
    for number in inputs:
        variables[_name("input_data", number)] = api.read_input_records(number)
    code = compile(Path(script).read_bytes(), script, "exec", dont_inherit=True)
    try:
        exec(code, variables)
    except SystemExit as exit_:
        # A successful early exit writes the outputs too.
        if exit_.code in (None, 0):
            _write(api, variables)
        raise
    _write(api, variables)


def _write(api: Api, variables: dict[str, Any]) -> None:
    for number, name in sorted(_outputs(variables)):
        try:
            api.write_output_records(variables[name], number)
        except TypeError as error:
            raise TypeError(f"{name}: {error}") from None
    api.commit()


def _outputs(variables: dict[str, Any]) -> list[tuple[int, str]]:
    """The output variables that are set, with the numbers of their outputs."""
    found = []
    for name, value in variables.items():
        match = _OUTPUT.fullmatch(name)
        if match and value is not None and match[1] != "1":
            found.append((int(match[1] or 1) - 1, name))
    return found


def _name(start: str, number: int) -> str:
    return start if number == 0 else f"{start}_{number + 1}"


def _module(script: str, arguments: list[str]) -> ModuleType:
    """The module that the snippet runs in: ``__main__``, as in a script."""
    import pandas

    module = ModuleType("__main__")
    module.__file__ = script
    module.__dict__.update(__builtins__=__builtins__, pandas=pandas)
    sys.modules["__main__"] = module
    sys.argv = [script, *arguments]
    sys.path[0] = str(Path(script).parent)
    return module


def _show_only(script: str) -> None:
    """Start tracebacks in the snippet's code, without the frames that run it."""
    previous = sys.excepthook

    def show(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        while traceback is not None and traceback.tb_frame.f_code.co_filename != script:
            traceback = traceback.tb_next
        previous(kind, error.with_traceback(traceback), traceback)

    sys.excepthook = show


if __name__ == "__main__":
    own, arguments = sys.argv[1:], []
    if "--" in own:
        end = own.index("--")
        own, arguments = own[:end], own[end + 1 :]
    main(own[0], [int(number) for number in own[1:]], arguments)
