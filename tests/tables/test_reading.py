"""Text as people have it: what is read by itself, what is said where it is not, and what options do."""

import collections
import csv
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import awkward
import hypothesis
import hypothesis.strategies as st
import pytest
import runs


def peek(path, *options):
    """What `longshore peek` says of a file: exit status, the parsed JSON, standard error."""
    command = [runs.LONGSHORE, "peek", "--json", path]
    for option in options:
        command += ["--read", option]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=runs.SECONDS_MAX)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def written(folder, kind):
    path = folder / f"{awkward.ALL.index(kind)}.csv"
    path.write_bytes(kind.text)
    return path


def notes(seen):
    reasons = [column["reason"] for column in seen["reading"]["columns"] if "reason" in column]
    return " ".join(seen["reading"]["notes"] + reasons)


def table(seen):
    return " ".join(column["type"] for column in seen["columns"]), seen["first"]


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    return tmp_path_factory.mktemp("awkward")


@pytest.mark.parametrize("kind", awkward.ALL, ids=lambda kind: kind.name)
def test_files_are_read_by_themselves_or_it_is_said_what_is_lacking(kind, here):
    status, seen, errors = peek(written(here, kind))
    right = (kind.types, kind.rows[:5])
    if kind.alone == "right":
        assert status == 0, errors
        assert table(seen) == right
        assert kind.noted in notes(seen)
    elif kind.alone == "text":
        # It costs a type, and the note says what would bring it back.
        assert status == 0, errors
        assert kind.types != table(seen)[0]
        assert kind.noted in notes(seen)
    elif kind.alone.startswith("plain"):
        # It is what it says, and only its owner knows that it means more.
        assert status == 0, errors
        assert table(seen) != right
    else:
        assert status == 2, seen
        assert kind.alone in errors


@pytest.mark.parametrize("kind", [kind for kind in awkward.ALL if kind.told], ids=lambda kind: kind.name)
def test_files_are_read_as_they_are_told(kind, here):
    status, seen, errors = peek(written(here, kind), kind.told)
    assert status == 0, errors
    assert table(seen) == (kind.types, kind.rows[:5])


@pytest.mark.parametrize("kind", [kind for kind in awkward.ALL if kind.alone == "right"], ids=lambda kind: kind.name)
def test_the_options_that_peek_prints_read_the_same(kind, here):
    path = written(here, kind)
    _, alone, _ = peek(path)
    assert_same_again(path, alone)


def assert_same_again(path, seen):
    """The options that are printed for a file read it as it was."""
    options = [
        f"{key}='{value}'" if value != "'" else f"{key}={value}" for key, value in seen["reading"]["options"].items()
    ]
    status, again, errors = peek(path, " ".join(options))
    assert status == 0, (options, errors)
    assert again["reading"]["options"] == seen["reading"]["options"]
    assert (again["first"], again["columns"]) == (seen["first"], seen["columns"])


def test_most_kinds_need_no_option():
    counted = collections.Counter(kind.alone if kind.alone == "right" else "told" for kind in awkward.ALL)
    assert counted["right"] >= 30


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("delimeter=;", "did you mean `delimiter`"),
        ("encoding=klingon", "`klingon` is not a known encoding"),
        ("type.b=integer", "column `b` has `x`, expected `integer`"),
        ("type.c=text", "there is no column `c`"),
        ("columns=z", "there is no column `z`"),
        ("type.b=date:%d.%m.%Y", "column `b` has `x`, expected `date:%d.%m.%Y`"),
        ("decimal=, thousands=,", "the same mark"),
        ("missing='a", "is not closed"),
        ("delimiter", "KEY=VALUE"),
        ("format=xml", "unknown format `xml`"),
    ],
)
def test_options_that_cannot_be_are_refused(options, words, here):
    path = here / "plain.csv"
    path.write_text("a,b\n1,x\n")
    status, seen, errors = peek(path, options)
    assert status == 2, seen
    assert words in " ".join(errors.split())


def test_options_are_for_text_alone(here):
    path = here / "lines.ndjson"
    path.write_text('{"a": 1}\n')
    status, _, errors = peek(path, "delimiter=;")
    assert status == 2
    assert "no option `delimiter`: it has encoding" in errors


