"""What text formats hold of a value: CSV and TSV one cell, NDJSON one JSON value.

`to_text` and `to_json` write a canonical value by the rules of docs/tables.md, to make inputs; `is_text` and `is_json`
say whether what Longshore wrote is that value. The two sides share no code with Longshore.
"""

import datetime
import decimal
import json
import re
import struct

DAY = 86_400 * 10**9


class Object(list):
    """A JSON object as its pairs, so that a key that is there twice is seen."""


def load_json(text):
    """JSON with every digit of its numbers, and objects as pairs."""
    return json.loads(text, parse_float=decimal.Decimal, object_pairs_hook=Object)


def of_json(parsed):
    """The canonical value of what `load_json` gave."""
    if isinstance(parsed, Object):
        return ["struct", [[name, of_json(part)] for name, part in parsed]]
    if isinstance(parsed, list):
        return ["list", [of_json(part) for part in parsed]]
    if isinstance(parsed, bool):
        return ["bool", parsed]
    if isinstance(parsed, (int, decimal.Decimal)):
        return ["int" if isinstance(parsed, int) else "decimal", str(parsed)]
    return None if parsed is None else ["text", parsed]


def of_cell(cell):
    """The canonical values that a cell of CSV may stand for: its text, a number, JSON."""
    if cell is None:
        return [None]
    forms = [["text", cell]]
    try:
        forms.append(of_json(load_json(cell)))
    except ValueError:
        pass
    return forms


def to_text(value):
    """The cell of CSV for a canonical value; missing is an empty cell."""
    if value is None:
        return None
    tag, held = value[0], value[1]
    if tag == "bool":
        return "true" if held else "false"
    if tag == "float":
        return {"nan": "NaN"}.get(held, held)
    if tag == "date":
        return _date(held)
    if tag in ("time", "instant"):
        days, rest = divmod(held, DAY)
        return f"{_date(days)}T{_clock(rest)}{'Z' if tag == 'instant' else ''}"
    if tag == "clock":
        return _clock(held)
    if tag == "span":
        return _duration(0, 0, held)
    if tag == "interval":
        return _duration(*value[1:])
    if tag in ("list", "struct", "map"):
        return json_text(value)
    return held


