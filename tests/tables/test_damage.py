"""Damaged files: cut, or with one length altered, none is read as another table, ends in a panic, hangs, or takes memory.

What a file says of itself is altered here, not its data: other data in a file without checksums are other data. The
byte-by-byte part is a test of the host; this is what a user sees of it.
"""

import gzip
import random

import canonical
import files
import lengths
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import runs

ROWS = 40
SMALLER = 90
"""Damaged files of each good one in the smaller run, the same ones each time."""

MEGABYTES_MAX = 1024


def good_table():
    return pa.table(
        {
            "i": pa.array([None if row % 7 == 3 else row * 1_000_003 for row in range(ROWS)], pa.int64()),
            "t": pa.array([None if row % 5 == 4 else f"text {row % 6} ü" for row in range(ROWS)]),
            "l": pa.array(
                [None if row % 11 == 2 else list(range(row % 4)) for row in range(ROWS)], pa.list_(pa.int64())
            ),
            "f": pa.array([row / 8 for row in range(ROWS)]),
        }
    )


def _parquet(**options):
    return lambda table, path: pq.write_table(table, path, row_group_size=16, **options)


def _arrow(codec):
    def write(table, path):
        opened = pa.ipc.new_stream if path.suffix == ".arrows" else pa.ipc.new_file
        with opened(str(path), table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
            writer.write_table(table, max_chunksize=16)

    return write


def _gzip(table, path):
    inner = path.with_suffix("")
    files.write(table, inner)
    path.write_bytes(gzip.compress(inner.read_bytes(), mtime=0))


GOOD = {
    "snappy.parquet": (_parquet(), lengths.of_parquet),
    "v2.parquet": (_parquet(data_page_version="2.0", compression="zstd"), lengths.of_parquet),
    "plain.parquet": (_parquet(use_dictionary=False, compression="none"), lengths.of_parquet),
    "delta.parquet": (
        _parquet(
            use_dictionary=False,
            compression="none",
            column_encoding={"i": "DELTA_BINARY_PACKED", "t": "DELTA_BYTE_ARRAY"},
        ),
        lengths.of_parquet,
    ),
    "plain.arrow": (_arrow(None), lambda data: lengths.of_arrow(data, 8)),
    "lz4.arrow": (_arrow("lz4"), lambda data: lengths.of_arrow(data, 8)),
    "zstd.arrows": (_arrow("zstd"), lengths.of_arrow),
    "plain.arrows": (_arrow(None), lengths.of_arrow),
    "text.csv.gz": (_gzip, lengths.of_gzip),
    "text.csv.zst": (files.write, lengths.of_zstd),
    "text.ndjson.gz": (_gzip, lengths.of_gzip),
}


def damaged(data, places):
    """Every damaged form of a file, by what was done to it."""
    made = {f"cut at {end}": data[:end] for end in range(0, len(data), 64)}
    made |= {f"cut {less} short": data[:-less] for less in (1, 4, 8)}
    for place in places:
        for number in (0, -1, place.value - 1, place.value + 1, 2**31 - 1, 2**40, 2**62):
            form = lengths.altered(data, place, number)
            if form is not None and form != data:
                made[f"{place.name} at {place.offset}: {number} for {place.value}"] = form
    return made


@pytest.mark.parametrize("name", GOOD)
def test_damaged_files_are_not_read_as_others(runner, tmp_path, larger, name):
    write, find = GOOD[name]
    table = good_table()
    good = tmp_path / f"good {name}"
    write(table, good)
    data = good.read_bytes()
    made = damaged(data, find(data))
    chosen = sorted(made) if larger else random.Random(0).sample(sorted(made), min(SMALLER, len(made)))
    paths = {}
    for number, what in enumerate(chosen):
        path = tmp_path / f"damage-{number:05}.{name}"
        path.write_bytes(made[what])
        paths[path] = what
    wanted = [canonical.of_arrow(table[column]) for column in table.column_names]
    is_text = name.startswith("text")
    wrong = []
    for path, seen in _read_all(runner, list(paths)).items():
        said = _wrong(seen, wanted, is_text)
        if said:
            wrong.append(f"{paths[path]}: {said}")
    assert not wrong, f"{len(wrong)} of {len(paths)}:\n" + "\n".join(wrong)


def _read_all(runner, paths):
    """What came of each file: what the script noted, or the run."""
    found, waiting = {}, [paths[start : start + runs.INPUTS_MAX] for start in range(0, len(paths), runs.INPUTS_MAX)]
    while waiting:
        part = waiting.pop()
        run = runner.run("arrow", part)
        if run.status == 0 and run.seen is not None and len(run.seen) == len(part):
            found |= dict(zip(part, run.seen, strict=True))
            continue
        named = [path for path in part if run.status == 2 and path.name in run.errors]
        if len(part) == 1:
            named = part
        found |= dict.fromkeys(named, run)
        rest = [path for path in part if path not in named]
        if rest and named:
            waiting.append(rest)
        elif rest:
            waiting += [rest[: len(rest) // 2], rest[len(rest) // 2 :]]
    return found


def _wrong(seen, wanted, is_text):
    if isinstance(seen, runs.Run):
        text = seen.errors
        if seen.status not in (1, 2):
            return f"the run ended with {seen.status}: {seen.said[:300]}"
        if seen.megabytes > MEGABYTES_MAX:
            return f"{seen.megabytes:.0f} MiB were taken"
    else:
        text = seen.get("error", "")
    for word in ("panicked", "backtrace", "bug of longshore", "bug in longshore", "its reader broke"):
        if word in text:
            return f"{word}: {' '.join(text.split())[:300]}"
    if isinstance(seen, runs.Run) or "error" in seen:
        return None
    values = [column["values"] for column in seen["columns"]]
    if is_text and not values:
        return "it was read as a table without columns"
    # Text of lists is JSON in CSV: only the other columns are compared there.
    return (
        None
        if _same(values, wanted, is_text)
        else f"it was read as another table of {len(values[0]) if values else 0} rows"
    )


def _same(values, wanted, is_text):
    if not is_text:
        return values == wanted
    return len(values) == len(wanted) and values[:2] == wanted[:2]


def test_the_walkers_find_lengths(tmp_path):
    """Each kind of file has places, and what stands there is what is in the file."""
    for name, (write, find) in GOOD.items():
        path = tmp_path / name
        write(good_table(), path)
        data = path.read_bytes()
        places = find(data)
        assert len(places) >= 2, name
        for place in places:
            assert place.name == "checksum" or lengths.altered(data, place, place.value) == data, (name, place)
