"""Tables of many columns and rows: streams whose chunks end within batches, batches around the 65,536 rows that readers
take at a time, other kinds of columns in pandas, tables without rows.
"""

import canonical
import columns
import files
import pyarrow as pa
import pytest
from agrees import agrees

# What a stream cannot pass on: unions have no form that pandas gives back.
NOT_PASSED = ("sparse_union<int64, string>", "dense_union<int64, string>")


def wide():
    """All types side by side."""
    made = {}
    for name, column in columns.columns().items():
        if name not in NOT_PASSED:
            table = columns.table(column, False)
            made |= {f"{name} {variant}": (table.schema.field(variant), table[variant]) for variant in ("none", "some")}
    schema = pa.schema([field.with_name(name) for name, (field, _) in made.items()])
    return pa.Table.from_arrays([column for _, column in made.values()], schema=schema)


def differing(table, seen):
    """The first value of each column that is another."""
    for name in table.column_names:
        values = canonical.of_arrow(table[name])
        pairs = list(zip(values, seen[name], strict=True))
        wrong = [(row, *pair) for row, pair in enumerate(pairs) if not agrees(*pair, nan_is_missing=True, zones=False)]
        if wrong:
            yield f"{name}, row {wrong[0][0] + 1}: {wrong[0][1]} became {wrong[0][2]}"


@pytest.mark.parametrize("suffix", ["arrow", "arrows"])
@pytest.mark.parametrize("engine", ["process", "docker"])
def test_streams_pass_every_type_on(runner, tmp_path, docker, suffix, engine):
    table = wide()
    path, out = tmp_path / f"in.{suffix}", tmp_path / "out.arrow"
    files.write(table, path)
    run = runner.run("stream", [path], [out], engine=engine)
    assert run.status == 0, run.errors
    made = files.read_arrow(out)
    wrong = list(differing(table, {name: canonical.of_arrow(made[name]) for name in made.column_names}))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("suffix", ["parquet", "csv", "ndjson"])
def test_streams_pass_flat_types_on(runner, tmp_path, suffix):
    table = wide().select(
        [
            f"{name} {variant}"
            for name in ("int64", "double", "bool", "date32[day]", "timestamp[us]")
            for variant in ("none", "some")
        ]
    )
    path, out = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    files.write(table, path)
    run = runner.run("stream", [path], [out])
    assert run.status == 0, run.errors
    again = runner.run("arrow", [out])
    seen = {one["name"]: one["values"] for one in again.seen[0]["columns"]}
    wrong = list(differing(table, seen))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("reader", ["nullable", "arrow dtypes"])
def test_other_kinds_of_pandas_columns_hold_the_same(runner, tmp_path, reader):
    names = [
        "bool",
        "int8",
        "int64",
        "uint64",
        "double",
        "string",
        "date32[day]",
        "timestamp[us]",
        "timestamp[ns, tz=Europe/Berlin]",
    ]
    inputs = []
    for number, name in enumerate(names):
        for extremes in sorted({False, bool(columns.columns()[name].extremes)}):
            inputs.append((tmp_path / f"{number}-{extremes}.arrow", columns.table(columns.columns()[name], extremes)))
            files.write(inputs[-1][1], inputs[-1][0])
    outputs = [path.with_suffix(".parquet") for path, _ in inputs]
    run = runner.run(reader, [path for path, _ in inputs], outputs)
    assert run.status == 0, run.errors
    wrong = []
    for (path, table), seen, out in zip(inputs, run.seen, outputs, strict=True):
        assert "error" not in seen and "write error" not in seen, (path.name, seen)
        wrong += differing(table, {one["name"]: one["values"] for one in seen["columns"]})
        made = files.read_arrow(out)
        wrong += differing(table, {name: canonical.of_arrow(made[name]) for name in made.column_names})
        kinds = {one["name"]: one["type"] for one in seen["columns"]}
        assert reader == "nullable" or all("[pyarrow]" in kind for kind in kinds.values()), kinds
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("suffix", "reader"),
    [
        ("parquet", "batches"),
        ("arrow", "pandas 3"),
        ("csv", "arrow"),
        ("csv", "batches"),
        ("ndjson", "batches"),
        ("parquet", "R"),
    ],
)
def test_every_row_arrives_around_the_size_of_a_batch(runner, tmp_path, larger, suffix, reader):
    paths, outputs, counts = [], [], (65_535, 65_536, 65_537, 131_073) if larger else (65_537,)
    for rows in counts:
        numbers = pa.array([None if row % 65_536 == 3 else row * 3 for row in range(rows)], pa.int64())
        table = pa.table({"n": numbers, "t": pa.array([f"täxt {row}" for row in range(rows)])})
        paths.append(tmp_path / f"{rows}.{suffix}")
        outputs.append(tmp_path / f"out-{rows}.arrow")
        if suffix in files.BINARY:
            files.BATCH, before = 10_000, files.BATCH
            files.write(table, paths[-1])
            files.BATCH = before
        else:
            files.write(table, paths[-1])
    run = runner.run(reader, paths, outputs)
    assert run.status == 0, run.errors
    for rows, path in zip(counts, outputs, strict=True):
        made = files.read_arrow(path)
        assert made.num_rows == rows
        numbers = made["n"].to_pylist()
        assert numbers[:5] == [0, 3, 6, None, 12]
        assert all(number is None or number == row * 3 for row, number in enumerate(numbers))
        assert made["t"].to_pylist() == [f"täxt {row}" for row in range(rows)]


@pytest.mark.parametrize("reader", ["arrow", "pandas 3", "pandas 2", "polars", "R"])
def test_tables_without_rows_keep_their_columns(runner, tmp_path, reader):
    table = (
        wide().slice(0, 0).select(["int64 none", "string none", "bool none", "timestamp[us] none", "list<int64> none"])
    )
    inputs = [tmp_path / f"in.{suffix}" for suffix in ("parquet", "arrow", "arrows")]
    outputs = [tmp_path / f"out.{suffix}" for suffix in ("parquet", "arrow", "csv")]
    for path in inputs:
        files.write(table, path)
    run = runner.run(reader, inputs, outputs)
    assert run.status == 0, run.errors
    assert all("error" not in seen and "write error" not in seen for seen in run.seen), run.seen
    assert files.read_arrow(outputs[0]).column_names == table.column_names
    assert files.read_arrow(outputs[1]).num_rows == 0
    assert list(files.read_text(outputs[2])) == table.column_names