def json_text(value):
    """JSON of a canonical value, on one line."""
    if value is None:
        return "null"
    tag, held = value[0], value[1]
    if tag in ("int", "decimal"):
        return held
    if tag == "float":
        return json.dumps({"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[held]) if held[-1] in "nf" else held
    if tag == "bool":
        return "true" if held else "false"
    if tag == "list":
        return f"[{','.join(map(json_text, held))}]"
    if tag == "struct":
        fields = (f"{json.dumps(name, ensure_ascii=False)}:{json_text(part)}" for name, part in held)
        return "{" + ",".join(fields) + "}"
    if tag == "map":
        if all(key[0] == "text" for key, _ in held):
            return json_text(["struct", [[key[1], part] for key, part in held]])
        return json_text(["list", [["struct", [["key", key], ["value", part]]] for key, part in held]])
    return json.dumps(to_text(value), ensure_ascii=False)


def is_text(value, cell):
    """Whether a cell of CSV (None where nothing stands there) is this value and no other."""
    if value is None or cell is None:
        return value is None and cell is None
    tag = value[0]
    if tag in ("float", "decimal"):
        return _is_number(value, cell)
    if tag in ("time", "instant"):
        return _nanoseconds(cell, tag == "instant") == value[1]
    if tag == "clock":
        if cell.startswith("P"):
            return parse_duration(cell) == (0, 0, value[1])
        return bool(re.fullmatch(r"\d\d:\d\d:\d\d(\.\d+)?", cell)) and _of_day(cell) == value[1]
    if tag in ("span", "interval"):
        return parse_duration(cell) == ((0, 0, value[1]) if tag == "span" else tuple(value[1:]))
    if tag in ("list", "struct", "map"):
        return is_json(value, load_json(cell))
    return to_text(value) == cell


def is_json(value, parsed):
    """Whether what `load_json` gave is this value and no other."""
    if value is None or parsed is None:
        return value is None and parsed is None
    tag, held = value[0], value[1]
    if tag == "bool":
        return parsed is held
    if tag == "int":
        return type(parsed) is int and str(parsed) == held
    if tag == "float" and held[-1] in "nf":
        return parsed == {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[held]
    if tag in ("float", "decimal"):
        return type(parsed) in (int, decimal.Decimal) and _is_number(value, str(parsed))
    if tag == "list":
        return type(parsed) is list and len(parsed) == len(held) and all(map(is_json, held, parsed))
    if tag == "struct":
        # Fields that are null may be left out of objects within others.
        found = dict(parsed) if isinstance(parsed, Object) and len(dict(parsed)) == len(parsed) else None
        names = [name for name, _ in held]
        return (
            found is not None
            and set(found) <= set(names)
            and all(is_json(part, found.get(name)) for name, part in held)
        )
    if tag == "map":
        if isinstance(parsed, Object):
            return is_json(["struct", [[key[1], part] for key, part in held]], parsed)
        return is_json(["list", [["struct", [["key", key], ["value", part]]] for key, part in held]], parsed)
    return isinstance(parsed, str) and is_text(value, parsed)


def parse_duration(text):
    """Months, days and nanoseconds of an ISO 8601 duration, each with a sign of its own or one before all."""
    part = r"(?:(-?\d+){})?"
    dates = "".join(part.format(unit) for unit in "YMWD")
    times = "".join(part.format(unit) for unit in "HM") + r"(?:(-?\d+(?:\.\d+)?)S)?"
    found = re.fullmatch(rf"(-?)P{dates}(?:T{times})?", text)
    if found is None or text[-1] in "PT":
        return None
    sign = -1 if found[1] else 1
    years, months, weeks, days, hours, minutes = (int(found[index] or 0) for index in range(2, 8))
    seconds = decimal.Decimal(found[8] or 0)
    with decimal.localcontext(prec=60):
        nanoseconds = int(((hours * 60 + minutes) * 60 + seconds) * 10**9)
    return sign * (years * 12 + months), sign * (weeks * 7 + days), sign * nanoseconds


def _is_number(value, cell):
    if value[0] == "float":
        expected = {"nan": "NaN"}.get(value[1], value[1])
        if expected in ("NaN", "inf", "-inf"):
            return cell == expected
        return repr(float(cell)) == expected or _is_narrow(float(cell), float(expected))
    try:
        number = decimal.Decimal(cell)
    except decimal.InvalidOperation:
        return False
    with decimal.localcontext(prec=100):
        return number == decimal.Decimal(value[1])


def _is_narrow(number, expected):
    """Whether both are the same float of 32 or 16 bits, whose shortest digits are fewer than a double's."""

    def narrowed(value, form):
        try:
            return struct.unpack(form, struct.pack(form, value))[0]
        except OverflowError:
            return None

    return any(narrowed(number, form) == narrowed(expected, form) == expected for form in ("<f", "<e"))


def _nanoseconds(cell, zoned):
    found = re.fullmatch(r"([+-]?\d{4,})-(\d\d)-(\d\d)T(\d\d:\d\d:\d\d(?:\.\d+)?)(Z?)", cell)
    if found is None or bool(found[5]) != zoned:
        return None
    days = (datetime.date(int(found[1]), int(found[2]), int(found[3])) - datetime.date(1970, 1, 1)).days
    return days * DAY + _of_day(found[4])


def _of_day(text):
    hours, minutes, seconds = text.split(":")
    return (int(hours) * 60 + int(minutes)) * 60 * 10**9 + int(decimal.Decimal(seconds) * 10**9)


def _date(days):
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days)).isoformat()


def _clock(nanoseconds):
    seconds, rest = divmod(nanoseconds, 10**9)
    fraction = f".{rest:09}".rstrip("0") if rest else ""
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction}"


def _duration(months, days, nanoseconds):
    date = (f"{months}M" if months else "") + (f"{days}D" if days else "")
    seconds, rest = divmod(abs(nanoseconds), 10**9)
    sign = "-" if nanoseconds < 0 else ""
    fraction = f".{rest:09}".rstrip("0") if rest else ""
    time = f"T{sign}{seconds}{fraction}S" if nanoseconds or not date else ""
    return f"P{date}{time}"
