"""Where the lengths, counts and offsets of a file's structure stand: Parquet's footer and page headers, the messages of
Arrow's files and streams, the frames of gzip and Zstandard.

Each is a `Place`; `altered` writes another number there, in the same number of bytes. Owns finding and writing; which
numbers are tried, and what should come of it, is in `test_damage.py`.
"""

import dataclasses
import struct

# What of Parquet's structures is a length, count or offset, by the numbers of its Thrift fields.
FOOTER = {
    "3",
    "4.*.1.*.2",
    "4.*.1.*.3.5",
    "4.*.1.*.3.6",
    "4.*.1.*.3.7",
    "4.*.1.*.3.9",
    "4.*.1.*.3.11",
    "4.*.3",
    "2.*.5",
}
PAGE = {"2", "3", "5.1", "7.1", "8.1", "8.2", "8.3", "8.5", "8.6"}
OFFSETS = ("4.*.1.*.3.9", "4.*.1.*.3.11")


@dataclasses.dataclass(frozen=True)
class Place:
    """A number in a file: where, in how many bytes, as a plain integer or a variable one of Thrift."""

    name: str
    offset: int
    size: int
    value: int
    is_variable: bool = False


def altered(data, place, number):
    """The file with another number in a place, None where it does not fit."""
    if place.is_variable:
        made = _variable(number, place.size)
    else:
        bits = place.size * 8
        if not -(2 ** (bits - 1)) <= number < 2**bits:
            return None
        made = (number % 2**bits).to_bytes(place.size, "little")
    return made and data[: place.offset] + made + data[place.offset + place.size :]


def of_parquet(data):
    """Lengths of the footer, and of each page that it names."""
    (length,) = struct.unpack("<I", data[-8:-4])
    start = len(data) - 8 - length
    places = [Place("footer length", len(data) - 8, 4, length)]
    found, _ = _struct(data, start, "")
    places += [dataclasses.replace(place, name=f"footer {place.name}") for place in found if place.name in FOOTER]
    for offset in sorted({place.value for place in found if place.name in OFFSETS and place.value}):
        header, _ = _struct(data, offset, "")
        places += [dataclasses.replace(place, name=f"page {place.name}") for place in header if place.name in PAGE]
    return places


def of_arrow(data, start=0):
    """Lengths of each message of a stream, or of a file (from byte 8), and what of its metadata looks like one."""
    places, offset = [], start
    while offset + 8 <= len(data):
        mark, length = struct.unpack_from("<Ii", data, offset)
        if mark != 0xFFFFFFFF:
            break
        places.append(Place("metadata length", offset + 4, 4, length))
        if length == 0:
            offset += 8
            break
        body = _body(data, offset + 8)
        places += _looking(data, offset + 8, length, max(length, body))
        offset += 8 + length + body
    if start:
        (length,) = struct.unpack_from("<i", data, len(data) - 10)
        places.append(Place("footer length", len(data) - 10, 4, length))
        places += _looking(data, len(data) - 10 - length, length, len(data))
    return places


def of_gzip(data):
    """The length and the checksum behind the only member."""
    return [
        Place("checksum", len(data) - 8, 4, 0),
        Place("length", len(data) - 4, 4, struct.unpack("<I", data[-4:])[0]),
    ]


def of_zstd(data):
    """The header of the frame and of its first block."""
    return [
        Place(f"header {offset}", offset, 4, struct.unpack_from("<I", data, offset)[0]) for offset in range(4, 16, 2)
    ]


def _body(data, start):
    """The length of a message's body, from its flatbuffer."""
    (root,) = struct.unpack_from("<I", data, start)
    table = start + root
    (back,) = struct.unpack_from("<i", data, table)
    fields = table - back
    (size,) = struct.unpack_from("<H", data, fields)
    (field,) = struct.unpack_from("<H", data, fields + 10) if size > 10 else (0,)
    return struct.unpack_from("<q", data, table + field)[0] if field else 0


def _looking(data, start, length, most):
    """What may be a length in a flatbuffer: positive, and not beyond the message."""
    places = []
    for offset in range(start, start + length - 3, 4):
        (value,) = struct.unpack_from("<i", data, offset)
        if 0 < value <= most:
            places.append(Place(f"metadata {offset - start}", offset, 4, value))
    for offset in range(start + (-start % 8), start + length - 7, 8):
        (value,) = struct.unpack_from("<q", data, offset)
        if 0 < value <= most:
            places.append(Place(f"metadata {offset - start}", offset, 8, value))
    return places


def _read(data, offset):
    value = shift = 0
    start = offset
    while True:
        byte = data[offset]
        value |= (byte & 0x7F) << shift
        shift, offset = shift + 7, offset + 1
        if not byte & 0x80:
            return value, start, offset


def _zigzag(value):
    return (value >> 1) ^ -(value & 1)


def _variable(number, size):
    """A zigzag integer in exactly so many bytes."""
    value = (number << 1) ^ (number >> 63)
    if not -(2**63) <= number < 2**63 or value >= 2 ** (7 * size):
        return None
    return bytes((value >> 7 * place) & 0x7F | (0x80 if place < size - 1 else 0) for place in range(size))


def _struct(data, offset, path):
    """The integers of a struct in Thrift's compact form, with the numbers of their fields, and where it ends."""
    places, last = [], 0
    while data[offset]:
        kind, delta = data[offset] & 0x0F, data[offset] >> 4
        offset += 1
        if delta:
            last += delta
        else:
            number, _, offset = _read(data, offset)
            last = _zigzag(number)
        found, offset = _value(data, offset, kind, f"{path}{last}")
        places += found
    return places, offset + 1


def _value(data, offset, kind, path):
    if kind in (1, 2):
        return [], offset
    if kind == 3:
        return [], offset + 1
    if kind in (4, 5, 6):
        value, start, offset = _read(data, offset)
        return [Place(path, start, offset - start, _zigzag(value), is_variable=True)], offset
    if kind == 7:
        return [], offset + 8
    if kind == 8:
        length, _, offset = _read(data, offset)
        return [], offset + length
    if kind in (9, 10):
        return _list(data, offset, path)
    return _struct(data, offset, f"{path}.")


def _list(data, offset, path):
    count, kind = data[offset] >> 4, data[offset] & 0x0F
    offset += 1
    if count == 15:
        count, _, offset = _read(data, offset)
    places = []
    for _ in range(count):
        if kind in (1, 2):
            offset += 1
        else:
            found, offset = _value(data, offset, kind, f"{path}.*")
            places += found
    return places, offset
