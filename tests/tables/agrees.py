"""Whether a value that was seen is the value that went in, possibly in another form that holds all of it.

Types are compared apart, by the table in `expected.py`: here a whole number may be a double that equals it, a date its
midnight, an instant its seconds in a double, any value its text. What would be another value never agrees.
"""

import fractions

import canonical
import texts

DAY = 86_400 * 10**9


def agrees(value, seen, nan_is_missing=False, zones=True):
    """Whether `seen` is `value`: both canonical. `zones` asks for the zone's name beside the instant."""
    if seen == ["vector", [None]] and (value is None or value[0] != "list"):
        # An element of a list of R, which has no other way to be missing.
        seen = None
    if value is None or seen is None:
        return value is None and seen is None or nan_is_missing and value == ["float", "nan"] and seen is None
    if seen == value:
        return True
    tag, form = value[0], seen[0]
    rule = _RULES.get((tag, form)) or _RULES.get((None, form))
    if rule is not None:
        return rule(value, seen, zones)
    return False


def _number(value, seen, _):
    """A double, or digits, that say no other number."""
    if seen[1].lower() in ("inf", "-inf", "nan") or value[1] in ("inf", "-inf", "nan"):
        return seen[1].lower() == value[1]
    if seen[0] == "float" and value[0] == "decimal":
        shortest = canonical.of_python(float(seen[1]))[1]
        return fractions.Fraction(shortest) == fractions.Fraction(value[1])
    if seen[0] == "float":
        same = float(seen[1]) == float(value[1]) and fractions.Fraction(float(seen[1])) == fractions.Fraction(value[1])
        return same if value[0] == "int" else repr(float(seen[1])) == value[1]
    return fractions.Fraction(seen[1]) == fractions.Fraction(value[1])


def _digits(value, seen, _):
    """Digits that are read as the double."""
    return canonical.of_python(float(seen[1])) == value


def _midnight(value, seen, _):
    return seen[1] == value[1] * DAY


def _day(value, seen, _):
    return int(seen[1]) == value[1] if value[0] == "date" else int(seen[1]) * DAY == value[1]


def _instant(value, seen, zones):
    return seen[1] == value[1] and (not zones or seen[2] == value[2])


def _seconds(value, seen, _):
    """A double of seconds, which tells the instant to the nanosecond or, further away, to the microsecond."""
    seconds = fractions.Fraction(float(seen[1]))
    return round(seconds * 10**9) == value[1] or round(seconds * 10**6) * 1000 == value[1]


def _nanoseconds(value, seen, _):
    return seen[1] == value[1]


def _text(value, seen, _):
    if value[0] == "text":
        return value[1] == seen[1]
    midnight = value[0] == "date" and texts.is_text(["time", value[1] * DAY], seen[1])
    return midnight or texts.is_text(value, seen[1]) or seen[1] == texts.json_text(value)


def _interval(value, seen, _):
    parts = zip(("months", "days", "nanoseconds"), value[1:], strict=True)
    return seen[1] == [[name, ["int", str(count)]] for name, count in parts]


def _list(value, seen, zones):
    if value[0] != "list" and value[0] != "map":
        return False
    if value[0] == "map":
        pairs = [["list", pair] for pair in value[1]]
        entries = [["struct", [["key", key], ["value", part]]] for key, part in value[1]]
        return any(_list(["list", form], seen, zones) for form in (pairs, entries))
    if len(seen[1]) < len(value[1]) and all(part is not None and part[0] == "list" for part in seen[1]):
        # A tensor: lists of its first dimension in the place of one of all.
        return agrees(value, ["list", [one for part in seen[1] for one in part[1]]], zones=zones)
    return len(value[1]) == len(seen[1]) and all(
        agrees(part, other, zones=zones) for part, other in zip(value[1], seen[1], strict=True)
    )


def _struct(value, seen, zones):
    if value[0] == "map" and all(key[0] == "text" for key, _ in value[1]):
        value = ["struct", [[key[1], part] for key, part in value[1]]]
    if value[0] != "struct":
        return False
    wanted, found = dict(value[1]), dict(seen[1])
    return all(agrees(wanted.get(name), found.get(name), zones=zones) for name in wanted | found)


def _vector(value, seen, zones):
    """R has no scalars: an element of a list is a vector of one."""
    if value[0] in ("list", "map"):
        return _list(value, seen, zones)
    return len(seen[1]) == 1 and agrees(value, seen[1][0], zones=zones)


def _uuid(value, seen, _):
    return value[1].replace("-", "") == seen[1]


_RULES = {
    ("int", "float"): _number,
    ("int", "decimal"): _number,
    ("float", "float"): _number,
    ("float", "int"): _digits,
    ("float", "decimal"): _digits,
    ("decimal", "float"): _number,
    ("decimal", "int"): _number,
    ("decimal", "decimal"): _number,
    ("date", "time"): _midnight,
    ("date", "date"): _day,
    ("time", "date"): _day,
    ("instant", "instant"): _instant,
    ("time", "seconds"): _seconds,
    ("instant", "seconds"): _seconds,
    ("clock", "seconds"): _seconds,
    ("span", "seconds"): _seconds,
    ("clock", "span"): _nanoseconds,
    (None, "text"): _text,
    (None, "list"): _list,
    ("struct", "struct"): _struct,
    ("map", "struct"): _struct,
    ("interval", "struct"): _interval,
    (None, "vector"): _vector,
    ("uuid", "bytes"): _uuid,
}
