"""Tables made up at random come out equal, through every format.

The same ones each time; the larger run makes more, from a seed that it prints. Several tables share a run, as a run costs
more than a table.
"""

import datetime
import decimal
import os
import random

import canonical
import files
import hypothesis
import hypothesis.strategies as st
import pyarrow as pa
import pytest
import texts
from agrees import agrees

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
CENTURIES = st.datetimes(datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59, 999999))

FLAT = {
    pa.int8(): st.integers(-(2**7), 2**7 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float64(): st.floats(),
    pa.bool_(): st.booleans(),
    pa.string(): TEXT,
    pa.date32(): st.dates(),
    pa.timestamp("us"): CENTURIES,
    pa.timestamp("us", "UTC"): CENTURIES.map(lambda when: when.replace(tzinfo=datetime.UTC)),
}
BINARY = {
    **FLAT,
    pa.large_string(): TEXT,
    pa.string_view(): TEXT,
    pa.binary(): st.binary(max_size=9),
    pa.float32(): st.floats(width=32),
    pa.decimal128(20, 5): st.decimals("-99999999999999", "99999999999999", places=5).map(decimal.Decimal),
    pa.time64("us"): st.times(),
    pa.duration("us"): st.timedeltas(datetime.timedelta(-99999), datetime.timedelta(99999)),
    pa.dictionary(pa.int16(), pa.string()): st.sampled_from(["a", "b", ""]),
    pa.list_(pa.int64()): st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=4),
    pa.list_(pa.list_(pa.string())): st.lists(st.none() | st.lists(st.none() | TEXT, max_size=3), max_size=3),
    pa.struct([("a", pa.int32()), ("b", pa.string())]): st.fixed_dictionaries(
        {"a": st.none() | st.integers(-9, 9), "b": st.none() | TEXT}
    ),
    pa.map_(pa.string(), pa.float64()): st.dictionaries(TEXT, FINITE, max_size=3).map(
        lambda pairs: list(pairs.items())
    ),
}
NDJSON = {**FLAT, pa.list_(pa.int64()): BINARY[pa.list_(pa.int64())]}
TYPES = {"parquet": BINARY, "arrow": BINARY, "arrows.zst": BINARY, "csv": FLAT, "tsv.gz": FLAT, "ndjson": NDJSON}


def tables(types, is_text):
    """Tables of up to five columns, of up to 40 rows."""

    @st.composite
    def make(draw):
        rows = draw(st.integers(1 if is_text else 0, 40))
        kinds = draw(st.lists(st.sampled_from(list(types)), min_size=2, max_size=5))
        columns = {"row": pa.array(range(rows), pa.int64())}
        for number, kind in enumerate(kinds):
            values = draw(st.lists(st.none() | types[kind], min_size=rows, max_size=rows))
            if is_text and kind == pa.string():
                # What looks like another type in a text file is of that type.
                values[0] = "täxt"
            columns[f"{number} {draw(st.sampled_from(['plain', 'a,b', 'ü', ' ']))}"] = pa.array(values, kind)
        return pa.table(columns)

    return make()


@pytest.mark.parametrize("suffix", TYPES)
def test_random_tables_come_out_equal(runner, tmp_path, larger, suffix):
    is_text = TYPES[suffix] in (FLAT, NDJSON)
    seed = int(os.environ.get("LONGSHORE_SEED", random.randrange(2**32))) if larger else 0
    print(f"LONGSHORE_SEED={seed}")
    count = 0

    @hypothesis.settings(
        max_examples=100 if larger else 3,
        deadline=None,
        database=None,
        # A table of the smaller run can be made smaller in the larger one.
        phases=list(hypothesis.Phase) if larger else [hypothesis.Phase.generate],
        derandomize=not larger,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(st.lists(tables(TYPES[suffix], is_text), min_size=10, max_size=20))
    def check(made):
        nonlocal count
        count += len(made)
        inputs = [tmp_path / f"in-{number}.{suffix}" for number in range(len(made))]
        outputs = [tmp_path / f"out-{number}.{suffix}" for number in range(len(made))]
        for table, path in zip(made, inputs, strict=True):
            files.write(table, path)
        for path in outputs:
            path.unlink(missing_ok=True)
        run = runner.run("arrow", inputs, outputs)
        assert run.status == 0, run.said[:2000]
        for table, seen, path in zip(made, run.seen, outputs, strict=True):
            assert "error" not in seen and "write error" not in seen, seen
            columns = {one["name"]: one["values"] for one in seen["columns"]}
            compare(table, columns, is_text, agrees)
            if is_text:
                compare(table, files.read_text(path), is_text, texts.is_json if "ndjson" in suffix else texts.is_text)
            else:
                back = files.read_arrow(path)
                compare(table, {name: canonical.of_arrow(back[name]) for name in back.column_names}, is_text, agrees)

    (hypothesis.seed(seed) if larger else lambda function: function)(check)()
    assert count >= 20, "tables were made"


def compare(table, columns, is_text, is_same):
    assert list(columns) == table.column_names
    for name, seen in columns.items():
        values = canonical.of_arrow(table[name])
        assert len(seen) == len(values), name
        for value, other in zip(values, seen, strict=True):
            same = is_same(value, other) or is_text and _in_text(value, other, is_same)
            assert same, f"{name}: {value} became {other}"


def _in_text(value, other, is_same):
    """Text files have all zones as UTC, no NaN among numbers that are read, and text where numbers have too many digits."""
    forms = {texts.is_json: lambda: [texts.of_json(other)], texts.is_text: lambda: texts.of_cell(other)}
    forms = forms.get(is_same, lambda: [other])()
    return any(agrees(value, form, nan_is_missing=True, zones=False) for form in forms)
