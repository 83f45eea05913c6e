"""Columns of every Arrow type that pyarrow can build, with values that have been lost somewhere before.

Each type is a `Column`: usual values, which every table holds with no, some and only missing ones, and extremes, which
stand in a table of their own because a reader may have to refuse them. Owns types and values; what becomes of them is
said in `expected.py`, the files are made by `files.py`.
"""

import dataclasses
import decimal
import uuid

import pyarrow as pa

ROWS = 13
"""Rows of a table: odd, so that batches and chunks of 5 end within it."""


@dataclasses.dataclass(frozen=True)
class Column:
    """A type with values; `make` builds an array of a list of them, missing ones as None."""

    name: str
    usual: list
    extremes: list
    make: object
    metadata: dict | None = None

    def field(self, name, array):
        return pa.field(name, array.type, metadata=self.metadata)


def columns():
    """All columns by their names."""
    made = [*_scalars(), *_times(), *_nested(), *_encoded(), *_extensions()]
    names = [column.name for column in made]
    assert len(names) == len(set(names)), "names are all different"
    return {column.name: column for column in made}


def table(column, extremes):
    """A table of a column's usual values, with no, some and only missing ones, or of its extremes, padded with missing."""
    if extremes:
        padded = [*column.extremes, *[None] * ROWS][: max(ROWS, len(column.extremes))]
        # Twice: a missing value alone in its row is a matter of its own in CSV.
        values = {"extremes": padded, "again": padded}
    else:
        repeated = (column.usual * ROWS)[:ROWS]
        some = [None if row in (1, 6, 7, 12) else value for row, value in enumerate(repeated)]
        values = {"none": repeated, "some": some, "all": [None] * ROWS}
    arrays = {name: column.make(part) for name, part in values.items()}
    fields = [column.field(name, array) for name, array in arrays.items()]
    return pa.Table.from_arrays(list(arrays.values()), schema=pa.schema(fields))


def _of(name, kind, usual, extremes=()):
    return Column(name, list(usual), list(extremes), lambda values: pa.array(values, kind))


def _scalars():
    yield _of("null", pa.null(), [None])
    yield _of("bool", pa.bool_(), [True, False, False])
    for bits in (8, 16, 32, 64):
        limits = [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1]
        beside = [2**53 - 1, 2**53, 2**53 + 1, -(2**53) - 1, 99999999999999999] if bits == 64 else []
        yield _of(f"int{bits}", getattr(pa, f"int{bits}")(), [1, -2, 0, 100], [*limits, *beside, 0])
        beside = [2**53 + 1, 2**63, 2**64 - 1025] if bits == 64 else []
        yield _of(f"uint{bits}", getattr(pa, f"uint{bits}")(), [1, 2, 0, 100], [0, 2**bits - 1, *beside])
    odd = [float("inf"), float("-inf"), float("nan"), -0.0, 0.0]
    yield _of("halffloat", pa.float16(), [0.5, -1.25, 0.0, 3.0], [*odd, 65504.0, 2.0**-24])
    yield _of("float", pa.float32(), [0.5, -1.25, 0.0, 3.0], [*odd, 3.4028234663852886e38, 2.0**-149, 16777217.0])
    extremes = [*odd, 1.7976931348623157e308, 5e-324, 0.1, 1 / 3, 2.0**53 + 2, 1e22, 1e-7]
    yield _of("double", pa.float64(), [0.5, -1.25, 0.0, 3.0], extremes)
    number = decimal.Decimal
    usual = [number("1.50"), number("-2.25"), number("0.00"), number("10.00")]
    for name, kind in (("decimal32(9, 2)", pa.decimal32(9, 2)), ("decimal64(18, 2)", pa.decimal64(18, 2))):
        most = number(10**kind.precision - 1).scaleb(-2)
        yield _of(name, kind, usual, [most, -most, number("0.01")])
    for name, kind in (("decimal128(38, 10)", pa.decimal128(38, 10)), ("decimal256(76, 20)", pa.decimal256(76, 20))):
        with decimal.localcontext(prec=80):
            most = number(10**kind.precision - 1).scaleb(-kind.scale)
            yield _of(name, kind, usual, [most, -most, number(1).scaleb(-kind.scale), number("12345678901234567.89")])
    texts = ["a", "", "zwölf", "NA"]
    odd = [
        "null",
        "a,b",
        'a "quote"',
        "two\nlines",
        "\r\n",
        " blanks ",
        "\t",
        "😀 é",
        "x" * 5000,
        "007",
        "#N/A",
        "'",
        "\\",
    ]
    for name, kind in (("string", pa.string()), ("large_string", pa.large_string()), ("string_view", pa.string_view())):
        yield _of(name, kind, texts, [*odd, "a\x00b"] if name == "large_string" else odd)
    chunks = [b"\x00\xff\x10", b"abc", b"\n\r,"]
    many = [*chunks, b"", b"\x00" * 100, bytes(range(256))]
    for name, kind in (("binary", pa.binary()), ("large_binary", pa.large_binary()), ("binary_view", pa.binary_view())):
        yield _of(name, kind, chunks, many)
    yield _of("fixed_size_binary[3]", pa.binary(3), chunks, [b"\x00\x00\x00", b"\xff\xff\xff"])


