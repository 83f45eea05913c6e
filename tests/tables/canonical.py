"""One form for the values of every reader and format, so that they can be compared exactly.

A value is `None`, or a pair of a tag and something that JSON holds: ["int", "1"], ["float", "0.1"], ["decimal", "1.5"],
["bool", true], ["text", "a"], ["bytes", "00ff"], ["date", days since 1970], ["time", nanoseconds since 1970] without a
zone, ["instant", nanoseconds since 1970, zone], ["clock", nanoseconds of the day], ["span", nanoseconds],
["interval", months, days, nanoseconds], ["uuid", text], ["list", [...]], ["struct", [[name, value], ...]],
["map", [[key, value], ...]]. Units and widths are no part of it: types are compared apart.

Owns the form. What is expected of each type is in `expected.py`. It runs in the tests and, copied into their block,
within a run.
"""

import datetime
import decimal
import uuid

NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
DAY = 86_400 * 10**9
EPOCH = datetime.datetime(1970, 1, 1)


def of_column(column):
    """The values of a column of pandas, polars or pyarrow."""
    kind = type(column).__module__.partition(".")[0]
    return {"pandas": of_pandas, "polars": of_polars, "pyarrow": of_arrow}[kind](column)


def of_arrow(array):
    return [of_scalar(scalar) for scalar in array]


def of_scalar(scalar):
    """A scalar of pyarrow, without the roundings of its `as_py`."""
    import pyarrow.types as is_a

    kind = scalar.type
    if is_a.is_union(kind):
        return scalar.value and of_scalar(scalar.value)
    if not scalar.is_valid:
        return None
    if isinstance(kind, _extension_type()):
        return _extension(kind.extension_name, of_scalar(scalar.value))
    if is_a.is_dictionary(kind) or is_a.is_run_end_encoded(kind):
        return of_scalar(scalar.value)
    if is_a.is_struct(kind):
        return ["struct", [[kind.field(index).name, of_scalar(scalar[index])] for index in range(kind.num_fields)]]
    if is_a.is_map(kind):
        return ["map", [[of_scalar(pair[0]), of_scalar(pair[1])] for pair in scalar.values]]
    if is_a.is_nested(kind):
        return ["list", of_arrow(scalar.values)]
    if is_a.is_date32(kind):
        return ["date", scalar.value]
    if is_a.is_date64(kind):
        return _date64(scalar.value)
    if is_a.is_time(kind):
        return ["clock", scalar.value * NANOSECONDS[kind.unit]]
    if is_a.is_timestamp(kind):
        nanoseconds = scalar.value * NANOSECONDS[kind.unit]
        return ["time", nanoseconds] if kind.tz is None else ["instant", nanoseconds, zone(kind.tz)]
    if is_a.is_duration(kind):
        return ["span", scalar.value * NANOSECONDS[kind.unit]]
    return of_python(scalar.as_py())


def of_python(value):
    """An object of Python, NumPy or pandas."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    kind = type(value).__name__
    if isinstance(value, bool) or kind in ("bool_", "bool"):
        return ["bool", bool(value)]
    if kind in ("datetime64", "timedelta64"):
        return _numpy_time(value)
    if kind == "Timestamp":
        naive = value if value.tzinfo is None else value.tz_convert("UTC").tz_localize(None)
        made = _numpy_time(naive.to_datetime64())
        return made if value.tzinfo is None else ["instant", made[1], zone(str(value.tzinfo))]
    if kind == "Timedelta":
        return _numpy_time(value.to_timedelta64())
    if kind == "MonthDayNano":
        return ["interval", value.months, value.days, value.nanoseconds]
    if hasattr(value, "dtype") and getattr(value, "ndim", 0) == 0:
        return of_python(value.item()) if kind != "longdouble" else ["float", _float(float(value))]
    if isinstance(value, int):
        return ["int", str(value)]
    if isinstance(value, float):
        return ["float", _float(value)]
    if isinstance(value, decimal.Decimal):
        return ["decimal", plain_decimal(value)]
    if isinstance(value, str):
        return ["text", value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return ["bytes", bytes(value).hex()]
    if isinstance(value, datetime.datetime):
        naive = value if value.tzinfo is None else value.astimezone(datetime.UTC).replace(tzinfo=None)
        nanoseconds = _microseconds(naive - EPOCH) * 1000
        return ["time", nanoseconds] if value.tzinfo is None else ["instant", nanoseconds, zone(str(value.tzinfo))]
    if isinstance(value, datetime.date):
        return ["date", (value - EPOCH.date()).days]
    if isinstance(value, datetime.time):
        seconds = value.hour * 3600 + value.minute * 60 + value.second
        return ["clock", (seconds * 1_000_000 + value.microsecond) * 1000]
    if isinstance(value, datetime.timedelta):
        return ["span", _microseconds(value) * 1000]
    if isinstance(value, uuid.UUID):
        return ["uuid", str(value)]
    if isinstance(value, dict):
        return ["struct", [[str(name), of_python(part)] for name, part in value.items()]]
    if isinstance(value, (list, tuple)) or hasattr(value, "__array__"):
        return ["list", [of_python(part) for part in value]]
    return ["object", kind, str(value)]


def of_pandas(series):
    """A column of pandas; in its plain numbers NaN is missing, as everywhere in pandas."""
    dtype = series.dtype
    name = str(dtype)
    if name == "category":
        categories = of_pandas(series.cat.categories.to_series())
        return [None if code < 0 else categories[code] for code in series.cat.codes]
    if type(dtype).__name__ == "ArrowDtype":
        return of_arrow(series.array.__arrow_array__())
    if type(dtype).__name__ == "DatetimeTZDtype":
        instants = of_pandas(series.dt.tz_convert("UTC").dt.tz_localize(None))
        return [value and ["instant", value[1], zone(str(dtype.tz))] for value in instants]
    if getattr(dtype, "kind", "") in "mM":
        return [_numpy_time(value) for value in series.to_numpy()]
    values = [of_python(value) for value in (series.to_numpy() if getattr(dtype, "kind", "") == "f" else series)]
    return [None if value == ["float", "nan"] else value for value in values]


def of_polars(series):
    if str(series.dtype) == "Object":
        return [of_python(value) for value in series.to_list()]
    return of_arrow(series.to_arrow())


def zone(name):
    """Names of UTC are one: they say the same of every instant."""
    return "UTC" if name in ("UTC", "Etc/UTC", "+00:00", "Z", "UTC+00:00") else name.removeprefix("UTC")


def plain_decimal(value):
    """All digits, no exponent, no zeros at the end of a fraction."""
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def _float(value):
    return repr(float(value))


def _date64(milliseconds):
    days, rest = divmod(milliseconds, 86_400_000)
    return ["time", milliseconds * 10**6] if rest else ["date", days]


def _microseconds(delta):
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def _numpy_time(value):
    import numpy as np

    if np.isnat(value):
        return None
    unit, count = np.datetime_data(value.dtype)
    nanoseconds = int(value.astype(np.int64)) * count * (DAY if unit == "D" else NANOSECONDS[unit])
    return ["time" if value.dtype.kind == "M" else "span", nanoseconds]


def _extension(name, storage):
    """What a canonical extension type says of its storage."""
    if name == "arrow.uuid":
        return ["uuid", str(uuid.UUID(hex=storage[1]))]
    if name == "arrow.bool8":
        return ["bool", storage[1] != "0"]
    return storage


def _extension_type():
    import pyarrow as pa

    return pa.BaseExtensionType
