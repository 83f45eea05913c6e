"""Polluted CSV as the Pollock benchmark measures it: one clean table, 2,290 files that each spoil it in one way.

Owns the clean table, the pollutions, their weights, the measures, and what a person would say of each file. Rules, measures
and weights are those of Vitagliano et al., "Pollock: A Data Loading Benchmark", PVLDB 16(8), 2023; the table is our own, of
the same shape: 83 rows of 9 columns under one line of names, CRLF, quotes where two columns always and one sometimes has
them, a last column without a value. No file of theirs is here.

    python3 tests/tables/pollock.py          # all files, by themselves and as told: the scores, by kind
"""

import collections
import concurrent.futures
import dataclasses
import datetime
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import runs

NAMES = ["DAY", "TIME", "Pieces", "ARTICLE", "Price", "Kind", "Description", "Page", "Remarks"]
ROWS, COLUMNS = 83, len(NAMES)
QUOTED = {"Description", "Page"}
"""Columns that are in quotes whatever they hold."""

KINDS = [
    "Garden Table, Round",
    "Men's Rain Jacket",
    'Shelf Board, 24"',
    "Women's Wool Hat",
    "Lamp",
    'Pipe 5" Straight',
    "Kids' Boots, Lined",
]
SENTENCES = [
    "Made of oak that grew nearby, oiled twice and sanded by hand.",
    "Keeps the rain out, lets the warmth stay, and folds into its own pocket.",
    "It isn't heavy and it doesn't rust.",
    "The 8\\'9\" length fits most doors, even old ones.",
    "Light enough for a long day and strong enough for a short one.",
    "From walking the dog, biking or running, whatever the weather: dry feet.",
]


