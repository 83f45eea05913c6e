"""Files that no tool of today writes: Arrow of big-endian machines, compressed Feather of Arrow 0.17, types of other widths,
built from their flatbuffers; encrypted Parquet; nesting without end.

Each function writes one file and returns nothing; what should come of it is in `test_hostile.py`.
"""

import struct

import flatbuffers
import lengths
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.parquet import encryption

INT, LIST = 2, 12
BATCH, SCHEMA = 3, 1
V5 = 4


def _table(builder, fields):
    """A flatbuffer's table of (slot, kind, value); tables and vectors are made before."""
    builder.StartObject(max(slot for slot, _, _ in fields) + 1)
    for slot, kind, value in fields:
        if kind == "offset":
            builder.PrependUOffsetTRelativeSlot(slot, value, 0)
        else:
            # A default would be left out.
            getattr(builder, f"Prepend{kind}")(value)
            builder.Slot(slot)
    return builder.EndObject()


def _vector(builder, offsets):
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def _message(builder, kind, header, body=0, metadata=()):
    pairs = []
    for key, value in metadata:
        pair = [(0, "offset", builder.CreateString(key)), (1, "offset", builder.CreateString(value))]
        pairs.append(_table(builder, pair))
    notes = [(4, "offset", _vector(builder, pairs))] if pairs else []
    fields = [(0, "Int16", V5), (1, "Uint8", kind), (2, "offset", header), (3, "Int64", body), *notes]
    builder.Finish(_table(builder, fields))
    made = bytes(builder.Output())
    made += bytes(-len(made) % 8)
    return struct.pack("<Ii", 0xFFFFFFFF, len(made)) + made


def _schema(bits=64, endianness=0):
    """The message of a schema with one column `x` of integers."""
    builder = flatbuffers.Builder()
    kind = _table(builder, [(0, "Int32", bits), (1, "Bool", True)])
    children = _vector(builder, [])
    name = builder.CreateString("x")
    fields = [(0, "offset", name), (1, "Bool", True), (2, "Uint8", INT), (3, "offset", kind), (5, "offset", children)]
    columns = _vector(builder, [_table(builder, fields)])
    schema = _table(builder, [(0, "Int16", endianness), (1, "offset", columns)])
    return _message(builder, SCHEMA, schema)


def _batch(rows, body, metadata=()):
    """The message of a batch of one column without nulls."""
    builder = flatbuffers.Builder()
    builder.StartVector(16, 2, 8)
    for offset, length in ((0, len(body)), (0, 0)):
        builder.Prep(8, 16)
        builder.PrependInt64(length)
        builder.PrependInt64(offset)
    buffers = builder.EndVector()
    builder.StartVector(16, 1, 8)
    builder.Prep(8, 16)
    builder.PrependInt64(0)
    builder.PrependInt64(rows)
    nodes = builder.EndVector()
    batch = _table(builder, [(0, "Int64", rows), (1, "offset", nodes), (2, "offset", buffers)])
    padded = body + bytes(-len(body) % 8)
    return _message(builder, BATCH, batch, len(padded), metadata) + padded


END = struct.pack("<Ii", 0xFFFFFFFF, 0)


def plain_stream(path):
    """What the others differ from: integers 0 to 4, which every reader takes."""
    path.write_bytes(_schema() + _batch(5, struct.pack("<5q", *range(5))) + END)


def big_endian_stream(path):
    path.write_bytes(_schema(endianness=1) + _batch(5, struct.pack(">5q", *range(5))) + END)


def wide_integers_stream(path):
    """Integers of 128 bits, which Arrow has no type for."""
    body = b"".join(value.to_bytes(16, "little") for value in range(5))
    path.write_bytes(_schema(bits=128) + _batch(5, body) + END)


def compressed_0_17_stream(path):
    """Compression as Arrow 0.17 had it: said in a message's metadata, which readers of today do not look at."""
    codec = pa.Codec("lz4")
    plain = struct.pack("<5q", *range(5))
    body = struct.pack("<q", len(plain)) + codec.compress(plain, asbytes=True)
    path.write_bytes(_schema() + _batch(5, body, [("ARROW:experimental_compression", "LZ4_FRAME")]) + END)


def deep_schema_stream(path, depth):
    """A schema of lists within lists, deeper than pyarrow writes."""
    builder = flatbuffers.Builder()
    kind = _table(builder, [(0, "Int32", 64), (1, "Bool", True)])
    name = builder.CreateString("x")
    none = _vector(builder, [])
    field = _table(
        builder, [(0, "offset", name), (1, "Bool", True), (2, "Uint8", INT), (3, "offset", kind), (5, "offset", none)]
    )
    for _ in range(depth):
        children = _vector(builder, [field])
        builder.StartObject(0)
        kind = builder.EndObject()
        name = builder.CreateString("x")
        field = _table(
            builder,
            [(0, "offset", name), (1, "Bool", True), (2, "Uint8", LIST), (3, "offset", kind), (5, "offset", children)],
        )
    schema = _table(builder, [(0, "Int16", 0), (1, "offset", _vector(builder, [field]))])
    path.write_bytes(_message(builder, SCHEMA, schema) + END)


def deep_lists(path, depth):
    """Lists within lists."""
    array = pa.array([1])
    for _ in range(depth):
        array = pa.ListArray.from_arrays(pa.array([0, len(array)], pa.int32()), array)
    table = pa.table({"deep": array})
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    else:
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table)


class _Keys(encryption.KmsClient):
    """A store of keys that wraps nothing."""

    def __init__(self, _):
        super().__init__()

    def wrap_key(self, key, _):
        return key.hex().encode()

    def unwrap_key(self, wrapped, _):
        return bytes.fromhex(wrapped.decode())


def encrypted_parquet(path, plain_footer):
    factory = encryption.CryptoFactory(_Keys)
    chosen = encryption.EncryptionConfiguration(footer_key="f", column_keys={"c": ["x"]}, plaintext_footer=plain_footer)
    properties = factory.file_encryption_properties(encryption.KmsConnectionConfig(), chosen)
    table = pa.table({"x": [1, 2, 3]})
    with pq.ParquetWriter(path, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)


def no_rows_in_footer(path):
    """Parquet whose footer says 0 rows, and whose row group has three."""
    pq.write_table(pa.table({"x": [1, 2, 3]}), path)
    data = path.read_bytes()
    (place,) = [place for place in lengths.of_parquet(data) if place.name == "footer 3"]
    path.write_bytes(lengths.altered(data, place, 0))