# Days since 1970 of the first day of year 1, of 1500, of 9999-12-31, and of the borders of nanoseconds.
YEAR_1, YEAR_1500, LAST_OF_9999 = -719162, -171663, 2932896
DAYS = [YEAR_1, YEAR_1500, LAST_OF_9999, -106752, -106751, 106751, 106752, 0, -1]


def _times():
    yield _of("date32[day]", pa.date32(), [19753, 0, -1], DAYS)
    yield _integers("date64[ms]", pa.date64(), [19753 * 86_400_000, 0, -86_400_000], [day * 86_400_000 for day in DAYS])
    for unit, kind, per_second in (
        ("s", "time32", 1),
        ("ms", "time32", 10**3),
        ("us", "time64", 10**6),
        ("ns", "time64", 10**9),
    ):
        usual = [11045 * per_second, 0, 86399 * per_second]
        last = 86400 * per_second - 1
        yield _integers(f"{kind}[{unit}]", getattr(pa, kind)(unit), usual, [last, per_second + 1, 1])
    for unit, per_second in (("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)):
        few = {"s": 0, "ms": 7, "us": 7, "ns": 7000}[unit]
        usual = [1714979289 * per_second + few, 0, -1000 if unit == "ns" else -1]
        if unit == "ns":
            extremes = [2**63 - 1, -(2**63) + 1, 1, -1, 1714979289123456789]
        else:
            extremes = [(day * 86_400 + 86_399) * per_second for day in DAYS] + [1714979289 * per_second + 1]
        # Beside the hours that a change of the clocks skips and repeats.
        changes = [(seconds * per_second) for seconds in (1711846799, 1711846800, 1729987199, 1729990800, 1729990801)]
        for zone in (None, "UTC", "Europe/Berlin", "+02:00", "-03:30"):
            suffix = f", tz={zone}" if zone else ""
            here = [*extremes, *changes] if zone == "Europe/Berlin" else extremes
            yield _integers(f"timestamp[{unit}{suffix}]", pa.timestamp(unit, zone), usual, here)
        most = 9_000_000_000 if unit == "ns" else 250_000_000_000
        extremes = [most * per_second, -most * per_second, 1, -1, 0]
        yield _integers(
            f"duration[{unit}]",
            pa.duration(unit),
            [90 * per_second + (1000 if unit == "ns" else 1), -5 * per_second, 0],
            extremes,
        )
    interval = pa.month_day_nano_interval()
    usual = [pa.MonthDayNano([1, 2, 3_000_000_000]), pa.MonthDayNano([0, -1, 0]), pa.MonthDayNano([14, 0, -500])]
    extremes = [pa.MonthDayNano([2**31 - 1, -(2**31), 2**63 - 1]), pa.MonthDayNano([0, 0, 0])]
    yield _of("month_day_nano_interval", interval, usual, extremes)


def _integers(name, kind, usual, extremes):
    """A type that is made of its integers."""
    storage = pa.int32() if kind.bit_width == 32 else pa.int64()
    return Column(name, list(usual), list(extremes), lambda values: pa.array(values, storage).cast(kind))


def _nested():
    lists = [[1, 2, 3], [], [4, None], [5]]
    long = [list(range(2000)), [None, None], [2**53 + 1]]
    yield _of("list<int64>", pa.list_(pa.int64()), lists, long)
    yield _of("large_list<string>", pa.large_list(pa.string()), [["a", ""], [], [None, "ü"], ["b"]])
    yield _of("list_view<int64>", pa.list_view(pa.int64()), lists, long)
    yield _of("large_list_view<string>", pa.large_list_view(pa.string()), [["a", ""], [], [None, "ü"]])
    floats = [[0.5, 1.5, -2.0], [0.25, 0.0, 1.0]]
    odd = [[float("inf"), float("nan"), None], [float("-inf"), -0.0, 1e-30]]
    yield _of("fixed_size_list<float>[3]", pa.list_(pa.float32(), 3), floats, odd)
    yield _of(
        "list<double>", pa.list_(pa.float64()), [[0.1, 1 / 3], [1e300]], [[float("inf"), float("nan"), None, -0.0]]
    )
    yield _of("list<list<int64>>", pa.list_(pa.list_(pa.int64())), [[[1], []], [], [None, [2, None]]])
    yield _of("list<bool>", pa.list_(pa.bool_()), [[True, None], [False], []])
    bytes_lists = [[b"\x00\xff", b""], [None]]
    yield _of("list<binary>", pa.list_(pa.binary()), bytes_lists)
    decimals = [[decimal.Decimal("1.50"), None], [decimal.Decimal("2.25")]]
    digits = [[decimal.Decimal("12345678901234567.89")]]
    yield _of("list<decimal128(38, 2)>", pa.list_(pa.decimal128(38, 2)), decimals, digits)
    zoned = pa.timestamp("us", "Europe/Berlin")
    for name, kind in (
        ("timestamp[s]", pa.timestamp("s")),
        ("timestamp[us, tz=Europe/Berlin]", zoned),
        ("date64[ms]", pa.date64()),
        ("time32[s]", pa.time32("s")),
        ("duration[ms]", pa.duration("ms")),
    ):
        yield _list_of(name, kind)
    yield _of(
        "list<dictionary<string>>", pa.list_(pa.dictionary(pa.int32(), pa.string())), [["a", "b", "a"], [None], []]
    )
    structs = [{"a": 1, "b": "x"}, {"a": None, "b": "y"}, {"a": 3, "b": None}]
    large = {"a": 2**53 + 1, "b": "z"}
    pair = [("a", pa.int64()), ("b", pa.string())]
    yield _of("struct<a: int64, b: string>", pa.struct(pair), structs, [large])
    yield _of(
        "list<struct<a: int64, b: string>>", pa.list_(pa.struct(pair)), [structs[:2], [], [None, structs[2]]], [[large]]
    )
    inner = pa.struct([("l", pa.list_(pa.int64())), ("s", pa.struct([("v", pa.string_view())]))])
    values = [
        {"l": [1, 2], "s": {"v": "x"}},
        {"l": [], "s": None},
        {"l": None, "s": {"v": None}},
        {"l": [7], "s": {"v": ""}},
    ]
    yield _of("struct<l: list<int64>, s: struct<v: string_view>>", inner, values)
    yield _of(
        "map<string, int64>",
        pa.map_(pa.string(), pa.int64()),
        [[("a", 1), ("b", None)], [], [("c", 3)]],
        [[("c", 2**53 + 1)]],
    )
    yield _of("map<int32, string>", pa.map_(pa.int32(), pa.string()), [[(1, "a"), (2, None)], [(3, "c")]])


def _list_of(name, kind):
    seconds = {"s": 1, "ms": 10**3, "us": 10**6, "day": 86_400_000}
    unit = 86_400_000 if "date64" in name else seconds[kind.unit]
    numbers = [[45 * unit, None], [], [3 * unit, 0]]
    storage = pa.int32() if kind.bit_width == 32 else pa.int64()

    def make(values):
        return pa.array(values, pa.list_(storage)).cast(pa.list_(kind))

    return Column(f"list<{name}>", numbers, [], make)


def _encoded():
    for key, value in (
        ("int32", "string"),
        ("int8", "large_string"),
        ("uint16", "string"),
        ("int64", "string"),
        ("uint64", "string"),
        ("int32", "int64"),
    ):
        usual = ["b", "a", "", "b"] if "string" in value else [3, 7, 0]
        kind = pa.dictionary(getattr(pa, key)(), getattr(pa, value)())
        yield _of(f"dictionary<{key}, {value}>", kind, usual, [] if "string" in value else [2**53 + 1])

    def holed(values):
        keys = [None if value is None else {"a": 0, "hole": 1, "b": 2}[value] for value in values]
        return pa.DictionaryArray.from_arrays(pa.array(keys, pa.int32()), pa.array(["a", None, "b"]))

    yield Column("dictionary with null among its values", ["a", "hole", "b"], [], holed)

    def instants(values):
        keys = pa.array(values, pa.int32())
        return pa.DictionaryArray.from_arrays(keys, pa.array([0, 90_000_000], pa.timestamp("us", "Europe/Berlin")))

    yield Column("dictionary<int32, timestamp[us, tz=Europe/Berlin]>", [0, 1], [], instants)
    for key, value, usual in (("int32", "string", ["a", "a", "b"]), ("int16", "int64", [1, 1, 7])):
        make = _run_ends(getattr(pa, key)(), getattr(pa, value)())
        yield Column(f"run_end_encoded<{key}, {value}>", usual, [] if "string" in value else [2**53 + 1], make)
    for mode in ("sparse", "dense"):
        yield Column(f"{mode}_union<int64, string>", [1, "a", 2, ""], [2**53 + 1, "z"], _union(mode))


def _run_ends(key, kind):
    def make(values):
        ends = [index + 1 for index in range(len(values))]
        return pa.RunEndEncodedArray.from_arrays(pa.array(ends, key), pa.array(values, kind))

    return make


def _union(mode):
    def make(values):
        codes = pa.array([1 if isinstance(value, str) else 0 for value in values], pa.int8())
        numbers = [None if isinstance(value, str) else value for value in values]
        texts = [value if isinstance(value, str) else None for value in values]
        children = [pa.array(numbers, pa.int64()), pa.array(texts, pa.string())]
        if mode == "sparse":
            return pa.UnionArray.from_sparse(codes, children, ["n", "t"])
        offsets = pa.array(range(len(values)), pa.int32())
        return pa.UnionArray.from_dense(codes, offsets, children, ["n", "t"])

    return make


def _extensions():
    ids = [uuid.UUID(int=2**127 + 5).bytes, uuid.UUID("12345678-1234-5678-1234-567812345678").bytes]
    yield _stored("extension<arrow.uuid>", pa.uuid(), pa.binary(16), ids)
    yield _stored("extension<arrow.json>", pa.json_(), pa.string(), ['{"a": 1}', "[1.50]", "null"])
    yield _stored("extension<arrow.bool8>", pa.bool8(), pa.int8(), [1, 0, 1])
    tensor = pa.fixed_shape_tensor(pa.float32(), [2, 2])
    yield _stored("extension<arrow.fixed_shape_tensor>", tensor, pa.list_(pa.float32(), 4), [[1.0, 2.0, 0.5, 4.0]])
    point = bytes.fromhex("0101000000000000000000f03f0000000000000040")
    metadata = {"ARROW:extension:name": "geoarrow.wkb", "ARROW:extension:metadata": "{}"}
    yield Column("extension<geoarrow.wkb>", [point], [], lambda values: pa.array(values, pa.binary()), metadata)


def _stored(name, kind, storage, usual):
    def make(values):
        return pa.ExtensionArray.from_storage(kind, pa.array(values, storage))

    return Column(name, usual, [], make)
