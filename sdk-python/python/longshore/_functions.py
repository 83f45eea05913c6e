"""Python functions as blocks: their source, with what it uses, becomes a script with a manifest, anew for each run.

``_sources`` collects the source; ``_function_main`` is the script's end.
"""

from __future__ import annotations

import ast
import contextlib
import decimal
import functools
import inspect
import json
import math
import re
import typing
from collections.abc import Mapping, Sequence
from types import FunctionType
from typing import Any, Callable, overload

from longshore import _function_main
from longshore._results import RequestError
from longshore._sources import Collected

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")

# How an input is read, by the library of its parameter's annotation.
_FORMS = {"polars": "polars", "pyarrow": "arrow"}

# Integers that options and JSON represent alike.
_INTEGERS = range(-(2**53), 2**53 + 1)

# Decimal digits, and powers of ten, that a double represents exactly.
_DIGITS = 15
_EXPONENT = 22


@overload
def block(function: Callable[..., Any]) -> FunctionBlock: ...


@overload
def block(
    *,
    dependencies: Sequence[str] = (),
    outputs: Sequence[str] | None = None,
    python: str | None = None,
    image: str | None = None,
    name: str | None = None,
) -> Callable[[Callable[..., Any]], FunctionBlock]: ...


def block(
    function: Callable[..., Any] | None = None,
    *,
    dependencies: Sequence[str] = (),
    outputs: Sequence[str] | None = None,
    python: str | None = None,
    image: str | None = None,
    name: str | None = None,
) -> Any:
    """Make a function a block, which :func:`longshore.run` sends to its container by its source.

    Parameters without a default are inputs: they get a ``pandas.DataFrame``, or a ``polars.DataFrame`` or
    ``pyarrow.Table`` if they are annotated so. Keyword-only parameters, and those with a default, are options; one that
    is ``None`` by default and annotated as a table is an input that may be left out. What the function returns is the
    output: a table, a tuple of tables, or a dict of tables by their ids.

    Modules that the function uses are imported there too, constants and other functions of the program come along.
    Everything else from outside is refused: variables of a function around it, objects, classes and modules of the
    program. Called as a function, a block runs here.

    Args:
        function: the function, where the decorator has no arguments.
        dependencies: packages that it needs besides those of the image, as pip requirements.
        outputs: the ids of its outputs, in order; where all dicts that it returns are written out, those of their keys.
        python: the version of Python, such as ``"3.13"``.
        image: the image to run in.
        name: the block's name; that of the function if it is left out.

    Raises:
        RequestError: when it is run, if the function cannot go along; with the reason.
    """
    if function is None:
        return functools.partial(FunctionBlock, **_settings(dependencies, outputs, python, image, name))
    if not callable(function):
        raise TypeError("longshore.block decorates a function: its arguments are given by name")
    return FunctionBlock(function, **_settings(dependencies, outputs, python, image, name))


def _settings(
    dependencies: Sequence[str], outputs: Sequence[str] | None, python: str | None, image: str | None, name: str | None
) -> dict[str, Any]:
    if isinstance(dependencies, str) or isinstance(outputs, str):
        raise TypeError("dependencies and outputs of a block are lists")
    return {
        "dependencies": list(dependencies),
        "outputs": None if outputs is None else list(outputs),
        "python": python,
        "image": image,
        "name": name,
    }


