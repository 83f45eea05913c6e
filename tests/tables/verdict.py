"""Judges the results of the matrix by the table of `expected.py`."""

import re

import canonical
import expected
import files
import texts
from agrees import agrees

READERS = {"pandas 3": "pandas", "pandas 2": "pandas", "arrow": "pyarrow", "batches": "pyarrow"}
TEXT_COLUMNS = {"csv": "CSV", "tsv": "CSV", "ndjson": "NDJSON"}


def read(result):
    """What is wrong with what the script saw of a table, None if nothing is."""
    reader = result.way[1]
    text = TEXT_COLUMNS.get(result.way[0].partition(".")[0])
    if text:
        return _read_text(result, f"{text} is read as")
    wanted = expected.expected(expected.READ, result.group.column, READERS.get(reader, reader))
    if result.refusal is not None:
        return f"the run ended with {result.status}: {result.refusal[:300]}"
    failing = wanted[2 if result.group.extremes else 0]
    if failing.startswith("error: "):
        said = result.seen.get("error", "")
        named = "`extremes`" if result.group.extremes else "`none`"
        is_right = failing.removeprefix("error: ") in said and named in said
        return None if is_right else f"no error with {failing[7:]!r} and {named}: {said or 'it was read'}"
    if "error" in result.seen:
        return f"error: {result.seen['error'][:300]}"
    seen = result.seen["columns"]
    if [one["name"] for one in seen] != result.table.column_names:
        return f"columns {[one['name'] for one in seen]}"
    for one in seen:
        kind = wanted[expected.part(one["name"])]
        # Parquet has no seconds.
        in_seconds = result.way[0] == "parquet" and "[s" in result.group.column
        kinds = {kind, re.sub(r"([\[(])s\b", r"\1ms", kind)} if in_seconds else {kind}
        if not any(_is_type(one["type"], kind, reader, one["name"] == "all") for kind in kinds):
            return f"{one['name']} is {one['type']}, not {kind}"
        # The type has the zone's name, by which polars and R may know it.
        zones = reader not in ("polars", "R")
        found = _differs(result.table[one["name"]], one["values"], reader.startswith("pandas"), zones)
        if found:
            return f"{one['name']}: {found}"
    return None


def _read_text(result, column):
    """Columns of a text file have the types that their cells have in common; frames of them are as of those types."""
    wanted = expected.expected(expected.FILES, result.group.column, column)
    reader = result.way[1]
    if result.refusal is not None:
        return f"the run ended with {result.status}: {result.refusal[:300]}"
    if "error" in result.seen:
        # What R cannot hold it cannot hold of text files either.
        if reader == "R" and any(word in result.seen["error"] for word in ("beyond what doubles hold", "NUL")):
            return None
        return f"error: {result.seen['error'][:300]}"
    for one in result.seen["columns"]:
        kind = "string" if one["name"] == "all" else wanted[expected.part(one["name"])]
        if READERS.get(reader) == "pyarrow" and one["type"] != kind:
            return f"{one['name']} is {one['type']}, not {kind}"
        found = _differs(result.table[one["name"]], one["values"], "double" in kind, zones=False)
        if found:
            return f"{one['name']}: {found}"
    return None


