"""What other tools write is read with equal values, and what Longshore writes they read with equal values."""

import canonical
import peers_read
import peers_write
import pytest
from agrees import agrees

WRITERS = {
    "parquet of pyarrow": peers_write.parquet_of_pyarrow,
    "parquet of others": peers_write.parquet_of_others,
    "arrow": peers_write.arrow_files,
    "csv": peers_write.csv_files,
    "ndjson": peers_write.ndjson_files,
    "R": peers_write.r_files,
}


@pytest.mark.parametrize("reader", ["arrow", "pandas 3"])
@pytest.mark.parametrize("writer", WRITERS)
def test_what_peers_write_is_read(runner, tmp_path, writer, reader):
    made = WRITERS[writer](tmp_path)
    run = runner.run(reader, list(made))
    assert run.status == 0, run.errors
    wrong = []
    for (path, table), seen in zip(made.items(), run.seen, strict=True):
        if "error" in seen:
            wrong.append(f"{path.name}: {seen['error']}")
            continue
        is_text = not path.name.endswith((".parquet", ".arrow", ".arrows"))
        columns = {one["name"]: one["values"] for one in seen["columns"]}
        columns = columns if len(columns) == table.num_columns else {name: columns[name] for name in table.column_names}
        wrong += [f"{path.name}: {said}" for said in different(table, columns, is_text, reader)]
    assert not wrong, "\n".join(wrong)


def different(table, columns, is_text, reader="arrow"):
    """What differs between a table and what was seen of it."""
    if list(columns) != table.column_names:
        yield f"columns {list(columns)}"
        return
    nan_is_missing = is_text or reader.startswith("pandas")
    for name, seen in columns.items():
        values = canonical.of_arrow(table[name])
        if len(values) != len(seen):
            yield f"{name} has {len(seen)} rows"
            continue
        for row, (value, other) in enumerate(zip(values, seen, strict=True)):
            if value is None and other == ["text", "NA"] and is_text:
                # Text that says so; only where the column is text can it be read as that.
                continue
            if not agrees(value, other, nan_is_missing, zones=False):
                yield f"{name}, row {row + 1}: {value} became {other}"


@pytest.mark.parametrize("suffix", list(peers_read.READERS))
def test_what_is_written_peers_read(runner, tmp_path, suffix):
    table = peers_write.base() if suffix.startswith(("csv", "tsv")) else peers_write.nested()
    source = tmp_path / "source.arrow"
    peers_read.write_arrow(table, source)
    out = tmp_path / f"out.{suffix}"
    run = runner.run("arrow", [source], [out])
    assert run.status == 0, run.errors
    assert "write error" not in run.seen[0], run.seen
    wrong = []
    for name, read in peers_read.READERS[suffix].items():
        held = read(out)
        for column, seen in held.items():
            values = canonical.of_arrow(table[column])
            pairs = list(zip(values, seen, strict=True))
            wrong += [
                f"{name}, {column}: {pair}" for pair in pairs if not agrees(*pair, nan_is_missing=True, zones=False)
            ]
        assert len(held) > 4, f"{name} reads columns"
    assert not wrong, "\n".join(wrong)
