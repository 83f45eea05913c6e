"""Tables as files of each format, as awkward as the format allows: several batches, one of them empty, that are slices
of larger arrays; several row groups; compressed bodies.

Owns writing of inputs and reading of outputs; what they hold is made by `columns.py` and judged by `expected.py`.
"""

import gzip
import io
import subprocess

import canonical
import pyarrow as pa
import pyarrow.parquet as pq
import texts

BINARY = ("parquet", "arrow", "feather", "arrows")
TEXT = ("csv", "tsv", "ndjson")
BATCH = 5
"""Rows of a batch or row group."""


class CannotHold(Exception):
    """The format, or its writer, has no such type."""


def write(table, path):
    """Writes a table in the format of the path's suffix."""
    name = path.name
    if name.endswith((".gz", ".zst")):
        outer = name.rpartition(".")[2]
        inner = path.with_name(f"inside of {name.removesuffix(f'.{outer}')}")
        write(table, inner)
        if outer == "gz":
            # Two members, as `cat a.gz b.gz` makes: a reader that stops at the first loses rows.
            data = inner.read_bytes()
            half = len(data) // 2
            path.write_bytes(gzip.compress(data[:half]) + gzip.compress(data[half:]))
        else:
            path.write_bytes(pa.compress(inner.read_bytes(), "zstd", asbytes=True))
        inner.unlink()
    elif name.endswith(".parquet"):
        try:
            pq.write_table(table, path, row_group_size=BATCH)
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise CannotHold(str(error)) from error
        for name, column in zip(table.column_names, pq.read_table(path).columns, strict=True):
            if canonical.of_arrow(table[name]) != canonical.of_arrow(column):
                raise CannotHold("pyarrow itself reads back other values")
    elif name.endswith((".arrow", ".feather", ".arrows")):
        _write_arrow(table, path)
    else:
        _write_text(table, path)


def batches(table):
    """The table as batches that are slices with an offset, an empty one among them."""
    padded = pa.concat_tables([table.slice(0, 3), table, table.slice(0, 2)]) if table.num_rows else table
    arrays = [_joined(column) for column in padded.columns]
    whole = pa.RecordBatch.from_arrays(arrays, schema=table.schema)
    start = min(3, table.num_rows)
    made = [whole.slice(start + row, min(BATCH, table.num_rows - row)) for row in range(0, table.num_rows, BATCH)]
    made.insert(1, whole.slice(start, 0))
    return made


def _joined(column):
    chunks = [chunk for chunk in column.chunks if len(chunk)] or [pa.array([], column.type)]
    return chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)


def _write_arrow(table, path):
    codec = {"feather": "lz4"}.get(path.suffix[1:])
    options = pa.ipc.IpcWriteOptions(compression=codec, emit_dictionary_deltas=False)
    opened = pa.ipc.new_stream if path.suffix == ".arrows" else pa.ipc.new_file
    try:
        with opened(str(path), table.schema, options=options) as writer:
            for batch in batches(table):
                writer.write_batch(batch)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
        raise CannotHold(str(error)) from error


def _write_text(table, path):
    columns = [canonical.of_arrow(column) for column in table.columns]
    rows = list(zip(*columns, strict=True))
    if path.suffix == ".ndjson":
        lines = [texts.json_text(["struct", list(zip(table.column_names, row, strict=True))]) for row in rows]
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return
    delimiter = "," if path.suffix == ".csv" else "\t"
    text = io.StringIO()
    for row in [[["text", name] for name in table.column_names], *rows]:
        text.write(delimiter.join(map(_cell, row)) + "\n")
    path.write_bytes(text.getvalue().encode())


def _cell(value):
    text = texts.to_text(value)
    if text is None:
        return ""
    plain = text and not any(mark in text for mark in ',"\t\r\n')
    return text if plain else '"' + text.replace('"', '""') + '"'


def read_arrow(path):
    """A binary file that Longshore wrote, as a table."""
    if path.suffix in (".gz", ".zst"):
        with pa.input_stream(str(path), compression={".gz": "gzip", ".zst": "zstd"}[path.suffix]) as source:
            return pa.ipc.open_stream(source.read()).read_all()
    if path.suffix == ".parquet":
        return pq.read_table(path)
    opened = pa.ipc.open_stream if path.suffix == ".arrows" else pa.ipc.open_file
    with pa.memory_map(str(path)) as source:
        return opened(source).read_all()


def read_text(path):
    """A text file that Longshore wrote: for each column its cells, None for an unquoted empty one; or JSON values."""
    data = path.read_bytes()
    if path.name.endswith(".gz"):
        data = gzip.decompress(data)
    elif path.name.endswith(".zst"):
        data = subprocess.run(["zstd", "-dc"], input=data, capture_output=True, check=True).stdout
    if ".ndjson" in path.name:
        rows = [texts.load_json(line) for line in data.decode().split("\n") if line]
        names = list(dict.fromkeys(name for row in rows for name, _ in row))
        return {name: [dict(row).get(name) for row in rows] for name in names}
    header, *rows = csv_rows(data.decode(), "\t" if ".tsv" in path.name else ",")
    assert all(len(row) == len(header) for row in rows), "rows as long as the header"
    return {name: [row[index] for row in rows] for index, name in enumerate(header)}


def csv_rows(text, delimiter):
    """Rows of CSV by RFC 4180, with None for cells where nothing stands, which Python's own reader tells from no `""`."""
    rows, row, place = [], [], 0
    while place < len(text):
        if text[place] == '"':
            cell, place = _quoted(text, place + 1)
        else:
            end = place
            while end < len(text) and text[end] not in delimiter + "\n":
                end += 1
            cell, place = text[place:end] or None, end
            assert '"' not in (cell or ""), "a quote within a cell that is not quoted"
        row.append(cell)
        if text[place : place + 1] != delimiter:
            assert text[place : place + 1] == "\n", "a row ends where its last cell does"
            rows.append(row)
            row = []
        elif text[place + 1 : place + 2] == "\n":
            place += 1
            rows.append([*row, None])
            row = []
        place += 1
    assert not row, "the last row has an end"
    return rows


def _quoted(text, place):
    parts = []
    while True:
        end = text.index('"', place)
        parts.append(text[place:end])
        if text[end + 1 : end + 2] != '"':
            return "".join(parts), end + 1
        parts.append('"')
        place = end + 2
