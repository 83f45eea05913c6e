"""Runs a snippet: a script that finds its inputs in variables, and leaves its outputs in others.

The host starts it as ``python -m longshore.snippet SCRIPT [INPUT ...]``, with the numbers of the inputs that something
is connected to. The first of them is ``input_data``, the second ``input_data_2``, and so on; one without a connection
is no variable at all. ``pandas`` is imported. Whatever stands in ``output_data``, ``output_data_2`` and so on at the
end is written. Everything else is as for a script: its name, its file, its arguments, its traceback.
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


def main(script: str, inputs: list[int]) -> None:
    """Run a snippet with the inputs of these numbers, counted from 0."""
    _show_only(script)
    api = Api()
    module = _module(script)
    variables = module.__dict__
    for number in inputs:
        variables[_name("input_data", number)] = api.read_input_records(number)
    code = compile(Path(script).read_bytes(), script, "exec", dont_inherit=True)
    try:
        exec(code, variables)
    except SystemExit as exit_:
        # An early end with success is an end.
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
    """The output variables that are set, and the outputs that they stand for."""
    found = []
    for name, value in variables.items():
        match = _OUTPUT.fullmatch(name)
        if match and value is not None and match[1] != "1":
            found.append((int(match[1] or 1) - 1, name))
    return found


def _name(start: str, number: int) -> str:
    return start if number == 0 else f"{start}_{number + 1}"


def _module(script: str) -> ModuleType:
    """The module that the snippet runs in: ``__main__``, as for a script."""
    import pandas

    module = ModuleType("__main__")
    module.__file__ = script
    module.__dict__.update(__builtins__=__builtins__, pandas=pandas)
    sys.modules["__main__"] = module
    sys.argv = [script]
    sys.path[0] = str(Path(script).parent)
    return module


def _show_only(script: str) -> None:
    """Let tracebacks begin in the snippet's own code: what runs it is no business of its author."""
    previous = sys.excepthook

    def show(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        while traceback is not None and traceback.tb_frame.f_code.co_filename != script:
            traceback = traceback.tb_next
        previous(kind, error.with_traceback(traceback), traceback)

    sys.excepthook = show


if __name__ == "__main__":
    main(sys.argv[1], [int(number) for number in sys.argv[2:]])