def back(result):
    """What is wrong with the file that came of writing what was read."""
    if result.refusal is not None:
        return f"the run ended with {result.status}: {result.refusal[:300]}"
    out, reader = result.way[2], result.way[1]
    if "error" in result.seen:
        return None
    file = {"parquet": "Parquet", **TEXT_COLUMNS}.get(out.partition(".")[0])
    made = expected.expected(expected.FILES, result.group.column, file) if file else None
    came = {"pandas 3": "from pandas", "pandas 2": "from pandas", "polars": "from polars", "R": "from R"}
    wanted = expected.expected(expected.BACK, result.group.column, came.get(reader, "from pyarrow"))
    if made and made[0].startswith("error: ") and wanted[0].startswith(("month_day_nano", "sparse", "dense")):
        said = result.seen.get("write error", "")
        # TSV and compressed files are named as such.
        return (
            None
            if "cannot hold" in said and "column `" in said
            else f"no error with {made[0][7:]!r}: {said or 'written'}"
        )
    if file and file != "Parquet":
        return text_out(result, reader, out, made[0])
    if "write error" in result.seen:
        return f"write error: {result.seen['write error'][:300]}"
    if result.output is None:
        return "no file came out"
    made = files.read_arrow(result.output)
    if made.column_names != result.table.column_names:
        return f"columns {made.column_names}"
    for name in made.column_names:
        kind = wanted[expected.part(name)]
        if out in ("arrow", "arrows") and not _is_written_type(str(made.schema.field(name).type), kind, name == "all"):
            return f"{name} came back as {made.schema.field(name).type}, not {kind}"
        zones = reader not in ("polars", "R")
        found = _differs(result.table[name], canonical.of_arrow(made[name]), reader.startswith("pandas"), zones)
        if found:
            return f"{name} came back: {found}"
    return None


def text_out(result, reader, out, example):
    """What is wrong with a text file."""
    is_right = texts.is_json if out.startswith("ndjson") else texts.is_text
    if result.output is None:
        return f"no file came out: {result.seen.get('write error')}"
    made = files.read_text(result.output)
    first = (
        result.output.read_text(encoding="utf-8").split("\n") if reader == "arrow" and out in ("csv", "ndjson") else []
    )
    if first and not result.group.extremes and not _shows(first, example, out):
        return f"the first value is not {example}: {first[:2]}"
    for name in result.table.column_names:
        source = canonical.of_arrow(result.table[name])
        cells = made.get(name, [None] * len(source))
        if len(cells) != len(source):
            return f"{name} has {len(cells)} rows"
        for row, (value, cell) in enumerate(zip(source, cells, strict=True)):
            if is_right(value, cell):
                continue
            # What frames hold in another form is written in that form.
            forms = [texts.of_json(cell)] if out.startswith("ndjson") else texts.of_cell(cell)
            in_frame = reader not in ("arrow", "batches")
            if not in_frame or not any(agrees(value, form, reader.startswith("pandas"), False) for form in forms):
                return f"{name}, row {row + 1}: {value} became {cell!r}"
    return None


def _shows(lines, example, out):
    """Whether a file's first value is written as the table shows it."""
    if out == "ndjson":
        return lines[0].startswith('{"none":' + example + ",")
    example = "" if example == "(empty)" else example
    quoted = '"' + example.replace('"', '""') + '"' if any(mark in example for mark in ',"') else example
    return lines[1].startswith(f"{quoted},")


def _differs(source, seen, nan_is_missing, zones=True):
    values = canonical.of_arrow(source)
    if len(values) != len(seen):
        return f"{len(seen)} rows"
    for row, (value, other) in enumerate(zip(values, seen, strict=True)):
        if not agrees(value, other, nan_is_missing, zones):
            return f"row {row + 1}: {value} became {other}"
    return None


def _is_type(seen, wanted, reader, is_all_missing):
    # What a list's items are called says nothing of them.
    seen = seen.replace("<element: ", "<item: ")
    if wanted.startswith("object"):
        return seen == wanted or is_all_missing and seen == "object"
    if wanted == "str" and reader == "pandas 2":
        return seen in ("object of str", "object" if is_all_missing else "")
    return seen == wanted


def _is_written_type(seen, wanted, is_all_missing):
    """A decimal's digits follow from its values; what is all missing is text, or one of the dates that lack a time.

    A union is written by the kinds of its values, and where it has none as its first.
    """
    if is_all_missing and (seen, wanted) == ("int64", "large_string"):
        return True
    if is_all_missing and seen in ("string", "list<item: string>", "date32[day]"):
        return True
    return wanted in (seen, re.sub(r"(decimal\d+)\([\d, ]+\)", r"\1", seen))
