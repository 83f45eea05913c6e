"""Files that are not one text: workbooks, JSON, archives, and tables in many files. Others write them, `longshore peek` reads
them."""

import bz2
import datetime
import json
import os
import random
import subprocess
import sys
import zipfile

import openpyxl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
import pytest
import runs


def peek(path, *options, rows=1000):
    """What `longshore peek` says: exit status, the parsed JSON, standard error."""
    command = [runs.LONGSHORE, "peek", "--json", "--rows", str(rows), path]
    for option in options:
        command += ["--read", option]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=runs.SECONDS_MAX)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def read(path, *options):
    """The table: its columns with their types, its rows."""
    status, seen, errors = peek(path, *options)
    assert status == 0, errors
    return {column["name"]: column["type"] for column in seen["columns"]}, seen["first"]


def notes(path, *options):
    status, seen, errors = peek(path, *options)
    assert status == 0, errors
    reading = seen.get("reading") or {"notes": [], "columns": []}
    return " ".join(reading["notes"] + [column.get("reason") or "" for column in reading["columns"]])


def refused(path, *options):
    status, _, errors = peek(path, *options)
    assert status == 2, errors
    return errors


def workbook(path, sheets):
    """Write sheets of rows."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_cells_of_a_workbook_are_what_they_are(tmp_path):
    header = ["id", "when", "at", "price", "ok", "code", "big", "text"]
    rows = [
        [1, datetime.date(2024, 2, 29), datetime.datetime(2024, 1, 1, 12, 30), 1.5, True, "007", 1e300, 'a "b", c\nd'],
        [2, datetime.date(1899, 12, 31), datetime.datetime(2024, 1, 1), 0.1, False, "010", -2.5e-9, ""],
        [None, None, None, None, None, None, None, None],
        [3, None, datetime.datetime(2024, 1, 1, 0, 0, 0, 500_000), None, None, "1", None, "NA"],
    ]
    rows[1][1] = datetime.date(1999, 12, 31)
    types, seen = read(workbook(tmp_path / "a.xlsx", {"Sales": [header, *rows]}))
    expected = ["Int64", "Date32", "Timestamp(µs)", "Float64", "Boolean", "Utf8", "Float64", "Utf8"]
    assert types == dict(zip(header, expected, strict=True))
    assert seen[0] == ["1", "2024-02-29", "2024-01-01T12:30:00", "1.5", "true", "007", "1e300", 'a "b", c\nd']
    assert seen[1][:7] == ["2", "1999-12-31", "2024-01-01T00:00:00", "0.1", "false", "010", "-2.5e-9"]
    # A row without a value is none.
    assert seen[2] == ["3", None, "2024-01-01T00:00:00.500", None, None, "1", None, "NA"]
    assert len(seen) == 3


def test_what_stands_around_a_sheets_table_is_not_of_it(tmp_path):
    rows = [["Sales of 2024"], [], ["id", "v", "w"], [1, 2, 3], [4, 5, 6], ["sum", 7, 9]]
    path = workbook(tmp_path / "a.xlsx", {"Sales": [[None, None, *row] for row in rows]})
    assert read(path)[0] == {"id": "Utf8", "v": "Int64", "w": "Int64"}
    assert "`skip=2`" in notes(path)
    assert "column `id` is text because of `sum` in row 6" in notes(path)
    assert read(path, "footer=1") == ({"id": "Int64", "v": "Int64", "w": "Int64"}, [["1", "2", "3"], ["4", "5", "6"]])
    assert read(path, "skip=3 header=no footer=1")[0] == {"column_1": "Int64", "column_2": "Int64", "column_3": "Int64"}
    assert read(path, "missing=sum columns=id type.id=number") == ({"id": "Float64"}, [["1.0"], ["4.0"], [None]])


def test_of_several_sheets_one_must_be_named(tmp_path):
    path = workbook(tmp_path / "a.xlsx", {"Sales": [["a"], [1]], "By region": [["b"], ["x"]], "Empty": []})
    assert "it has 2 sheets: choose one with `sheet=Sales` or another" in refused(path)
    assert read(path, "sheet='By region'") == ({"b": "Utf8"}, [["x"]])
    assert read(path, "sheet=1") == ({"a": "Int64"}, [["1"]])
    assert "no sheet `Salse`" in refused(path, "sheet=Salse")
    assert "did you mean `Sales`" in refused(path, "sheet=Salse")
    assert "no option `delimiter`: it has sheet, skip" in refused(path, "sheet=Sales delimiter=;")
    one = workbook(tmp_path / "b.xlsx", {"Sales": [["a"], [1]], "Empty": []})
    assert read(one) == ({"a": "Int64"}, [["1"]])
    assert "all of its visible sheets are empty" in refused(workbook(tmp_path / "c.xlsx", {"Empty": []}))


def test_errors_and_words_in_a_sheet_are_said(tmp_path):
    path = workbook(tmp_path / "a.xlsx", {"S": [["a", "b"], [1, "=1/0"], ["n/v", 2], [3, 4], [5, 6]]})
    book = openpyxl.load_workbook(path)
    book["S"]["B2"].data_type = "e"
    book["S"]["B2"].value = "#DIV/0!"
    book.save(path)
    assert read(path)[0] == {"a": "Utf8", "b": "Int64"}
    assert "1 cell has an error instead of a value, such as #DIV/0! in row 2, and is read as missing" in notes(path)
    assert "column `a` is text because of `n/v` in row 3" in notes(path)
    assert read(path, "missing=n/v") == (
        {"a": "Int64", "b": "Int64"},
        [["1", None], [None, "2"], ["3", "4"], ["5", "6"]],
    )
    assert "line 3: column `a` has `n/v`, expected `integer`" in refused(path, "type.a=integer")


def test_a_damaged_workbook_is_said_to_be_so(tmp_path):
    path = workbook(tmp_path / "a.xlsx", {"S": [["a"], *[[number] for number in range(1000)]]})
    whole = path.read_bytes()
    chance = random.Random(5)
    for _ in range(30):
        broken = bytearray(whole[: chance.randrange(20, len(whole))])
        for _ in range(3):
            broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
        path.write_bytes(broken)
        status, _, errors = peek(path)
        assert status in (0, 2), errors
        assert "panicked" not in errors
    path.write_text("a,b\n")
    assert "is not an Excel workbook: it looks like text" in refused(path)


TABLE = ({"a": "Float64", "b": "Utf8"}, [["1.0", "x"], ["2.5", None], ["-3.0", 'é"]}']])
ROWS = [{"a": 1, "b": "x"}, {"a": 2.5, "b": None}, {"a": -3, "b": 'é"]}'}]


@pytest.mark.parametrize("indent", [None, 0, 3])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_is_an_array_or_one_object_after_another(tmp_path, indent, encoding):
    path = tmp_path / "a.json"
    objects = [json.dumps(row, indent=indent, ensure_ascii=False) for row in ROWS]
    for text in [json.dumps(ROWS, indent=indent, ensure_ascii=False), "\n".join(objects), " ".join(objects) + "\n\n"]:
        path.write_text(text, encoding=encoding)
        assert read(path) == TABLE
    nested = json.dumps({"n": [{"a": 0}], "data": {"items": ROWS, "next": None}}, indent=indent, ensure_ascii=False)
    path.write_text(nested, encoding=encoding)
    assert read(path, "path=data.items") == TABLE
    assert "its field `n` is a list of objects: `path=n`" in notes(path)


def test_json_that_is_no_table_is_refused(tmp_path):
    path = tmp_path / "a.json"
    for text, part in [
        ('[{"a": 1},\n 7]', "line 2: `7` is not a JSON object, but a row must be one"),
        ("[[1, 2]]", "`[1, 2]` is not a JSON object"),
        ('[{"a": 1}\n', "line 2: the file ends within its array: it is truncated"),
        ('[{"a": 1}, {"a": }]', "line 1: it is not valid JSON"),
        ('[{"a": 1},\n{"a": {"b": 1}}]', "line 2: the field `a` is an object here, and a number in line 1"),
        ('{"rows": []}', None),
    ]:
        path.write_text(text)
        if part is None:
            assert "there is no field `row`, but `rows`" in refused(path, "path=row")
        else:
            assert part in refused(path)
    path.write_text("[]")
    assert read(path) == ({}, [])


def test_what_is_packed_is_unpacked(tmp_path):
    text = b"a,b\n1,x\n2.5,\n"
    expected = ({"a": "Float64", "b": "Utf8"}, [["1.0", "x"], ["2.5", None]])
    (tmp_path / "a.csv.bz2").write_bytes(bz2.compress(text[:5]) + bz2.compress(text[5:]))
    assert read(tmp_path / "a.csv.bz2") == expected
    for method in [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]:
        for name in ["a.zip", "a.csv.zip"]:
            with zipfile.ZipFile(tmp_path / name, "w", method) as archive:
                archive.mkdir("folder")
                archive.writestr("folder/a.csv", text)
                archive.writestr("__MACOSX/folder/._a.csv", b"x")
            assert read(tmp_path / name) == expected
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", text)
        archive.writestr("b.csv", text)
    assert "the archive has 2 files, `a.csv`, `b.csv`" in refused(tmp_path / "two.zip")
    with zipfile.ZipFile(tmp_path / "none.zip", "w") as archive:
        archive.writestr("a.parquet", b"PAR1")
    assert "`a.parquet` in the archive is not text: extract it first" in refused(tmp_path / "none.zip")
    with zipfile.ZipFile(tmp_path / "xz.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.csv", text)
    assert "compressed by unsupported" in refused(tmp_path / "xz.zip")
    with zipfile.ZipFile(tmp_path / "whole.csv.zip", "w") as archive:
        archive.writestr("a.csv", text)
    whole = (tmp_path / "whole.csv.zip").read_bytes()
    (tmp_path / "damaged.csv.zip").write_bytes(whole.replace(b"2.5", b"2.6"))
    assert "the checksum of the file in it differs from the one in the archive" in refused(tmp_path / "damaged.csv.zip")


def test_a_table_in_many_texts_is_one(tmp_path):
    (tmp_path / "a.csv").write_text("k,v,d\n1,2,2024-01-01\n")
    (tmp_path / "b.csv").write_text("v;k;d\n1,5;7;31.12.2024\n")
    (tmp_path / "c.csv").write_text("k,v,d\n8,,\n")
    (tmp_path / "_SUCCESS").write_text("")
    types = {"k": "Int64", "v": "Float64", "d": "Date32"}
    rows = [["1", "2.0", "2024-01-01"], ["7", "1.5", "2024-12-31"], ["8", None, None]]
    assert read(tmp_path) == (types, rows)
    assert read(tmp_path / "[ab].csv") == (types, rows[:2])
    assert read(tmp_path, "rows=2") == (types, rows[:2])
    assert read(tmp_path, "columns=v")[1] == [["2.0"], ["1.5"], [None]]
    (tmp_path / "d.csv").write_text("k,v,d\n9,n/v,x\n")
    assert read(tmp_path)[0] == {"k": "Int64", "v": "Utf8", "d": "Utf8"}
    assert "column `v` is text because it is whole numbers in `" in notes(tmp_path)
    assert read(tmp_path, "missing=n/v")[0]["v"] == "Float64"
    # A whole number that no double holds makes no number of it.
    (tmp_path / "d.csv").write_text("k,v,d\n9,9007199254740993,\n")
    assert ["9", "9007199254740993", None] in read(tmp_path)[1]
    (tmp_path / "e.csv").write_text("k,w,d\n9,1,\n")
    assert "its files have different columns: `v` is in `" in refused(tmp_path)
    (tmp_path / "e.csv").unlink()
    (tmp_path / "e.parquet").write_text("")
    assert "its files are of different formats" in refused(tmp_path)


def test_what_is_no_table_in_many_files_is_refused(tmp_path):
    assert "the folder contains no files" in refused(tmp_path)
    assert "no file matches the pattern" in refused(tmp_path / "*.csv")
    (tmp_path / "README").write_text("x")
    assert "or set `format=` for all files" in refused(tmp_path)
    pa.parquet.write_table(pa.table({"a": pa.array([1], pa.int32())}), tmp_path / "a.parquet")
    pa.parquet.write_table(pa.table({"a": pa.array([1], pa.int64())}), tmp_path / "b.parquet")
    errors = refused(tmp_path / "*.parquet")
    assert "`a` is Int32 in `" in errors and "a.parquet`, but Int64 in `" in errors


def test_the_names_of_folders_are_columns(tmp_path):
    table = pa.table(
        {
            "n": list(range(12)),
            "year": [2023, 2024] * 6,
            "where": ["a/b", "ü", None] * 4,
            "code": ["01", "02", "03", "04"] * 3,
        }
    )
    parts = pa.dataset.partitioning(
        pa.schema([("year", pa.int64()), ("where", pa.string()), ("code", pa.string())]), flavor="hive"
    )
    pa.dataset.write_dataset(table, tmp_path / "t", format="parquet", partitioning=parts)
    types, rows = read(tmp_path / "t")
    assert types == {"n": "Int64", "year": "Int64", "where": "Utf8", "code": "Utf8"}
    expected = [[None if value is None else str(value) for value in row.values()] for row in table.to_pylist()]
    assert sorted(rows, key=lambda row: int(row[0])) == expected
    assert read(tmp_path / "t", "type.year=text")[0]["year"] == "Utf8"
    year, rows = read(tmp_path / "t" / "year=2023" / "*" / "*" / "*.parquet")
    assert list(year) == ["n", "where", "code"] and len(rows) == 6


def test_of_a_large_text_a_sample_is_read(tmp_path):
    path = tmp_path / "a.csv"
    with path.open("w") as file:
        file.write("id,v,text\n")
        file.writelines(f"{row},{row * 0.25},{'x' * 40}\n" for row in range(1_600_000))
    _, seen, errors = peek(path, rows=3)
    assert seen["sample"]["of_bytes"] == path.stat().st_size, errors
    assert seen["sample"]["bytes"] < 4 << 20
    assert abs(seen["rows"] - 1_600_000) < 100_000
    assert seen["columns"][0]["greatest"] == "1599999"
    assert seen["first"][2][:2] == ["2", "0.5"]
    done = subprocess.run([runs.LONGSHORE, "peek", "--all", "--json", path], check=True, capture_output=True)
    whole = json.loads(done.stdout)
    assert whole["rows"] == 1_600_000 and "sample" not in whole
    # What is wrong anywhere is said by its line.
    with path.open("a") as file:
        file.write("1,2\n")
    assert "line 1600002: it has 2 fields" in refused(path)


def test_scripts_get_what_peek_shows(tmp_path):
    book = workbook(tmp_path / "a.xlsx", {"S": [["k", "v"], [1, "x"], [2, "y"]]})
    (tmp_path / "a.json").write_text('[{"k": 1, "v": "x"},\n {"k": 2, "v": "y"}]')
    for year in (2023, 2024):
        (tmp_path / "t" / f"year={year}").mkdir(parents=True)
        (tmp_path / "t" / f"year={year}" / "a.csv").write_text("k\n1\n")
    script = tmp_path / "script.py"
    script.write_text(
        "from longshore.api import Api\napi = Api()\nfor number in range(3):\n"
        "    print(number, api.read_input(number).to_pydict())\n    print(number, api.read_input(number).num_rows)\n"
        "api.commit()\n"
    )
    command = [runs.LONGSHORE, "run", script, "--engine", "process", "--json"]
    for path in [book, tmp_path / "a.json", tmp_path / "t"]:
        command += ["-i", path]
    # The interpreter of these tests has the SDK, and no caller's setting is asked.
    environment = os.environ | {"LONGSHORE_PYTHON": sys.executable}
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment, timeout=runs.SECONDS_MAX
    )
    assert done.returncode == 0, done.stderr
    for line in [
        "0 {'k': [1, 2], 'v': ['x', 'y']}",
        "1 {'k': [1, 2], 'v': ['x', 'y']}",
        "2 {'k': [1, 1], 'year': [2023, 2024]}",
    ]:
        assert line in done.stderr
    record = json.loads(done.stdout)
    assert record["inputs"][0]["reading"]["options"]["sheet"] == "S"
    assert all(len(digest) == 64 for digest in record["data_hashes"] or [])
