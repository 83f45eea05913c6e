"""Names of time zones: Arrow's for pandas and ``datetime``, and Python's for Arrow."""

from __future__ import annotations

import datetime
import re
from typing import Any

_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)?")


def known(name: str) -> Any:
    """An Arrow zone in a form that pandas accepts: a fixed offset, or the unchanged name."""
    if name.upper() in ("Z", "UTC"):
        return "UTC"
    return _fixed(name) or name


def zone(name: str) -> datetime.tzinfo:
    """An Arrow zone for ``datetime``.

    Raises:
        ValueError: if the zone is unknown.
    """
    import zoneinfo

    if name.upper() in ("Z", "UTC"):
        return datetime.timezone.utc
    try:
        return _fixed(name) or zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone `{name}`") from None


def _fixed(name: str) -> datetime.timezone | None:
    match = _OFFSET.fullmatch(name)
    if match is None:
        return None
    offset = datetime.timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
    return datetime.timezone(-offset if match[1] == "-" else offset)


def name_of(info: Any) -> str | None:
    """Arrow's name for a ``tzinfo``; ``None`` if there is none, and times must be written in UTC."""
    if info is datetime.timezone.utc:
        return "UTC"
    if isinstance(info, datetime.timezone):
        return _offset_name(info.utcoffset(None))
    for attribute in ("key", "zone"):
        name = getattr(info, attribute, None)
        if isinstance(name, str):
            return name
    if type(info).__name__ == "tzutc":
        return "UTC"
    if type(info).__name__ in ("_FixedOffset", "tzoffset"):
        return _offset_name(info.utcoffset(None))
    return None


def _offset_name(offset: datetime.timedelta | None) -> str | None:
    if offset is None or offset.total_seconds() % 60:
        return None
    minutes = int(offset.total_seconds()) // 60
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
