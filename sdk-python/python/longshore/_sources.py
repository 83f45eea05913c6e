"""The source of a function, with what it uses of its module: what a block needs to stand alone.

Modules are imported again, constants are written out, functions of the same program come along. Whatever else a
function uses cannot go along, and is refused with the reason. Called by ``_functions``.
"""

from __future__ import annotations

import ast
import builtins
import dis
import inspect
import math
import site
import sys
import sysconfig
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Callable

from longshore._results import RequestError

# The most characters of a constant that goes along, and the deepest nesting.
_CONSTANT_MAX = 64 << 10
_DEPTH_MAX = 32

# The most functions that come along.
_FUNCTIONS_MAX = 200

_ADVICE = "pass it as an input or an option, or make it inside of the function"


class Collected:
    """A function and all that comes along, piece by piece."""

    def __init__(self, is_ours: Callable[[Any], bool], unwrap: Callable[[Any], Any]) -> None:
        # Whether a decorator is the one that makes blocks, and the function inside of such a block.
        self._is_ours = is_ours
        self._unwrap = unwrap
        self.imports: dict[str, None] = {}
        self.constants: dict[str, str] = {}
        self.functions: dict[str, str] = {}
        self._known: dict[str, Any] = {}
        self.trees: dict[str, ast.FunctionDef] = {}

    def add(self, function: FunctionType) -> ast.FunctionDef:
        """Adds a function and what it uses.

        Raises:
            RequestError: if it cannot go along.
        """
        name = function.__name__
        _check_kind(function)
        tree, source = self._source(function)
        self._known[name] = function
        self.trees[name] = tree
        # What it uses is added after it, and comes before it in the script: defaults may use it.
        self.functions[name] = source
        if len(self.functions) > _FUNCTIONS_MAX:
            raise _refused(name, f"it uses more than {_FUNCTIONS_MAX} functions: send a folder as a block")
        used = dict.fromkeys([*_global_names(function.__code__), *_names_of_defaults(tree)])
        for used_name in used:
            self._add_global(function, tree, used_name)
        return tree

    def script(self) -> str:
        """All pieces as a script."""
        constants = [f"{name} = {value}" for name, value in self.constants.items()]
        parts = ["\n".join(self.imports), "\n".join(constants), *reversed(self.functions.values())]
        return "\n\n\n".join(part.rstrip() for part in parts if part) + "\n"

    def _add_global(self, function: FunctionType, tree: ast.FunctionDef, name: str) -> None:
        where = function.__name__
        if name not in function.__globals__:
            if hasattr(builtins, name) or name in ("__name__", "__file__", "__doc__"):
                return
            raise _refused(where, f"it uses `{name}`, which is not defined where the function is")
        value = function.__globals__[name]
        value = self._unwrap(value)
        if name in self._known:
            if self._known[name] is not value:
                raise _refused(where, f"two different things that it uses are called `{name}`")
            return
        if getattr(builtins, name, None) is value:
            return
        if isinstance(value, ModuleType):
            self._known[name] = value
            self._import_module(where, tree, name, value)
            return
        imported = _import_of(value)
        if imported is not None:
            self._known[name] = value
            module, attribute = imported
            self.imports[f"from {module} import {attribute}" + (f" as {name}" if name != attribute else "")] = None
            return
        if isinstance(value, FunctionType):
            if value.__name__ != name:
                raise _refused(
                    where, f"it uses `{name}`, another name of the function `{value.__name__}`: use that one"
                )
            self.add(value)
            return
        literal = _literal(value)
        if literal is None or len(literal) > _CONSTANT_MAX:
            what = f"of type {type(value).__name__}" if literal is None else f"longer than {_CONSTANT_MAX} characters"
            if inspect.isclass(value):
                what = "a class of this program"
            raise _refused(where, f"it uses `{name}` from outside, which is {what} and cannot go along: {_ADVICE}")
        self._known[name] = value
        self.constants[name] = literal

    def _import_module(self, where: str, tree: ast.FunctionDef, name: str, module: ModuleType) -> None:
        full = module.__name__
        if not _is_installed(module):
            raise _refused(
                where,
                f"it uses `{name}`, a module of this program, which cannot go along: write the block as a folder, or "
                "import the functions that it needs from there by their names",
            )
        self.imports[f"import {full}" if full == name else f"import {full} as {name}"] = None
        # Parts of a package that were imported by another statement, such as `import scipy.stats`.
        for chain in _attributes_of(tree, name):
            for length in range(len(chain), 0, -1):
                part = ".".join([full, *chain[:length]])
                if isinstance(sys.modules.get(part), ModuleType):
                    self.imports[f"import {part}"] = None
                    break

    def _source(self, function: FunctionType) -> tuple[ast.FunctionDef, str]:
        name = function.__name__
        try:
            source = textwrap.dedent(inspect.getsource(function))
            tree = ast.parse(source).body[0]
        except (OSError, TypeError):
            raise _refused(name, "its source is not known: define it in a file or a notebook's cell") from None
        except (SyntaxError, IndexError):
            raise _refused(name, "its source cannot be read on its own: define it at the top of a file") from None
        if not isinstance(tree, ast.FunctionDef) or tree.name != name:
            raise _refused(name, "its source is not that of a function with this name")
        for decorator in tree.decorator_list:
            if not self._is_ours(_looked_up(decorator, function.__globals__)):
                raise _refused(name, f"it has another decorator, `{ast.unparse(decorator)}`, which cannot go along")
        lines = source.splitlines(keepends=True)
        return tree, "".join(lines[tree.lineno - 1 : tree.end_lineno])


