"""The end of a function's block, copied into its script: inputs and options in, what the function returns out.

It stands alone: a container may have an older version of this package. ``_functions`` reads its source.
"""

from __future__ import annotations

from typing import Any, Callable


def longshore_main(
    function: Callable[..., Any], inputs: dict[str, str], positional: list[str], encoded: list[str], outputs: list[str]
) -> None:
    """Call a function with a block's inputs and options, and write what it returns."""
    import json
    import sys

    from longshore.api import Api

    previous = sys.excepthook

    def show(kind: Any, error: BaseException, traceback: Any) -> None:
        # Tracebacks begin with the function.
        inner = traceback
        while inner is not None and inner.tb_frame.f_code.co_name in ("<module>", "longshore_main"):
            inner = inner.tb_next
        previous(kind, error.with_traceback(inner or traceback), inner or traceback)

    sys.excepthook = show
    api = Api()
    values: dict[str, Any] = {name: api.read_input(name, as_=form) for name, form in inputs.items()}
    for name, value in api.options.items():
        values[name] = json.loads(value) if name in encoded else value
    returned = function(*[values.pop(name) for name in positional], **values)
    tables: dict[Any, Any] = {0: returned}
    if returned is None:
        tables = {}
    elif isinstance(returned, tuple):
        tables = dict(enumerate(returned))
    elif isinstance(returned, dict) and returned and all(hasattr(value, "columns") for value in returned.values()):
        tables = returned
        unknown = [name for name in tables if name not in outputs]
        if unknown:
            names = ", ".join(repr(str(name)) for name in tables)
            raise TypeError(
                f"the function returned tables by name: name them, as in @longshore.block(outputs=[{names}])"
            )
    for output, table in tables.items():
        if table is not None:
            try:
                api.write_output(table, output)
            except TypeError as error:
                raise TypeError(f"the function returned no table: {error}") from None
    api.commit()
