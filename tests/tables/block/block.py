"""Reads each input in one form, notes what it saw, and writes it back.

`seen.json`, which the run keeps, holds for each input its columns' types and values in the form of `canonical.py`, or the
error, and what writing it said.
"""

import itertools
import json
import re
import warnings

import canonical
from longshore.api import Api

warnings.simplefilter("ignore")
api = Api()
reader = api.get_option("reader")
writes = api.get_option("writes")


def read(number):
    if reader.startswith("pandas"):
        return api.read_input_records(number)
    if reader in ("nullable", "arrow dtypes"):
        return api.read_input(number, as_="pandas", dtypes=reader.partition(" ")[0])
    if reader == "batches":
        batches = api.read_input(number, as_="batches")
        return batches and list(batches)
    return api.read_input(number, as_=reader)


def look(frame):
    if isinstance(frame, list):
        import pyarrow as pa

        frame = pa.Table.from_batches(frame) if frame else pa.table({})
    names = list(getattr(frame, "column_names", frame.columns))
    columns = []
    for index, name in enumerate(names):
        column = frame.iloc[:, index] if hasattr(frame, "iloc") else frame[name]
        columns.append({"name": str(name), "type": type_of(column), "values": canonical.of_column(column)})
    return columns


def type_of(column):
    if type(column).__module__.startswith("pyarrow"):
        return str(column.type)
    dtype = column.dtype
    if type(column).__module__.startswith("polars"):
        return re.sub(r"time_unit='(\w+)'|, time_zone=None|time_zone=|(?:precision|scale)=", r"\1", str(dtype))
    if type(dtype).__name__ == "DatetimeTZDtype":
        return f"datetime64[{dtype.unit}, {canonical.zone(str(dtype.tz))}]"
    if str(dtype) != "object":
        return str(dtype)
    missing = (type(None), float)
    classes = sorted({type(value).__name__ for value in column if not isinstance(value, missing) and value is not None})
    # Numbers of a list are an array where none of them is missing.
    classes = ["list"] if set(classes) <= {"list", "ndarray"} and classes else classes
    return f"object of {', '.join(classes)}" if classes else "object"


seen = []
for number in itertools.count():
    note = {}
    try:
        frame = read(number)
        if frame is None:
            break
        note["columns"] = look(frame)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is noted
        seen.append({"error": f"{type(error).__name__}: {error}"})
        continue
    if writes:
        try:
            for part in frame if isinstance(frame, list) else [frame]:
                api.write_output(part, number)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is noted
            note["write error"] = f"{type(error).__name__}: {error}"
    seen.append(note)
    if number == 63:
        break
with open("seen.json", "w", encoding="utf-8") as file:
    json.dump(seen, file)
api.close()