def _check_kind(function: FunctionType) -> None:
    name = function.__name__
    if name == "<lambda>":
        raise _refused("a lambda", "write it as a function with a name")
    if not name.isidentifier():
        raise _refused(name, "its name is not that of a function")
    if inspect.unwrap(function) is not function:
        raise _refused(name, "another decorator wraps it, which cannot go along")
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise _refused(name, "it is a coroutine or a generator: a block returns its tables at its end")
    if inspect.isasyncgenfunction(function):
        raise _refused(name, "it is a generator: a block returns its tables at its end")
    free = [variable for variable in function.__code__.co_freevars if variable != "__class__"]
    if free:
        names = ", ".join(f"`{variable}`" for variable in free)
        raise _refused(name, f"it closes over {names} of the function around it, which cannot go along: {_ADVICE}")
    outer = function.__qualname__.split(".")[:-1]
    if outer and outer[-1] != "<locals>":
        raise _refused(name, f"it is a method of the class `{outer[-1]}`: write it as a function of its own")


def _global_names(code: CodeType) -> Iterator[str]:
    """The global names that a function reads, inside of inner functions and classes too."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            raise _refused(
                code.co_name, f"it changes the global variable `{instruction.argval}`, which a run cannot do"
            )
        if instruction.opname == "LOAD_GLOBAL":
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)


def _names_of_defaults(tree: ast.FunctionDef) -> Iterator[str]:
    """Names in defaults, which are evaluated outside of the function."""
    for default in [*tree.args.defaults, *tree.args.kw_defaults]:
        if default is not None:
            yield from (node.id for node in ast.walk(default) if isinstance(node, ast.Name))


def _attributes_of(tree: ast.AST, name: str) -> Iterator[list[str]]:
    """The attributes that are read of a global name, such as `stats.norm` of `scipy`."""
    for node in ast.walk(tree):
        chain: list[str] = []
        inner: ast.AST = node
        while isinstance(inner, ast.Attribute):
            chain.insert(0, inner.attr)
            inner = inner.value
        if chain and isinstance(inner, ast.Name) and inner.id == name:
            yield chain


def _looked_up(decorator: ast.expr, variables: dict[str, Any]) -> Any:
    """The object that a decorator's name stands for, without calling anything."""
    node = decorator.func if isinstance(decorator, ast.Call) else decorator
    chain: list[str] = []
    while isinstance(node, ast.Attribute):
        chain.insert(0, node.attr)
        node = node.value
    value = variables.get(node.id) if isinstance(node, ast.Name) else None
    for attribute in chain:
        value = getattr(value, attribute, None)
    return value


