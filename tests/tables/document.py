"""docs/tables.md, written from the table in `expected.py`."""

import pathlib
import re

import expected

PATH = pathlib.Path(__file__).parent.parent.parent / "docs" / "tables.md"

HEAD = """<!-- Written by tests/tables: LONGSHORE_WRITE_DOCS=1 make test-tables -->
# Tables

What becomes of every type of Arrow: what a script sees of it, in both languages, what comes back when the script writes
it, and what each file format holds of it. This page is written from the table that `tests/tables` holds Longshore to, in
runs of every type, in every form, through every format, on both engines.

## The rule

A value that is read comes out equal, or the run ends with an error that names the input or output, the column, the row
and the value, before anything starts where that can be known. Nothing is shortened, rounded, moved, dropped, or written
as a programming language prints it. A run that succeeds has passed on every row.

Where a type has no counterpart, the value is held in another form that has all of it: a whole number in a double that
equals it, an instant in seconds, a duration in another unit, anything in its text. Which one is the same for a whole
column, and depends on nothing but the column's type and values.

## Reading the tables

Types have pyarrow's names. N is a number of bits, UNIT one of `s`, `ms`, `us`, `ns`, ZONE a time zone's name or an offset.
Where a cell has several forms, the first is for columns without missing values. Objects are named with the class of what
is not missing; a list is an array of NumPy where none of the column's numbers is missing. A column of text or of objects
whose values are all missing may be `object`.

Metadata of fields is kept for the extension types `arrow.uuid`, `arrow.json`, `arrow.fixed_shape_tensor` and `geoarrow.*`,
and dropped otherwise. An extension type that is not known is read as what it is stored as.

"""

READ = """## What a script gets

`read_input(as_="arrow")` and `"batches"` give the types of the column *pyarrow*, `read_input_records` those of *pandas* and
*R*, a stream's chunks as well. `read_input(..., dtypes="nullable")` gives pandas' own types that know `pandas.NA` in the
place of numbers and booleans of NumPy, `dtypes="arrow"` gives `pandas.ArrowDtype` throughout.

"""

BACK = """## What comes back

The script writes what it got, as it is, into an `.arrow` file. A decimal without digits in brackets has those that its
values need. A `datetime64[s]` column of midnights is dates, as those are what dates are read as; one of another unit is
dates in text and Excel alone ([docs/writing.md](writing.md)). Named levels of an index of pandas are the first columns, an
index without a name is not written. Objects of Python are written by the classes of their values: one class is its type, whole and other numbers together are `double` where each is exact, lists and dicts
of one shape are nested, and everything else is text; bytes beside something else are an error.

"""

FILES = """## What a file holds

The type of a Parquet file is the one that pyarrow reads. Arrow files hold each type as it is, but for dictionaries, views
and run-end encoded values, which become plain values, and a column without a type, which becomes text. The cells of CSV,
the same in TSV, and the values of NDJSON are those of the first value of `tests/tables`.

"""

TAIL = """
## How text is written

| value | CSV, TSV | NDJSON |
|---|---|---|
| missing | an empty cell | `null` |
| empty text | `""` | `""` |
| whole numbers, decimals | all digits | a number with all digits |
| floats | the shortest digits that are read back as the same number | the same |
| infinities and NaN | `inf`, `-inf`, `NaN` | `"Infinity"`, `"-Infinity"`, `"NaN"` |
| booleans | `true`, `false` | `true`, `false` |
| dates, times | ISO 8601; with a zone as UTC, ending in `Z` | the same, as strings |
| durations, intervals | ISO 8601, such as `PT90.5S`, `P1M2D` | the same, as strings |
| binary | hexadecimal, lower case, two digits a byte: `bytes.fromhex`, `as.hexmode` | the same, as strings |
| UUIDs | `12345678-1234-5678-1234-567812345678` | the same, as strings |
| lists, structs, maps | their JSON | nested; a map is an object where its keys are text, else a list of objects with `key` and `value` |
| unions | an error before the first row | an error before the first row |

## How text is read

Each column has one type, the narrowest that all of its cells fit, over the whole file: boolean (`true`, `false`), whole
number (`int64`), number (`double`), date, date and time, date and time with a zone (as UTC), else text. Times are in
microseconds, or in nanoseconds where a fraction has more digits. A number with more digits than its type keeps, such as
an id of 20 digits, leaves its column text, as do leading zeros. In columns that are not text `NA` and its like mean
missing, as an empty cell does; in text columns only the empty cell without quotes is missing. NDJSON has lists and
structs besides; scalars of different kinds in one field are text, and a scalar beside an object or a list is refused,
with its line, before anything starts. Numbers and the strings `"Infinity"`, `"-Infinity"` and `"NaN"` together are numbers. Lists and objects hold the same types.

## Limits

| what | limit |
|---|---|
| whole numbers of 128 bits, other types without a reader | refused before anything starts, naming the column |
| whole numbers beyond 2^53 in R | an error naming column and row, unless bit64 is loaded |
| text with a NUL in R | an error naming column and row |
| instants in R | to the microsecond; columns with nanoseconds are text |
| date64 that is not a whole day, into Parquet | an error |
| encrypted Parquet, Arrow of big-endian machines, compressed Feather of Arrow 0.17 | refused before anything starts, named as such |
| unions | written to Arrow only |
| a row of text, CSV or JSON, unpacked | 64 MiB, 100,000 cells or fields, 8,388,608 values in lists; more is an error naming its line |
| a part of a workbook | 64 MiB, or 200 times its bytes in the file, unpacked; 64 MiB between two tags |
| a batch, page or footer of more than 64 MiB | what half of the available memory holds; compressed ones of more than 1 GiB at most 200 times their bytes |
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
