"""Polluted files: none is changed in silence, and the scores are those that are promised.

The smaller run takes every pollution of whole files, and those of rows in a few rows; the larger one takes all.
"""

import pollock
import pytest

ROWS = ("row 0,", "row 1,", "row 4,", "row 40,", "row 83,")
"""The names, rows at both ends of the table, and one whose cells are in quotes."""


@pytest.fixture(scope="module")
def chosen(larger):
    """The files of this run."""
    return [
        file for file in pollock.files() if larger or not file.name.startswith("row ") or file.name.startswith(ROWS)
    ]


def test_the_pollutions_are_those_of_the_benchmark():
    files = pollock.files()
    kinds = [file.kind for file in files]
    assert len(files) == 2290 and len({file.name for file in files}) == 2290
    counts = {"a delimiter more": 756, "a delimiter less": 672, "a quote more": 756, "a row delimited by blanks": 84}
    assert {kind: kinds.count(kind) for kind in counts} == counts
    assert len({file.text for file in files}) > 2000


def test_files_are_read_or_refused_and_none_is_changed_in_silence(chosen):
    reads = pollock.read_all(chosen, told=False)
    pairs = list(zip(chosen, reads, strict=True))
    assert [file.name for file, read in pairs if pollock.is_silent(file, read)] == []
    # What is refused says which line it is, and what to do.
    wrong = [read.error for _, read in pairs if read.table is None and "`" not in read.error]
    assert wrong == []
    simple, weighted = pollock.scores(chosen, reads, normalized=True)
    assert weighted >= 8.5, (simple, weighted)


def test_files_are_read_as_they_are_told(chosen):
    reads = pollock.read_all(chosen, told=True)
    refused = [file.name for file, read in zip(chosen, reads, strict=True) if read.table is None]
    assert refused == ["no payload"]
    simple, weighted = pollock.scores(chosen, reads)
    assert simple >= 9.6 and weighted >= 9.6, (simple, weighted)
