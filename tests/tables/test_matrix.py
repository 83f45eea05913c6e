"""Every type, in every form, through every format: each cell is as docs/tables.md says.

Needs the program, the Python environments, the R library; the engine docker with our images for one column.
"""

import collections
import itertools

import matrix
import pytest
import verdict

PROCESS, DOCKER = "process", "docker"

# Every format in, in one form each; every form, from one format of each kind; every form to every format out.
FORMATS_READ = [(suffix, "arrow", None, PROCESS) for suffix in matrix.FORMATS_IN]
FORMS_READ = [(suffix, reader, None, PROCESS) for suffix in ("parquet", "csv", "ndjson") for reader in matrix.READERS]
WRITTEN = [
    *(("arrow", reader, out, PROCESS) for reader in matrix.READERS for out in ("arrow", "parquet", "csv", "ndjson")),
    *(("arrow", "arrow", out, PROCESS) for out in ("arrows", "tsv", "csv.gz", "ndjson.zst")),
]
IN_CONTAINERS = [("arrow", reader, "parquet", DOCKER) for reader in ("pandas 3", "pandas 2", "polars", "R")]
LARGER = [
    way
    for way in itertools.product(matrix.FORMATS_IN, matrix.READERS, matrix.FORMATS_OUT, [PROCESS, DOCKER])
    if way[3] == PROCESS or way[2] == "arrow"
]


def _id(way):
    return "-".join(str(part) for part in way if part)


def _judged(cells, way):
    """All cells of a way that are not as they should be."""
    results = cells.cells([way])
    assert len(results) > 50, "a way has cells"
    wrong = []
    for result in sorted(results, key=lambda result: result.group):
        said = verdict.read(result) or (verdict.back(result) if way[2] else None)
        if said:
            wrong.append(f"{result.group.column}{' (extremes)' if result.group.extremes else ''}: {said}")
    return len(results), wrong


def _check(cells, way):
    count, wrong = _judged(cells, way)
    assert not wrong, f"{len(wrong)} of {count} cells:\n" + "\n".join(wrong)


@pytest.mark.parametrize("way", list(dict.fromkeys([*FORMATS_READ, *FORMS_READ])), ids=_id)
def test_tables_are_read(cells, way):
    _check(cells, way)


@pytest.mark.parametrize("way", WRITTEN, ids=_id)
def test_tables_are_written_back(cells, way):
    _check(cells, way)


@pytest.mark.parametrize("way", IN_CONTAINERS, ids=_id)
def test_tables_are_the_same_in_containers(cells, docker, way):
    _check(cells, way)


def test_all_ways(cells, docker, larger):
    """The whole product, in the larger run alone; the smaller one has its sides."""
    ways = LARGER if larger else [("feather", "batches", "arrows", PROCESS)]
    wrong = collections.Counter()
    said = []
    for way in ways:
        _, found = _judged(cells, way)
        wrong[way] += len(found)
        said += [f"{_id(way)}: {one}" for one in found]
    assert not said, "\n".join(said[:200])


def test_what_pyarrow_cannot_write_is_known(cells):
    """No cell is left out for a reason that is not pyarrow's."""
    for group in cells.tables:
        cells.file(group, "parquet")
    names = {group.column for group in cells.unwritable["parquet"]}
    assert names == {
        "month_day_nano_interval",
        "struct<l: list<int64>, s: struct<v: string_view>>",
        "dictionary with null among its values",
        "dictionary<int32, timestamp[us, tz=Europe/Berlin]>",
        "run_end_encoded<int32, string>",
        "run_end_encoded<int16, int64>",
        "sparse_union<int64, string>",
        "dense_union<int64, string>",
    }
    assert not {suffix for suffix in cells.unwritable if suffix != "parquet"}
