"""docs/tables.md matches the table of expected results; `LONGSHORE_WRITE_DOCS=1` writes it."""

import os

import columns
import document
import expected


def test_the_document_is_what_the_table_says():
    text = document.written()
    if os.environ.get("LONGSHORE_WRITE_DOCS"):
        document.PATH.write_text(text, encoding="utf-8")
    assert document.PATH.read_text(encoding="utf-8") == text, "LONGSHORE_WRITE_DOCS=1 writes it"


def test_every_type_has_a_row_in_each_table():
    for name in columns.columns():
        for text in (expected.READ, expected.BACK, expected.FILES):
            for column in expected.table(text)[0].cells:
                assert len(expected.expected(text, name, column)) == 3


def test_every_row_is_of_some_type():
    for text in (expected.READ, expected.BACK, expected.FILES):
        used = {expected.row_of(text, name).pattern for name in columns.columns()}
        unused = {row.pattern for row in expected.table(text)} - used
        assert not unused, f"rows that no test holds: {unused}"