class FunctionBlock:
    """A function that is a block. Called, it runs here; ``longshore.run`` runs it in a container."""

    def __init__(self, function: Callable[..., Any], **settings: Any) -> None:
        if not isinstance(function, FunctionType):
            kind = type(function).__name__
            raise TypeError(f"longshore.block decorates functions that are written in Python, not a {kind}")
        self._function = function
        self._settings = settings
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)

    @property
    def name(self) -> str:
        """The block's name."""
        return str(self._settings.get("name") or self._function.__name__)

    def files(self, given: Sequence[int | str], options: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
        """The block's files for a run with these inputs, by number or name, and the options as they are sent.

        Raises:
            RequestError: if the function cannot go along.
            TypeError: if inputs and options are not those of the function.
        """
        collected = Collected(lambda decorator: decorator is block, _function_of)
        tree = collected.add(self._function)
        parameters = _Parameters(self._function)
        parameters.check(given, options)
        kinds = {name: _kind(value) for name, value in options.items()}
        sent = {name: value if kinds[name] != "json" else json.dumps(value) for name, value in options.items()}
        encoded = [name for name, kind in kinds.items() if kind == "json"]
        outputs = self._outputs(tree)
        call = (self._function.__name__, parameters.inputs, parameters.positional, encoded, outputs or [])
        arguments = ", ".join([call[0], *map(repr, call[1:])])
        script = (
            "from __future__ import annotations\n\n"
            f"{collected.script()}\n\n{_main_source()}\n\n"
            f'if __name__ == "__main__":\n    longshore_main({arguments})\n'
        )
        return {"block.toml": self._manifest(parameters, kinds, outputs), "script.py": script}, sent

    def _outputs(self, tree: ast.FunctionDef) -> list[str] | None:
        outputs: list[str] | None = self._settings.get("outputs")
        return _returned_names(tree) if outputs is None else outputs

    def _manifest(self, parameters: _Parameters, kinds: Mapping[str, str], outputs: list[str] | None) -> str:
        lines = [f"name = {_toml(self.name)}", 'language = "python"', 'script = "script.py"']
        for key in ("python", "image"):
            if self._settings.get(key) is not None:
                lines.append(f"{key} = {_toml(str(self._settings[key]))}")
        dependencies = [_toml(str(dependency)) for dependency in self._settings.get("dependencies", [])]
        lines.append(f"dependencies = [{', '.join(dependencies)}]")
        if not parameters.inputs:
            lines.append("inputs = []")
        for name in parameters.inputs:
            mandatory = "true" if name in parameters.mandatory else "false"
            lines += ["", "[[inputs]]", f"name = {_toml(name)}", f"mandatory = {mandatory}"]
        for name, kind in kinds.items():
            lines += ["", "[[options]]", f"name = {_toml(name)}", f"kind = {_toml('text' if kind == 'json' else kind)}"]
        for name in outputs or []:
            lines += ["", "[[outputs]]", f"id = {_toml(name)}"]
        return "\n".join(lines) + "\n"

    def __repr__(self) -> str:
        return f"<longshore block of the function {self._function.__qualname__}>"


class _Parameters:
    """Which parameters of a function are inputs, each with its form, and which are options."""

    def __init__(self, function: FunctionType) -> None:
        self.name = function.__name__
        self.inputs: dict[str, str] = {}
        self.mandatory: list[str] = []
        self.positional: list[str] = []
        self.options: dict[str, bool] = {}
        try:
            types = typing.get_type_hints(function)
        except Exception:
            # Annotations may name what is imported for type checkers alone.
            types = {}
            with contextlib.suppress(NameError):
                types = dict(function.__annotations__)
        for name, parameter in inspect.signature(function).parameters.items():
            self._add(name, parameter, types.get(name))

    def _add(self, name: str, parameter: inspect.Parameter, annotation: Any) -> None:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise RequestError(
                [f"the function `{self.name}` cannot be a block: `*{name}` stands for any parameters; name them"]
            )
        form = _form(annotation)
        has_default = parameter.default is not parameter.empty
        is_table = form is not None and (not has_default or parameter.default is None)
        is_input = parameter.kind is not parameter.KEYWORD_ONLY and not has_default
        if not is_input and not is_table:
            if parameter.kind is parameter.POSITIONAL_ONLY:
                raise RequestError(
                    [f"the function `{self.name}` cannot be a block: the option `{name}` must not be positional-only"]
                )
            self.options[name] = not has_default
            return
        self.inputs[name] = form or "pandas"
        if not has_default:
            self.mandatory.append(name)
        if parameter.kind is parameter.POSITIONAL_ONLY:
            self.positional.append(name)

    def check(self, given: Sequence[int | str], options: Mapping[str, Any]) -> None:
        """Refuses inputs and options that are not those of the function, as a call does."""
        names = list(self.inputs)
        count = sum(isinstance(to, int) for to in given)
        if any(isinstance(to, int) and to >= len(names) for to in given):
            raise TypeError(f"{self.name}() takes {len(names)} tables ({', '.join(names) or 'none'}), and gets {count}")
        connected = {names[to] if isinstance(to, int) else to for to in given}
        unknown = [name for name in connected if name not in self.inputs]
        missing = [name for name in self.mandatory if name not in connected]
        unknown += [name for name in options if name not in self.options]
        missing += [name for name, mandatory in self.options.items() if mandatory and name not in options]
        if unknown:
            there = ", ".join([*names, *self.options]) or "none"
            raise TypeError(f"{self.name}() has no parameter {unknown[0]!r} for that (it has: {there})")
        if missing:
            what = "table" if missing[0] in self.inputs else "option"
            raise TypeError(f"{self.name}() needs the {what} {missing[0]!r}")


def _function_of(value: Any) -> Any:
    return value._function if isinstance(value, FunctionBlock) else value


def _form(annotation: Any) -> str | None:
    """The form of a parameter that is annotated as a table; ``None`` if it is not."""
    for part in [annotation, *typing.get_args(annotation)]:
        if isinstance(part, str):
            module, _, name = part.partition("|")[0].strip().rpartition(".")
            module = {"pd": "pandas", "pl": "polars", "pa": "pyarrow"}.get(module, module)
        else:
            module, name = getattr(part, "__module__", ""), getattr(part, "__name__", "")
        library = str(module).partition(".")[0]
        if name in ("DataFrame", "Table") and library in ("pandas", "polars", "pyarrow"):
            return _FORMS.get(library, "pandas")
    return None


def _kind(value: Any) -> str:
    """The kind of the option for a value; ``json`` for values that are sent as JSON in a text."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) and value in _INTEGERS:
        return "integer"
    if isinstance(value, float) and math.isfinite(value) and _is_short(value):
        return "double"
    # A blank text counts as none.
    return "text" if isinstance(value, str) and value.strip() and value.isprintable() else "json"


def _is_short(value: float) -> bool:
    """Whether every reader of JSON makes the same number of its digits; some are in error by the last bit of others."""
    _, digits, exponent = decimal.Decimal(repr(value)).as_tuple()
    return len(digits) <= _DIGITS and isinstance(exponent, int) and abs(exponent) <= _EXPONENT


def _returned_names(tree: ast.FunctionDef) -> list[str] | None:
    """The keys of the dicts that a function returns, if each is written out and all keys can be ids."""
    names: dict[str, None] = {}
    for returned in _returns(tree):
        value = returned.value
        if isinstance(value, ast.Dict):
            keys = [key.value if isinstance(key, ast.Constant) else None for key in value.keys]
        elif isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "dict":
            keys = [keyword.arg for keyword in value.keywords]
        else:
            continue
        for key in keys:
            if not isinstance(key, str) or not _ID.fullmatch(key):
                return None
            names[key] = None
    return list(names) or None


def _returns(node: ast.AST) -> typing.Iterator[ast.Return]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Return):
            yield child
        elif not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            yield from _returns(child)


@functools.cache
def _main_source() -> str:
    return inspect.getsource(_function_main.longshore_main)


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
