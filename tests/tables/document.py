"""Generates docs/tables.md from the table in `expected.py`."""

import pathlib
import re

import expected

PATH = pathlib.Path(__file__).parent.parent.parent / "docs" / "tables.md"

HEAD = """<!-- Written by tests/tables: LONGSHORE_WRITE_DOCS=1 make test-tables -->
# Tables

How every Arrow type is represented in a script, in both languages, after being written back, and in each file format.
This page is generated from the table of expected results in `tests/tables`, which is tested with runs of every type, in
every form, through every format, on both engines.

## Lossless conversion

A value that is read is returned equal, or the run ends with an error that has the input or output, the column, the row
and the value; if possible, before anything starts. Nothing is shortened, rounded, shifted, dropped, or printed in the
notation of a programming language. A run that succeeds has passed on every row.

A type without a counterpart is converted to another form that represents all of its value: an integer to an equal
double, an instant to seconds, a duration to another unit, anything to its text. The form is the same for the whole
column, and depends only on the column's type and values.

## Notation

Types have pyarrow's names. N is a number of bits, UNIT one of `s`, `ms`, `us`, `ns`, ZONE a time zone's name or an offset.
If a cell has several forms, the first is for columns without missing values. Objects are named by the class of their
non-missing values; a list is a NumPy array if no number in the column is missing. A column of text or objects with only
missing values may be `object`.

Metadata of fields is kept for the extension types `arrow.uuid`, `arrow.json`, `arrow.fixed_shape_tensor` and `geoarrow.*`,
and dropped otherwise. An unknown extension type is read as its storage type.

"""

READ = """## Types in scripts

`read_input(as_="arrow")` and `"batches"` give the types in the column *pyarrow*; `read_input_records` and the chunks of
streams give those in *pandas* and *R*. `read_input(..., dtypes="nullable")` gives the pandas types with `pandas.NA` for
numbers and booleans, `dtypes="arrow"` gives `pandas.ArrowDtype` throughout.

"""

BACK = """## Types after writing back

The script writes its unchanged input to an `.arrow` file. A decimal without digits in brackets has those that its values
need. A `datetime64[s]` column with only midnights becomes dates, since dates are read as that type; with another unit it
becomes dates in text and Excel only ([docs/writing.md](writing.md)). Named levels of a pandas index become the first columns;
an unnamed index is not written. Python objects are written by the classes of their values: one class gives its type,
integers and other numbers together give `double` if that is exact, lists and dicts of one shape are nested, and
everything else becomes text; bytes beside other values are an error.

"""

FILES = """## Types in files

For Parquet, the type is the one that pyarrow reads. Arrow files keep each type, except that dictionaries, views and
run-end encoded values become plain values, and a column without a type becomes text. For CSV (and TSV) and NDJSON, the
table shows the first value of `tests/tables`.

"""

