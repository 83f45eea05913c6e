"""Small files as people have them: each with what it is to be read as, by itself and as told.

Owns the files and what is right. How they are read is asked of `longshore peek` by `test_reading.py`.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Awkward:
    """A file; `types` and `rows` are what is right, with None for a missing value.

    `alone` says what becomes of it without options: "right"; "text", where a column stays text and a note names what
    would make it more; or words that the error has. `told` are the options with which it is right.
    """

    name: str
    text: bytes
    types: str
    rows: list
    alone: str = "right"
    told: str = ""
    noted: str = ""


def _file(name, text, types, rows, alone="right", told="", noted="", encoding="utf-8"):
    return Awkward(name, text.encode(encoding), types, rows, alone, told, noted)


N = None
DAYS = [["1", "2024-12-31"], ["2", "2024-01-02"]]

ALL = [
    _file("semicolons", "a;b\n1;x\n2;y\n", "Int64 Utf8", [["1", "x"], ["2", "y"]]),
    _file("comma in the header", "a;price, net\n1;x\n2;y\n", "Int64 Utf8", [["1", "x"], ["2", "y"]]),
    _file("bars", "a|b\n1|x\n2|y\n", "Int64 Utf8", [["1", "x"], ["2", "y"]]),
    _file("tabs", "a\tb\n1\tx\n2\ty\n", "Int64 Utf8", [["1", "x"], ["2", "y"]]),
    _file("two characters", "a||b\n1||x\n2||y\n", "Int64 Utf8", [["1", "x"], ["2", "y"]]),
    _file(
        "runs of blanks",
        "a    b\n1    x\n22   y\n",
        "Int64 Utf8",
        [["1", "x"], ["22", "y"]],
        "delimiter=blanks",
        "delimiter=blanks",
    ),
    _file("quote '", "a,b\n1,'x, y'\n2,z\n", "Int64 Utf8", [["1", "x, y"], ["2", "z"]], noted="quote="),
    _file(
        "backslash escapes",
        'a,b\n1,"x \\"y\\", z"\n2,w\n',
        "Int64 Utf8",
        [["1", 'x "y", z'], ["2", "w"]],
        noted="escape=",
    ),
    _file(
        "no quoting at all",
        'a,b\n1,"x" y\n2,"z\n',
        "Int64 Utf8",
        [["1", '"x" y'], ["2", '"z']],
        "quote=none",
        "quote=none",
    ),
    _file("decimal comma", "a;b\nx;1,5\ny;2,25\n", "Utf8 Float64", [["x", "1.5"], ["y", "2.25"]]),
    _file(
        "thousands",
        'a,b\nx,"1,234"\ny,"12,500"\n',
        "Utf8 Int64",
        [["x", "1234"], ["y", "12500"]],
        "text",
        "thousands=,",
        "thousands=,",
    ),
    _file("thousands and decimals", 'a,b\nx,"1,234.5"\ny,"500"\n', "Utf8 Float64", [["x", "1234.5"], ["y", "500.0"]]),
    _file("thousands with points", "a;b\nx;1.234,50\ny;2,5\n", "Utf8 Float64", [["x", "1234.5"], ["y", "2.5"]]),
    _file("dates 31/12/2024", "a,d\n1,31/12/2024\n2,02/01/2024\n", "Int64 Date32", DAYS),
    _file("dates 12/31/2024", "a,d\n1,12/31/2024\n2,01/02/2024\n", "Int64 Date32", DAYS),
    _file("dates 31.12.2024", "a,d\n1,31.12.2024\n2,02.01.2024\n", "Int64 Date32", DAYS),
    _file(
        "dates 02.01.2024",
        "a,d\n1,03.01.2024\n2,02.01.2024\n",
        "Int64 Date32",
        [["1", "2024-01-03"], ["2", "2024-01-02"]],
    ),
    _file(
        "dates 02/01/2024",
        "a,d\n1,03/01/2024\n2,02/01/2024\n",
        "Int64 Date32",
        [["1", "2024-01-03"], ["2", "2024-01-02"]],
        "text",
        "dates=dmy",
        "dates=dmy",
    ),
    _file(
        "times 31/12/2024 13:45",
        "a,d\n1,31/12/2024 13:45\n2,02/01/2024 09:00:30\n",
        "Int64 Timestamp(µs)",
        [["1", "2024-12-31T13:45:00"], ["2", "2024-01-02T09:00:30"]],
    ),
    _file(
        "dates in two orders",
        "a,d\n1,31/12/2024\n2,12/31/2024\n",
        "Int64 Utf8",
        [["1", "31/12/2024"], ["2", "12/31/2024"]],
        "right",
        noted="several orders",
    ),
    _file(
        "years of two digits",
        "a,d\n1,31.12.24\n2,02.01.24\n",
        "Int64 Date32",
        DAYS,
        "plain text",
        "type.d=date:%d.%m.%y",
    ),
    _file(
        "Latin-1",
        "a,b\n1,grün\n2,ß\n",
        "Int64 Utf8",
        [["1", "grün"], ["2", "ß"]],
        "encoding=",
        "encoding=latin-1",
        encoding="latin-1",
    ),
    _file(
        "Windows-1252",
        "a,b\n1,5 €\n2,„x“\n",
        "Int64 Utf8",
        [["1", "5 €"], ["2", "„x“"]],
        "encoding=",
        "encoding=windows-1252",
        encoding="cp1252",
    ),
    _file("UTF-16 with a mark", "a,b\n1,grün\n2,ß\n", "Int64 Utf8", [["1", "grün"], ["2", "ß"]], encoding="utf-16"),
    _file("UTF-8 with a mark", "a,b\n1,grün\n2,ß\n", "Int64 Utf8", [["1", "grün"], ["2", "ß"]], encoding="utf-8-sig"),
    _file(
        "comments above", "# one, two\n# three\na,b\n1,x\n2,y\n", "Int64 Utf8", [["1", "x"], ["2", "y"]], noted="skip=2"
    ),
    _file(
        "comments between",
        "a,b\n1,x\n# no row\n2,y\n",
        "Int64 Utf8",
        [["1", "x"], ["2", "y"]],
        "line 3",
        "comment=#",
    ),
    _file(
        "titles above",
        "Sales of 2024\n\na,b,c\n1,x,2\n2,y,3\n",
        "Int64 Utf8 Int64",
        [["1", "x", "2"], ["2", "y", "3"]],
        noted="skip=2",
    ),
    _file(
        "titles with commas",
        "Sales, net\na,b,c,d\n1,x,2,3\n2,y,3,4\n",
        "Int64 Utf8 Int64 Int64",
        [["1", "x", "2", "3"], ["2", "y", "3", "4"]],
        noted="skip=1",
    ),
    _file(
        "a sum below",
        "id,name,price\n1,x,2\n2,y,3\n3,z,4\n4,u,5\n5,v,6\nsum,,20\n",
        "Int64 Utf8 Int64",
        [["1", "x", "2"], ["2", "y", "3"], ["3", "z", "4"], ["4", "u", "5"], ["5", "v", "6"]],
        "text",
        "footer=1",
        "because of `sum`",
    ),
    _file("no header", "1,x\n2,y\n7,z\n", "Int64 Utf8", [["1", "x"], ["2", "y"], ["7", "z"]], noted="header=yes"),
    _file(
        "a header that counts",
        "1,2,3\n5,6,7\n8,9,10\n",
        "Int64 Int64 Int64",
        [["5", "6", "7"], ["8", "9", "10"]],
        "header=yes",
        "header=yes",
    ),
    _file(
        "missing as - and ?",
        "a,b\n1,5\n2,-\n3,6\n4,7\n5,8\n6,?\n7,9\n8,9\n9,9\n10,9\n11,9\n",
        "Int64 Int64",
        [["1", "5"], ["2", N], ["3", "6"], ["4", "7"], ["5", "8"]],
        "text",
        "missing=- missing=?",
        "missing=-",
    ),
    _file(
        "missing as -999", "a,b\n1,5\n2,-999\n", "Int64 Int64", [["1", "5"], ["2", N]], "plain number", "missing=-999"
    ),
    _file("missing as #N/A", "a,b\n1,5\n2,#N/A\n", "Int64 Int64", [["1", "5"], ["2", N]]),
    _file(
        "NA in text is missing", "a,b\n1,x\n2,NA\n", "Int64 Utf8", [["1", "x"], ["2", N]], "plain text", "missing=NA"
    ),
    _file("NA in text is Namibia", "a,b\n1,DE\n2,NA\n", "Int64 Utf8", [["1", "DE"], ["2", "NA"]]),
    _file("empty text is not missing", 'a,b\n1,""\n2,\n', "Int64 Utf8", [["1", ""], ["2", N]]),
    _file(
        "short rows",
        "a,b,c\n1,x,2\n2,y\n",
        "Int64 Utf8 Int64",
        [["1", "x", "2"], ["2", "y", N]],
        "ragged=fill",
        "ragged=fill",
    ),
    _file("long rows", "a,b\n1,x\n2,y,z\n", "Int64 Utf8", [["1", "x"], ["2", "y"]], "ragged=cut", "ragged=cut"),
    _file("rows to leave out", "a,b\n1,x\n2\n3,z\n", "Int64 Utf8", [["1", "x"], ["3", "z"]], "ragged=", "ragged=skip"),
    _file(
        "a comma at the end of rows",
        "a,b\n1,x,\n2,y,\n",
        "Int64 Utf8",
        [["1", "x"], ["2", "y"]],
        noted="delimiter behind",
    ),
    _file("CR alone", "a,b\r1,x\r2,y\r", "Int64 Utf8", [["1", "x"], ["2", "y"]]),
    _file("blank lines", "a,b\n\n1,x\n\n2,y\n", "Int64 Utf8", [["1", "x"], ["2", "y"]]),
    _file("blanks after commas", "a, b\n1, 2\n3, 4\n", "Int64 Int64", [["1", "2"], ["3", "4"]], noted="blanks"),
    _file("codes 007", "a,b\n1,007\n2,008\n", "Int64 Utf8", [["1", "007"], ["2", "008"]]),
    _file("ids as text", "a,b\n1,12\n2,13\n", "Int64 Utf8", [["1", "12"], ["2", "13"]], "plain number", "type.b=text"),
    _file("all as text", "a,b\n1,12\n2,13\n", "Utf8 Utf8", [["1", "12"], ["2", "13"]], "plain number", "type.*=text"),
    _file(
        "yes and no",
        "a,b\n1,yes\n2,no\n",
        "Int64 Boolean",
        [["1", "true"], ["2", "false"]],
        "plain text",
        "type.b=boolean",
    ),
    _file(
        "ja and nein",
        "a,b\n1,ja\n2,nein\n",
        "Int64 Boolean",
        [["1", "true"], ["2", "false"]],
        "plain text",
        "true=ja false=nein",
    ),
    _file(
        "1 and 0", "a,b\n1,1\n2,0\n", "Int64 Boolean", [["1", "true"], ["2", "false"]], "plain number", "type.b=boolean"
    ),
    _file("sep=;", "sep=;\na;b\n1;x\n2;y\n", "Int64 Utf8", [["1", "x"], ["2", "y"]]),
    _file(
        "two header lines",
        "id,weight\n,kg\n" + "".join(f"{n},{n}.5\n" for n in range(5)),
        "Int64 Float64",
        [[N, N], *([str(n), f"{n}.5"] for n in range(5))],
        "text",
        "missing=kg",
        "because of `kg`",
    ),
    _file("a late word", "a\n" + "1\n" * 300 + "n/v\n", "Int64", [["1"]] * 5, "text", "missing=n/v", "in line 302"),
    _file("the first rows", "a\n1\n2\nx\n", "Int64", [["1"], ["2"]], "plain text", "rows=2"),
    _file("some columns", "a,b,c\n1,x,2\n", "Int64 Int64", [["1", "2"]], "plain wider", "columns=a columns=c"),
    _file(
        "spaced thousands",
        "a;b\nx;1 234,5\ny;2,5\n",
        "Utf8 Float64",
        [["x", "1234.5"], ["y", "2.5"]],
        "plain text",
        "decimal=, thousands=space",
    ),
]