def test_a_run_reads_as_it_is_told_and_says_what_it_found(here):
    script = here / "script.py"
    script.write_text(
        "from longshore.api import Api\napi = Api()\nfor number in (0, 1):\n"
        "    frame = api.read_input_records(number)\n    print(number, dict(frame.dtypes.astype(str)), frame.v.sum())\n"
        "api.commit()\n"
    )
    first, second = here / "first.csv", here / "second.txt"
    first.write_text("k;v\n" + "x;1,5\n" * 9 + "y;n/v\n")
    second.write_bytes("k|v\ngrün|7\n".encode("latin-1"))
    command = [runs.LONGSHORE, "run", script, "--engine", "process", "-i", first, "-i", second, "--json"]
    command += ["--read", "0:missing=n/v", "--read", "1:encoding=latin-1"]
    # The interpreter of these tests has the SDK, and no caller's setting is asked.
    environment = os.environ | {"LONGSHORE_PYTHON": sys.executable}
    run = functools.partial(subprocess.run, check=False, capture_output=True, text=True, env=environment)
    done = run(command, timeout=runs.SECONDS_MAX)
    assert done.returncode == 0, done.stderr
    assert "0 {'k': 'str', 'v': 'float64'} 13.5" in done.stderr.replace("object", "str")
    assert "1 {'k': 'str', 'v': 'int64'} 7" in done.stderr.replace("object", "str")
    record = json.loads(done.stdout)
    read = [entry["reading"]["options"] for entry in record["inputs"]]
    assert read[0]["delimiter"] == ";" and read[1]["encoding"] == "windows-1252"
    command[command.index("0:missing=n/v")] = "0:quote=none"
    done = run(command, timeout=runs.SECONDS_MAX)
    note = next(note for note in json.loads(done.stdout)["notes"] if "n/v" in note)
    assert "`n/v` in line 11" in note and "missing=n/v" in note
    assert note in " ".join(done.stderr.split())


CELLS = st.text(alphabet="ab1 ,;|\t\"'#\\.-/:é", max_size=8)


@hypothesis.settings(max_examples=400, deadline=None, derandomize=True)
@hypothesis.given(
    st.integers(1, 3).flatmap(
        lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=8)
    )
)
@hypothesis.example([["a;b"], ["c;d"]])
@hypothesis.example([["# no comment"], ["1"]])
def test_what_programs_write_is_read_as_it_was_or_refused(cells):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "table.csv"
        names = ["name", "second", "third"][: len(cells[0])]
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([names, *cells])
        status, seen, errors = peek(path, "type.*=text", "quote='\"'")
    if status == 0:
        assert [column["name"] for column in seen["columns"]] == names
        found = [[cell or "" for cell in row] for row in seen["first"]]
        assert found == cells[:5]
        assert seen["rows"] == len(cells)
    else:
        assert status == 2
        assert "=" in errors


LINES = st.builds(
    lambda rows, delimiter, blank, behind, above, first: (
        above + "".join(first + (delimiter + blank).join(row) + behind * delimiter + "\n" for row in rows)
    ),
    st.integers(2, 4).flatmap(
        lambda width: st.lists(
            st.lists(
                st.sampled_from(["a", "7", "x y", "", '"p, q"', "1,5", "'", "31.12.2024"]),
                min_size=width,
                max_size=width,
            ),
            min_size=2,
            max_size=6,
        )
    ),
    st.sampled_from([",", ";", "\t", "|", "||", " "]),
    st.sampled_from(["", " "]),
    st.sampled_from([0, 1]),
    st.sampled_from(["", "Sales of 2024\n\n", "Sales,,,\n", "# one\n"]),
    st.sampled_from(["", "1,"]),
)
"""Text as people write it: their dialect and titles, over cells that several could read."""


@hypothesis.settings(max_examples=200, deadline=None, derandomize=True)
@hypothesis.given(LINES)
def test_the_options_that_are_printed_for_any_text_read_it_again(text):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "table.csv"
        path.write_text(text, encoding="utf-8")
        status, seen, errors = peek(path)
        if status == 0:
            assert_same_again(path, seen)
        else:
            assert status == 2
            assert "=" in errors


PAGE = runs.HERE.parent.parent / "docs" / "reading.md"

WITHOUT = {"right": "correct", "text": "text, with a note"}


def kinds():
    """The table of docs/reading.md."""
    rows = ["| file | without options | option |", "|---|---|---|"]
    for kind in awkward.ALL:
        plain = kind.alone.removeprefix("plain ") if kind.alone.startswith("plain") else None
        without = WITHOUT.get(kind.alone) or (
            f"as written: {plain}" if plain else "rejected; the error names the option"
        )
        options = f"`{kind.told}`" if kind.told else ""
        rows.append(f"| {kind.name} | {without} | {options} |".replace("||", "\\|\\|"))
    return "\n".join(rows)


def test_the_page_has_every_kind():
    page = PAGE.read_text(encoding="utf-8")
    begin, end = "<!-- kinds -->\n", "<!-- end of kinds -->"
    before, rest = page.split(begin)
    _, after = rest.split(end)
    text = f"{before}{begin}{kinds()}\n{end}{after}"
    if os.environ.get("LONGSHORE_WRITE_DOCS"):
        PAGE.write_text(text, encoding="utf-8")
    assert page == text or os.environ.get("LONGSHORE_WRITE_DOCS"), "LONGSHORE_WRITE_DOCS=1 writes it"


def test_the_page_shows_what_peek_prints(here):
    path = here / "sales.csv"
    path.write_text("shop;when;price\nAachen;31.12.2024;1.234,5\nZwickau;01.02.2024;2,5\nZwickau;02.02.2024;\n")
    done = subprocess.run(
        [runs.LONGSHORE, "peek", path], check=False, capture_output=True, text=True, timeout=runs.SECONDS_MAX
    )
    shown = PAGE.read_text(encoding="utf-8").split("$ longshore peek sales.csv\n")[1].split("\n\n## ")[0]
    assert [line.split() for line in done.stdout.splitlines()] == [line.split() for line in shown.splitlines()]