TAIL = """
## Text output

| value | CSV, TSV | NDJSON |
|---|---|---|
| missing | an empty cell | `null` |
| empty text | `""` | `""` |
| whole numbers, decimals | all digits | a number with all digits |
| floats | the shortest digits that give the same number | the same |
| infinities and NaN | `inf`, `-inf`, `NaN` | `"Infinity"`, `"-Infinity"`, `"NaN"` |
| booleans | `true`, `false` | `true`, `false` |
| dates, times | ISO 8601; with a zone as UTC, ending in `Z` | the same, as strings |
| durations, intervals | ISO 8601, such as `PT90.5S`, `P1M2D` | the same, as strings |
| binary | hexadecimal, lower case, two digits a byte: `bytes.fromhex`, `as.hexmode` | the same, as strings |
| UUIDs | `12345678-1234-5678-1234-567812345678` | the same, as strings |
| lists, structs, maps | their JSON | nested; a map is an object if its keys are text, else a list of objects with `key` and `value` |
| unions | an error before the first row | an error before the first row |

## Text input

Each column has one type, the narrowest that fits all of its cells over the whole file: boolean (`true`, `false`), integer
(`int64`), number (`double`), date, date and time, date and time with a zone (as UTC), else text. Times have microseconds,
or nanoseconds if a fraction has more digits. A column stays text if one of its numbers has more digits than its type
keeps, such as an id of 20 digits, or leading zeros. In columns that are not text, an empty cell, `NA` and similar words
are missing; in text columns only the unquoted empty cell is. NDJSON also has lists and structs; scalars of different
kinds in one field become text, and a scalar beside an object or a list is rejected, with its line, before anything
starts. Numbers mixed with the strings `"Infinity"`, `"-Infinity"` and `"NaN"` are numbers. The same holds inside lists
and objects.

## Limits

| case | limit |
|---|---|
| 128-bit integers, other unsupported types | rejected before anything starts, with the column |
| integers beyond 2^53 in R | an error with column and row, unless bit64 is loaded |
| text with a NUL in R | an error with column and row |
| instants in R | to the microsecond; columns with nanoseconds are text |
| date64 that is not a whole day, written to Parquet | an error |
| encrypted Parquet, Arrow of big-endian machines, compressed Feather of Arrow 0.17 | rejected before anything starts, with this reason |
| unions | written to Arrow only |
| an uncompressed row of text, CSV or JSON | 64 MiB, 100,000 cells or fields, 8,388,608 values in lists; more is an error with its line |
| a part of a workbook | 64 MiB uncompressed, or 200 times its bytes in the file; 64 MiB between two tags |
| a batch, page or footer of more than 64 MiB | at most half of the available memory; compressed ones of more than 1 GiB at most 200 times their bytes |
"""


def written():
    """The whole page."""
    parts = [
        HEAD,
        READ,
        _table(expected.READ, _with_pandas2),
        "\n",
        BACK,
        _table(expected.BACK),
        "\n",
        FILES,
        _table(expected.FILES),
        TAIL,
    ]
    return "".join(parts)


def _with_pandas2(cells):
    """The column of pandas once more for pandas 2, which has objects where pandas 3 has `str`."""
    made = {}
    for name, parts in cells.items():
        made |= (
            {"pandas 3": parts, "pandas 2": [re.sub("^str$", "object of str", part) for part in parts]}
            if name == "pandas"
            else {name: parts}
        )
    return made


def _table(text, change=dict):
    rows = [expected.Row(row.pattern, change(row.cells)) for row in expected.table(text)]
    columns = list(rows[0].cells)
    lines = [f"| type | {' | '.join(columns)} |", f"|{'---|' * (len(columns) + 1)}"]
    for row in rows:
        cells = [_cell(row.cells[column], row.pattern) for column in columns]
        lines.append(f"| {_code(_named(row.pattern))} | {' | '.join(cells)} |")
    return "".join(f"{line}\n" for line in lines)


def _cell(parts, pattern):
    """A cell's forms in words, each once."""
    words = []
    for part, when in zip(parts, ("", "with missing values ", "at its extremes "), strict=True):
        label = expected.LABEL.match(part)
        bare = expected.LABEL.sub("", part)
        if words and bare == words[-1][1]:
            continue
        words.append((f"{label[1]}: " if label else when, bare))
    return "; ".join(f"{when}{_form(bare, pattern)}" for when, bare in words)


def _form(bare, pattern):
    if bare.startswith("error: "):
        return f"error: “{bare[7:]}”"
    if bare in ("(not read)", "(empty)"):
        return bare
    if bare.startswith("object of "):
        return f"`object` of {_code(bare[10:])}"
    return _code(_named(pattern if bare == "=" else bare))


def _named(text):
    names = {
        "bits": "N",
        "unit": "UNIT",
        "zone": "ZONE",
        "zone in R": "ZONE",
        "zone in polars": "ZONE",
        "zone back from R": "ZONE",
        "rest": "…",
        "mode": "MODE",
        "key": "KEY",
        "item": "ITEM",
    }
    return re.sub(r"\{(\w[\w ]*)\}", lambda found: names.get(found[1], found[0]), text)


def _code(text):
    return f"`{text}`".replace("|", "\\|")