def _row(number):
    # The day is never one that could be a month.
    day = datetime.date(2018, 1 + number // 15, 13 + number % 15)
    article = f"{'ABCDEFG'[number % 7]}{'KLMNP'[number % 5]}-{1000 + 97 * number}"
    return [
        day.strftime("%d/%m/%Y"),
        f"{number // 4:02d}:{number % 4 * 15:02d}",
        str(number * 7 % 31),
        article,
        f"${(number * 977 + 199) % 9900 / 100:.2f}",
        KINDS[number % len(KINDS)],
        f"{SENTENCES[number % len(SENTENCES)]} No. {number}.",
        f"https://www.example.com/article/{article.replace('-', '_')}.html",
        "",
    ]


CLEAN = [NAMES, *(_row(number) for number in range(ROWS))]


@dataclasses.dataclass(frozen=True)
class Dialect:
    """How the table is written."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    end: str = "\r\n"

    def cell(self, text, quoted, extra=""):
        """A cell; `extra` stands before its text, as it is."""
        text = extra + text.replace('"', f'{self.escape}"')
        return f"{self.quote}{text}{self.quote}" if quoted else text

    def pieces(self, row):
        """The cells of a row as they are written."""
        return [self.cell(text, is_quoted(name, text)) for name, text in zip(NAMES, row, strict=True)]

    def line(self, row):
        """A row."""
        return self.delimiter.join(self.pieces(row)) + self.end


def is_quoted(name, text):
    """Whether the clean table has a cell in quotes."""
    return name in QUOTED or "," in text or '"' in text


@dataclasses.dataclass(frozen=True)
class Polluted:
    """A file: `right` is what a perfect reader gives, the names first; `told` is what a person would say of it."""

    name: str
    kind: str
    weight: float
    text: bytes
    right: list
    told: str


USUAL = "quote='\"' type.*=text"
"""What is said of every file, as it is of the readers that the benchmark measures: its quote, and that all is text."""


def _file(name, weight, text, *, right=CLEAN, told="delimiter=, header=yes", kind=""):
    return Polluted(name, kind or name, weight, text.encode(), right, f"{USUAL} {told}")


def _whole(rows=CLEAN, dialect=None):
    dialect = dialect or Dialect()
    return "".join(map(dialect.line, rows))


def _replaced(number, line):
    """The clean file with another line in one place."""
    lines = [Dialect().line(row) for row in CLEAN]
    lines[number] = line
    return "".join(lines)


def _files():
    """Pollutions of the whole file. Weights: files of the survey, of 3,712 of open data, that have the pollution."""
    plain = Dialect()
    whole = _whole()
    names, first = plain.line(NAMES), plain.line(CLEAN[1])
    yield _file("source", 1, whole)
    yield _file("no payload", 15, "", right=[])
    yield _file("no end of the last line", 184, whole.removesuffix("\r\n"))
    yield _file("two ends of the last line", 5, whole + "\r\n")
    yield _file("no header", 470, whole.removeprefix(names), right=CLEAN[1:], told="delimiter=, header=no")
    for lines in (2, 3):
        joined = [[" ".join([name] * lines) for name in NAMES], *CLEAN[1:]]
        told = f"delimiter=, header={lines}"
        yield _file(f"header of {lines} lines", 47, names * (lines - 1) + whole, right=joined, told=told)
    above = "PREAMBLE" + "," * (COLUMNS - 1) + "\r\n" + "," * (COLUMNS - 1) + "\r\n"
    yield _file("preamble", 282, above + whole, told="delimiter=, skip=2 header=yes")
    for what, columns in (("less", COLUMNS - 1), ("same", COLUMNS), ("more", COLUMNS + 1)):
        second = "".join(
            ",".join((plain.pieces(row) + ["col1" if row is NAMES else ""])[:columns]) + "\r\n" for row in CLEAN[:-1]
        )
        yield _file(f"two tables, {what}", 188 / 3, whole + second, told=f"delimiter=, header=yes rows={ROWS}")
    yield _file("header alone", 3, names, right=CLEAN[:1])
    yield _file("one row", 4, names + first, right=CLEAN[:2])
    yield _file("ends of lines CR", 7, _whole(dialect=Dialect(end="\r")))
    yield _file("ends of lines LF", 1691, _whole(dialect=Dialect(end="\n")))
    yield _file("delimiter tab", 4, _whole(dialect=Dialect("\t")), told="delimiter=tab header=yes")
    yield _file("delimiter ;", 834, _whole(dialect=Dialect(";")), told="delimiter=; header=yes")
    yield _file("delimiter blank", 4, _whole(dialect=Dialect(" ")), told="delimiter=space header=yes ragged=cut")
    yield _file("delimiter comma and blank", 101, _whole(dialect=Dialect(", ")), told="delimiter=', ' header=yes")
    quoted = _whole(dialect=Dialect(quote="'"))
    told = "delimiter=, header=yes quote=' stray=text ragged=cut"
    yield _file("quote '", 11, quoted, told=told)
    yield _file(
        "escape \\",
        1,
        _whole(dialect=Dialect(escape="\\")),
        told="delimiter=, header=yes escape=\\ stray=text ragged=cut",
    )
    told = "delimiter=, header=yes stray=text ragged=cut"
    yield _file("no escape", 7, _whole(dialect=Dialect(escape="")), told=told)


def _rows():
    """Pollutions of one row, for each row and each of its places."""
    plain = Dialect()
    # Of rows of another length 260 files, of 92 rows and 10 columns, in the authors' list; then quotes and delimiters, 7.
    ragged, quote, blank = 260 / 707, 7 / 756, 1 / 7
    told = "delimiter=, header=yes stray=text ragged=cut"
    for number, row in enumerate(CLEAN):
        pieces = plain.pieces(row)
        for column in range(COLUMNS):
            more = [*pieces[:column], "", *pieces[column:]]
            yield _file(
                f"row {number}, one delimiter more at {column}",
                ragged,
                _replaced(number, ",".join(more) + "\r\n"),
                told=told,
                kind="a delimiter more",
            )
            if column > 0:
                less = [*pieces[: column - 1], pieces[column - 1] + pieces[column], *pieces[column + 1 :]]
                yield _file(
                    f"row {number}, one delimiter less at {column}",
                    ragged,
                    _replaced(number, ",".join(less) + "\r\n"),
                    told=told,
                    kind="a delimiter less",
                )
            cell = plain.cell(row[column], is_quoted(NAMES[column], row[column]), extra='"')
            stray = [*pieces[:column], cell, *pieces[column + 1 :]]
            right = [list(cells) for cells in CLEAN]
            right[number][column] = '"' + row[column]
            yield _file(
                f"row {number}, one quote more at {column}",
                quote,
                _replaced(number, ",".join(stray) + "\r\n"),
                right=right,
                told=told,
                kind="a quote more",
            )
        yield _file(
            f"row {number}, delimited by blanks",
            blank,
            _replaced(number, " ".join(pieces) + "\r\n"),
            told=told,
            kind="a row delimited by blanks",
        )


def files():
    """All of them: 2,290."""
    return [*_files(), *_rows()]


# What was read.


@dataclasses.dataclass(frozen=True)
class Read:
    """What came of a file: `table` is None where it was refused; its names are not there where there are none."""

    table: list | None
    notes: list
    error: str = ""


def read(file, folder, told):
    """Reads a file with `longshore peek`."""
    path = pathlib.Path(folder) / f"{file.name.replace('/', ' ')}.csv"
    path.write_bytes(file.text)
    command = [runs.LONGSHORE, "peek", "--json", "--rows", "1000", path]
    if told:
        command += ["--read", file.told]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=runs.SECONDS_MAX)
    path.unlink()
    if done.returncode == 2:
        return Read(None, [], " ".join(done.stderr.split()))
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    notes = seen["reading"]["notes"] + [c["reason"] for c in seen["reading"]["columns"] if "reason" in c]
    # Names that stand in no line of the file are no header.
    has_header = seen["reading"]["options"]["header"] != "no"
    header = [[column["name"] for column in seen["columns"]]] if has_header else []
    return Read(header + [[cell or "" for cell in row] for row in seen["first"]], notes)


def read_all(chosen, told, workers=2):
    """What came of each file, in their order."""
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda file: read(file, folder, told), chosen))


# The measures.


def normal(cell):
    """A cell as the benchmark compares it: a number and a date by its value, text without its case."""
    if re.fullmatch(r"\d\d/\d\d/\d{4}", cell):
        return "-".join(reversed(cell.split("/")))
    if re.fullmatch(r"-?\d+", cell):
        return str(int(cell))
    if re.fullmatch(r"-?\d+\.\d+", cell):
        return str(float(cell))
    return cell.lower()


def _shares(right, found):
    """Precision, recall and F1 of a bag, in the benchmark's way."""
    if not right:
        return 1.0, 1.0, 1.0
    both = sum((collections.Counter(right) & collections.Counter(found)).values())
    if not both:
        return 0.0, 0.0, 0.0
    precision, recall = both / len(right), both / len(found)
    return precision, recall, 2 * precision * recall / (precision + recall)


def records(table):
    """The records below the first, each as one text of its cells: where cells end does not count."""
    return ["".join(map(normal, row)) for row in table[1:]]


def score(file, read, normalized=False):
    """From 0 to 10: success, and precision, recall and F1 of header, records and cells.

    The benchmark compares cells as they are written, also a date that is read as one; `normalized` compares values.
    """
    if read.table is None:
        return 0.0
    if not file.right:
        return 10.0
    header = read.table[0] if read.table else []
    cell = normal if normalized else str
    cells = [[cell(text) for row in table for text in row] for table in (file.right, read.table)]
    measures = [
        _shares([*map(normal, file.right[0])], [*map(normal, header)]),
        _shares(records(file.right), records(read.table)),
        _shares(*cells),
    ]
    return 1.0 + sum(map(sum, measures))


def is_changed(file, read):
    """Whether it was read, and not every record is as in the clean table."""
    return read.table is not None and [[*map(normal, row)] for row in read.table] != [
        [*map(normal, row)] for row in file.right
    ]


def is_silent(file, read):
    """Whether a record is another, and nothing is said."""
    return is_changed(file, read) and not read.notes


def scores(chosen, reads, normalized=False):
    """The mean over files, and the mean by their weights."""
    each = [score(file, read, normalized) for file, read in zip(chosen, reads, strict=True)]
    weights = [file.weight for file in chosen]
    weighted = sum(value * weight for value, weight in zip(each, weights, strict=True))
    return sum(each) / len(each), weighted / sum(weights)


def main():
    """Reads all files in both ways, and prints what came of them."""
    chosen = files()
    total = sum(file.weight for file in chosen)
    print(f"{len(chosen)} files, weights {total:.1f}")
    for told in (False, True):
        reads = read_all(chosen, told)
        pairs = list(zip(chosen, reads, strict=True))
        print("\nas told" if told else "by themselves")
        for normalized in (False, True):
            simple, weighted = scores(chosen, reads, normalized)
            print(f"  cells {'by value' if normalized else 'as written'}: simple {simple:.3f}, weighted {weighted:.3f}")
        refused = sum(read.table is None for read in reads)
        changed = [is_changed(file, read) for file, read in pairs]
        silent = [file.name for file, read in pairs if is_silent(file, read)]
        print(
            f"  refused {refused}, read and different {sum(changed)}, of those in silence {len(silent)}: {silent[:20]}"
        )
        kinds = collections.defaultdict(list)
        for file, read in pairs:
            kinds[file.kind].append((file, read))
        for kind, members in kinds.items():
            points = sum(score(file, read, True) for file, read in members) / len(members)
            written = sum(score(file, read) for file, read in members) / len(members)
            lost = sum((10 - score(file, read)) * file.weight for file, read in members) / total
            none = sum(read.table is None for _, read in members)
            print(f"  {kind:28} {len(members):4} files, {points:6.3f} {written:6.3f}, costs {lost:.3f}, refused {none}")
            if "-v" in sys.argv:
                shown = {(read.error or "; ".join(read.notes))[:200] for _, read in members}
                for words in sorted(shown)[:4]:
                    print(f"      {words}")


if __name__ == "__main__":
    main()
