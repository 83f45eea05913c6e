"""Functions as blocks: what goes along does what it did, and what cannot go along is refused with the reason."""

from __future__ import annotations

import asyncio
import datetime
import functools
import importlib.util
import math
import sys
import types
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import longshore
import longshore as ls
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.stats
from host import Host
from hypothesis import given, settings
from longshore import _functions, _sources
from scipy.stats import norm as normal

RATE = 2.5
NESTED = {"a": (1, 2.0, float("inf")), "b": [None, b"\x00", {"c"}, frozenset([1])], "c": "öäü\n'\""}
FRAME = pd.DataFrame({"n": [1]})
COUNT = 0


def doubled(values: Any) -> Any:
    return values * 2 if RATE > 1 else tripled(values)


def tripled(values: Any) -> Any:
    return doubled(values) * 1.5


class Own:
    value = 3

    def method(self, table: Any) -> Any:
        return table


@longshore.block
def everything(table, other: pl.DataFrame, maybe: pa.Table | None = None, k: int = 3, *, rate: float = RATE, names=()):
    inner = [doubled(value) for value in range(k)]
    print(np.linalg.norm([3, 4]), scipy.stats.norm.cdf(0), round(normal.cdf(0), 3), math.pi, sorted(NESTED))
    print(type(other).__module__.split(".")[0], maybe is None, k, rate, list(names), NESTED["a"][2], inner)
    return table.assign(z=doubled(table["n"])), other


@longshore.block(name="Shout it", outputs=["loud"], dependencies=[])
def shouts(table):
    return {"loud": table.assign(word=table["word"].str.upper())}


def run(host: Host, block: Any, *tables: Any, **keywords: Any) -> longshore.Result:
    return longshore.run(block, *tables, socket=host.socket, engine="process", quiet=True, **keywords)


def test_a_function_goes_along_with_what_it_uses(host: Host) -> None:
    table = pd.DataFrame({"n": [1, 2]})
    result = run(host, everything, table, table, k=2, names=["ä", "b"])
    assert result.log == ("5.0 0.5 0.5 3.141592653589793 ['a', 'b', 'c']\npolars True 2 2.5 ['ä', 'b'] inf [0, 2]\n")
    assert result[0].to_pandas()["z"].tolist() == [2, 4] and len(result) == 2
    assert result.record["options"]["k"] == 2 and result.record["block"] == "everything"
    with_maybe = run(host, everything, table, table, table, rate=1)
    assert "polars False 3 1 [] inf [0, 2, 4]" in with_maybe.log
    # Called, it runs here.
    assert list(everything(table, pl.DataFrame(table))[0]["z"]) == [2, 4]


def test_outputs_have_names(host: Host) -> None:
    table = pd.DataFrame({"word": ["a", "b"]})
    result = run(host, shouts, table)
    assert result["loud"].to_pandas()["word"].tolist() == ["A", "B"] and result.record["block"] == "Shout it"

    def columns(table):
        return {"a column": [1, 2], "b": [3, 4]}

    def nothing():
        print("nothing")

    def unnamed(table):
        return {str(number): table for number in range(2)}

    def number(table):
        return 3

    assert run(host, columns, table)[0].columns == ["a column", "b"]
    assert len(run(host, nothing)) == 0
    with pytest.raises(longshore.RunError, match=r"name them, as in @longshore.block\(outputs=\['0', '1'\]\)"):
        run(host, unnamed, table)
    with pytest.raises(longshore.RunError, match="the function returned no table"):
        run(host, number, table)


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8),
    st.lists(st.one_of(st.integers(-5, 5), st.text(max_size=3)), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(-5, 5), max_size=3),
)  # fmt: skip


@settings(max_examples=10)
@given(st.lists(VALUES, min_size=12, max_size=12))
def test_every_value_of_an_option_arrives(host: Host, values: list[Any]) -> None:
    def shows(*, a, b, c, d, e, f, g, h, i, j, k, m):
        print(ascii([a, b, c, d, e, f, g, h, i, j, k, m]))

    result = run(host, shows, options=dict(zip("abcdefghijkm", values)))
    assert result.log == ascii(values) + "\n"


def test_parameters_are_those_of_the_function(host: Host) -> None:
    def of(table, extra: pd.DataFrame | None = None, *, k=3):
        return table

    for tables, keywords, error in [
        ((), {}, "needs the table 'table'"),
        ((FRAME, FRAME, FRAME), {}, r"takes 2 tables \(table, extra\), and gets 3"),
        ((FRAME,), {"clusters": 3}, r"no parameter 'clusters' for that \(it has: table, extra, k\)"),
        ((), {"inputs": {"k": FRAME}}, "no parameter 'k' for that"),
    ]:
        with pytest.raises(TypeError, match=error):
            run(host, of, *tables, **keywords)
    assert len(run(host, of, inputs={"table": FRAME})) == 1

    def needs(*, k):
        print(k)

    with pytest.raises(TypeError, match="needs the option 'k'"):
        run(host, needs)