def _import_of(value: Any) -> tuple[str, str] | None:
    """The module and the name by which something can be imported elsewhere too; ``None`` if it cannot."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", getattr(value, "__name__", None))
    if isinstance(value, (bool, int, float, complex, str, bytes, type(None), tuple, list, dict, set, frozenset)):
        return None
    if isinstance(module, str) and isinstance(name, str) and name.isidentifier():
        found = sys.modules.get(module)
        if found is not None and getattr(found, name, None) is value and _is_installed(found):
            return module, name
    return None if isinstance(value, FunctionType) else _place_of(value)


def _place_of(value: Any) -> tuple[str, str] | None:
    """The public module of an installed package that has this very object, such as `norm` of `scipy.stats`."""
    top = type(value).__module__.partition(".")[0]
    package = sys.modules.get(top)
    if top == "builtins" or package is None or not _is_installed(package):
        return None
    names = [name for name in list(sys.modules) if name == top or name.startswith(f"{top}.")]
    for name in sorted(names, key=lambda name: (name.count("."), name)):
        if not any(part.startswith("_") for part in name.split(".")):
            for attribute, held in list(vars(sys.modules[name]).items()):
                if held is value and not attribute.startswith("_"):
                    return name, attribute
    return None


def _installed_folders() -> list[Path]:
    paths = [sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")]
    paths += [*site.getsitepackages(), site.getusersitepackages()]
    # Also those of environments on top of others.
    paths += [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    return [Path(path).resolve() for path in dict.fromkeys(paths) if path]


def _is_installed(module: ModuleType) -> bool:
    """Whether a module is Python's own or of an installed package, which a run can have too."""
    top = module.__name__.partition(".")[0]
    if top == "__main__":
        return False
    if top in sys.builtin_module_names or top in getattr(sys, "stdlib_module_names", ()):
        return True
    found = sys.modules.get(top, module)
    file = getattr(found, "__file__", None)
    places = [file] if file else list(getattr(found, "__path__", []))
    if not places:
        return False
    folders = _installed_folders()
    return all(any(Path(place).resolve().is_relative_to(folder) for folder in folders) for place in places)


def _literal(value: Any, depth: int = 0) -> str | None:
    """A constant as it is written in Python; ``None`` for all that is none."""
    kind = type(value)
    if value is None or value is Ellipsis or kind in (bool, int, str, bytes):
        return repr(value)
    if kind is float:
        return repr(value) if math.isfinite(value) else f'float("{value}")'
    if kind is complex:
        return repr(value) if math.isfinite(value.real) and math.isfinite(value.imag) else None
    if depth == _DEPTH_MAX:
        return None
    if kind is dict:
        pairs = [(_literal(key, depth + 1), _literal(part, depth + 1)) for key, part in value.items()]
        if any(key is None or part is None for key, part in pairs):
            return None
        return "{" + ", ".join(f"{key}: {part}" for key, part in pairs) + "}"
    if kind in (list, tuple, set, frozenset):
        parts = [_literal(part, depth + 1) for part in value]
        if any(part is None for part in parts):
            return None
        inner = ", ".join(part for part in parts if part is not None)
        if kind is tuple:
            return f"({inner},)" if len(parts) == 1 else f"({inner})"
        return f"[{inner}]" if kind is list else f"{kind.__name__}([{inner}])"
    return None


def _refused(name: str, reason: str) -> RequestError:
    called = name if name.startswith("a ") else f"the function `{name}`"
    return RequestError([f"{called} cannot be a block: {reason}"])