def refusals() -> list[tuple[Any, str]]:
    free = 3

    def closes(table):
        return table * free

    def changes(table):
        global COUNT
        COUNT = 1
        return table

    def uses_frame(table):
        return pd.concat([table, FRAME])

    def uses_class(table):
        return table * Own.value

    def uses_module(table):
        return local_module.thing(table)

    def undefined(table):
        return table * nowhere  # noqa: F821

    def any_number(*tables):
        return tables[0]

    def any_option(table, **options):
        return table

    async def coroutine(table):
        return table

    def generator(table):
        yield table

    @functools.lru_cache
    def cached(table):
        return table

    def wrapper(function: Any) -> Any:
        @functools.wraps(function)
        def inner(*args: Any) -> Any:
            return function(*args)

        return inner

    @wrapper
    def wrapped(table):
        return table

    def positional_option(table, k=3, /):
        return table

    def inner_closes(table):
        def within() -> Any:
            return table * FRAME

        return within()

    without_source: dict[str, Any] = {}
    exec("def made(table):\n    return table", without_source)
    renamed = types.FunctionType(without_source["made"].__code__, {}, "<odd>")
    return [
        (closes, "it closes over `free` of the function around it"),
        (changes, "it changes the global variable `COUNT`"),
        (uses_frame, "it uses `FRAME` from outside, which is of type DataFrame"),
        (inner_closes, "it uses `FRAME` from outside"),
        (uses_class, "it uses `Own` from outside, which is a class of this program"),
        (uses_module, "it uses `local_module`, a module of this program"),
        (undefined, "it uses `nowhere`, which is not defined"),
        (any_number, "stands for any parameters"),
        (any_option, "stands for any parameters"),
        (coroutine, "it is a coroutine or a generator"),
        (generator, "it is a coroutine or a generator"),
        (wrapped, "another decorator wraps it"),
        (positional_option, "the option `k` must not be positional-only"),
        (lambda table: table, "a lambda cannot be a block: write it as a function with a name"),
        (Own.method, "it is a method of the class `Own`"),
        (without_source["made"], "its source is not known"),
        (renamed, "its name is not that of a function"),
    ]


local_module = types.ModuleType("local_module")


@pytest.mark.parametrize("number", range(len(refusals())))
def test_what_cannot_go_along_is_refused(number: int) -> None:
    function, reason = refusals()[number]
    with pytest.raises(longshore.RequestError) as caught:
        longshore.block(function).files([0], {})
    assert reason in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_what_is_no_function_is_refused() -> None:
    for made in (Own, Own().method, len, functools.partial(doubled, 1), 3):
        with pytest.raises(TypeError, match="block decorates"):
            longshore.block(made)
    with pytest.raises(TypeError, match="are lists"):
        longshore.block(dependencies="numpy")


# Each is a constant that goes along, or something that does not; generated, so that no type is forgotten.
CONSTANTS = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=5), st.just(...)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.tuples(inner),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
        st.frozensets(st.integers(), max_size=3),
        st.sets(st.text(max_size=2), max_size=3),
    ),
    max_leaves=8,
)
OBJECTS = st.sampled_from(
    [object(), FRAME, np.zeros(2), np.float64(1), Own(), datetime.date(2024, 1, 1), Path("/x"), asyncio.Event, iter([])]
)


@settings(max_examples=300)
@given(CONSTANTS)
def test_every_constant_is_written_as_it_is(value: Any) -> None:
    literal = _sources._literal(value)
    assert literal is not None
    back = eval(literal)
    assert repr(back) == repr(value) or back == value
    assert type(back) is type(value)


@settings(max_examples=60)
@given(CONSTANTS, OBJECTS)
def test_no_constant_has_an_object_in_it(constant: Any, odd: Any) -> None:
    assert _sources._literal(odd) is None
    assert _sources._literal([constant, odd]) is None
    assert _sources._literal({"a": (constant, [odd])}) is None


def test_nesting_is_bounded() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    assert _sources._literal(deep) is None
    ring: list[Any] = []
    ring.append(ring)
    assert _sources._literal(ring) is None


def test_functions_of_files_keep_to_the_same_rules(tmp_path: Path) -> None:
    path = tmp_path / "own_module_of_tests.py"
    path.write_text(
        "import longshore as ls\nfrom longshore import block\nLIMIT = 3\n\n\ndef helper(x):\n    return x + LIMIT\n\n\n"
        "@block\ndef first(table, *, k=helper(1)):\n    return helper(table)\n\n\n"
        "@ls.block(\n    dependencies=['six'],\n    python='3.13',\n)\ndef second(table):\n    return first(table)\n"
    )
    spec = importlib.util.spec_from_file_location("own_module_of_tests", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["own_module_of_tests"] = module
    spec.loader.exec_module(module)
    try:
        files, _ = module.second.files([0], {})
    finally:
        del sys.modules["own_module_of_tests"]
    script, manifest = files["script.py"], files["block.toml"]
    assert 'dependencies = ["six"]' in manifest and 'python = "3.13"' in manifest
    assert script.index("def helper") < script.index("def first") < script.index("def second")
    assert "@" not in script.partition("def longshore_main")[0] and "LIMIT = 3" in script
    compile(script, "script.py", "exec")


def test_the_manifest_keeps_every_name() -> None:
    assert _functions._toml('a"\\\n\x7fö') == '"a\\"\\\\\\n\\u007fö"'
    assert ls.block is longshore.block
