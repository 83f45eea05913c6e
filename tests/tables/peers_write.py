"""Files as other tools write them, with every option of theirs that changes the bytes.

Each function makes files in a folder and returns, for each, the table that it holds. What Longshore makes of them is
compared in `test_peers.py`.
"""

import datetime
import decimal
import subprocess

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

UTC = datetime.UTC
WHEN = datetime.datetime(2024, 5, 6, 7, 8, 9, 123456)
ODD = 'zwölf, "quoted"'


def base():
    """A table of what every tool has a type for."""
    return pa.table(
        {
            "i": pa.array([1, None, -(2**53) - 1, 0, 7], pa.int64()),
            "f": pa.array([0.5, None, -1e300, 0.1, 3.0], pa.float64()),
            "t": pa.array(["a", None, ODD, "two\nlines", " blanks "], pa.string()),
            "b": pa.array([True, None, False, True, False], pa.bool_()),
            "d": pa.array(
                [
                    datetime.date(2024, 1, 31),
                    None,
                    datetime.date(1500, 1, 1),
                    datetime.date(9999, 12, 31),
                    datetime.date(1970, 1, 1),
                ]
            ),
            "ts": pa.array([WHEN, None, datetime.datetime(1970, 1, 1), WHEN, WHEN], pa.timestamp("us")),
        }
    )


def nested():
    """What Parquet and Arrow hold besides."""
    zoned = [value and value.replace(tzinfo=UTC) for value in base()["ts"].to_pylist()]
    return (
        base()
        .append_column("z", pa.array(zoned, pa.timestamp("us", "UTC")))
        .append_column(
            "dec",
            pa.array(
                [decimal.Decimal("1.50"), None, decimal.Decimal("-99.99"), decimal.Decimal("0.01"), None],
                pa.decimal128(12, 2),
            ),
        )
        .append_column("bin", pa.array([b"\x00\xff", None, b"", b"abc", b"\n"]))
        .append_column("l", pa.array([[1, None], None, [], [3], [4, 5]], pa.list_(pa.int64())))
        .append_column(
            "s", pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}, {"a": 3, "b": None}, {"a": 4, "b": ""}])
        )
    )


def parquet_of_pyarrow(folder):
    table = nested()
    options = {
        f"compression {name}": {"compression": name} for name in ("none", "snappy", "gzip", "brotli", "lz4", "zstd")
    }
    options |= {
        "no dictionary": {"use_dictionary": False},
        "page v2": {"data_page_version": "2.0"},
        "version 1": {"version": "1.0"},
        "no schema of arrow": {"store_schema": False},
        "small pages": {"data_page_size": 8, "write_batch_size": 1},
        "checksums, index": {"write_page_checksum": True, "write_page_index": True},
        "row groups of one": {"row_group_size": 1},
        "delta": {
            "use_dictionary": False,
            "column_encoding": {
                "i": "DELTA_BINARY_PACKED",
                "t": "DELTA_BYTE_ARRAY",
                "bin": "DELTA_LENGTH_BYTE_ARRAY",
                "f": "BYTE_STREAM_SPLIT",
                "b": "RLE",
            },
        },
        "delta lengths": {
            "use_dictionary": False,
            "column_encoding": {"t": "DELTA_LENGTH_BYTE_ARRAY", "bin": "DELTA_BYTE_ARRAY", "i": "BYTE_STREAM_SPLIT"},
        },
        "flavor spark": {"flavor": "spark"},
    }
    made = {}
    for name, chosen in options.items():
        path = folder / f"pyarrow {name}.parquet"
        pq.write_table(table, path, **chosen)
        # Spark's INT96 has no zone.
        made[path] = table.drop_columns(["z"]) if "flavor" in chosen else table
    path = folder / "pyarrow empty row groups.parquet"
    with pq.ParquetWriter(path, table.schema) as writer:
        for part in (table.slice(0, 0), table.slice(0, 2), table.slice(2, 0), table.slice(2), table.slice(0, 0)):
            writer.write_table(part)
    made[path] = table
    path = folder / "pyarrow no rows.parquet"
    pq.write_table(table.slice(0, 0), path)
    made[path] = table.slice(0, 0)
    path = folder / "pyarrow int96.parquet"
    seconds = [-62135596800, None, -14831769600, 1714979289, 253402300799]
    old = pa.table({"t": pa.array([value and value * 10**6 for value in seconds], pa.timestamp("us"))})
    pq.write_table(old, path, use_deprecated_int96_timestamps=True)
    made[path] = old
    # As Spark's and Impala's, which say nothing of Arrow's units.
    path = folder / "pyarrow int96 alone.parquet"
    pq.write_table(old, path, use_deprecated_int96_timestamps=True, store_schema=False)
    made[path] = old
    path = folder / "pyarrow int96 ns.parquet"
    fine = pa.table({"t": pa.array([1714979289123456789, None, 1], pa.timestamp("ns"))})
    pq.write_table(fine, path, use_deprecated_int96_timestamps=True)
    made[path] = fine
    return made


def parquet_of_others(folder):
    """By polars, DuckDB and fastparquet, with what pyarrow reads of it."""
    table = nested()
    frame = pl.DataFrame(table)
    made = []
    for compression in ("uncompressed", "snappy", "gzip", "brotli", "lz4", "zstd"):
        made.append(folder / f"polars {compression}.parquet")
        frame.write_parquet(made[-1], compression=compression)
    made.append(folder / "polars categories.parquet")
    words = pl.DataFrame({"c": ["b", "a", None, "b"], "e": ["x", None, "y", "x"]})
    words = words.with_columns(pl.col("c").cast(pl.Categorical), pl.col("e").cast(pl.Enum(["x", "y"])))
    words.write_parquet(made[-1], row_group_size=2)
    made.append(folder / "polars row groups.parquet")
    frame.write_parquet(made[-1], row_group_size=2, data_page_size=16)
    with duckdb.connect() as connection:
        connection.register("nested", table)
        for name, chosen in (
            ("v1", "PARQUET_VERSION V1"),
            ("v2", "PARQUET_VERSION V2"),
            ("zstd", "COMPRESSION zstd"),
            ("rows", "ROW_GROUP_SIZE 2048"),
        ):
            made.append(folder / f"duckdb {name}.parquet")
            connection.execute(f"COPY (SELECT * FROM nested) TO '{made[-1]}' (FORMAT parquet, {chosen})")
        made.append(folder / "duckdb types.parquet")
        chosen = "1::utinyint u8, 1::ubigint u64, 'x'::blob b, uuid() id, time '03:04:05' tm, [1,2] l, {a: 1} s, map {'k': 1} m"
        connection.execute(f"COPY (SELECT {chosen}) TO '{made[-1]}' (FORMAT parquet)")
    import fastparquet

    plain = base().to_pandas(date_as_object=False)[["i", "f", "t", "ts"]]
    plain["b"] = [True, False, False, True, False]
    for compression in ("UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD"):
        made.append(folder / f"fastparquet {compression}.parquet")
        fastparquet.write(str(made[-1]), plain, compression=compression)
    made.append(folder / "fastparquet int96.parquet")
    fastparquet.write(str(made[-1]), plain[["i", "ts"]].astype({"ts": "datetime64[ns]"}), times="int96")
    return {path: pq.ParquetFile(path).read() for path in made}


def arrow_files(folder):
    """Files and streams by pyarrow and polars; of DuckDB with its views."""
    table = nested()
    made = {}
    words = pa.table({"w": pa.array(["a", "b", None, "a"]).dictionary_encode()})
    grown = pa.table({"w": pa.array(["c", "a", "b", "c"]).dictionary_encode()})
    options = {
        "plain": {},
        "lz4": {"compression": "lz4"},
        "zstd": {"compression": "zstd"},
        "v4": {"metadata_version": pa.ipc.MetadataVersion.V4},
        "before 0.15": {"use_legacy_format": True, "metadata_version": pa.ipc.MetadataVersion.V4},
    }
    for name, chosen in options.items():
        for suffix, opened in (("arrow", pa.ipc.new_file), ("arrows", pa.ipc.new_stream)):
            path = folder / f"pyarrow {name}.{suffix}"
            with opened(str(path), table.schema, options=pa.ipc.IpcWriteOptions(**chosen)) as writer:
                writer.write_table(table, max_chunksize=2)
            made[path] = table
    for name, deltas in (("replaced", False), ("deltas", True)):
        path = folder / f"pyarrow dictionary {name}.arrows"
        options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=deltas)
        with pa.ipc.new_stream(str(path), words.schema, options=options) as writer:
            writer.write_table(words)
            following = (
                pa.DictionaryArray.from_arrays([3, 0, None], ["a", "b", "c", "d"]) if deltas else grown["w"].chunk(0)
            )
            writer.write_batch(pa.record_batch([following], schema=words.schema))
        made[path] = pa.table({"w": words["w"].to_pylist() + following.to_pylist()})
    frame = pl.DataFrame(table).with_columns(pl.col("t").cast(pl.Categorical).alias("c"))
    for compression in ("uncompressed", "lz4", "zstd"):
        for level in (pl.CompatLevel.newest(), pl.CompatLevel.oldest()):
            path = folder / f"polars {compression} {level._version}.arrow"
            frame.write_ipc(path, compression=compression, compat_level=level)
            made[path] = frame.to_arrow()
            path = path.with_suffix(".arrows")
            frame.write_ipc_stream(path, compression=compression, compat_level=level)
            made[path] = frame.to_arrow()
    with duckdb.connect() as connection:
        connection.execute(
            "SET produce_arrow_string_view = true; SET arrow_output_list_view = true; SET arrow_large_buffer_size = true"
        )
        connection.register("nested", table)
        viewed = connection.execute("SELECT * FROM nested").to_arrow_table()
    path = folder / "duckdb views.arrow"
    with pa.ipc.new_file(str(path), viewed.schema) as writer:
        writer.write_table(viewed)
    made[path] = viewed
    return made


def csv_files(folder):
    """CSV by pandas, polars and DuckDB; by R in `r_files`."""
    table = base()
    made = {}
    table.to_pandas(date_as_object=True).astype({"i": "object"}).to_csv(folder / "pandas.csv", index=False)
    integers = table.to_pandas(types_mapper=pd.ArrowDtype)
    integers.to_csv(folder / "pandas arrow.csv", index=False)
    integers.to_csv(folder / "pandas.csv.gz", index=False)
    pl.DataFrame(table).write_csv(folder / "polars.csv")
    pl.DataFrame(table).write_csv(folder / "polars quotes.csv", quote_style="non_numeric")
    pl.DataFrame(table).write_csv(folder / "polars bom.csv", include_bom=True, line_terminator="\r\n")
    pl.DataFrame(table).write_csv(folder / "polars.tsv", separator="\t")
    pl.DataFrame(table).write_csv(folder / "polars semicolons.csv", separator=";")
    with duckdb.connect() as connection:
        connection.register("base", table)
        connection.execute(f"COPY (SELECT * FROM base) TO '{folder / 'duckdb.csv'}' (HEADER)")
        connection.execute(f"COPY (SELECT * FROM base) TO '{folder / 'duckdb quoted.csv'}' (HEADER, FORCE_QUOTE (t))")
    for name in (
        "pandas arrow.csv",
        "pandas.csv.gz",
        "polars.csv",
        "polars quotes.csv",
        "polars bom.csv",
        "polars.tsv",
        "polars semicolons.csv",
        "duckdb.csv",
        "duckdb quoted.csv",
    ):
        made[folder / name] = table
    return made


def ndjson_files(folder):
    """NDJSON by polars, pandas and DuckDB; by jsonlite in `r_files`."""
    table = nested().drop_columns(["bin", "dec", "z"])
    pl.DataFrame(table).write_ndjson(folder / "polars.ndjson")
    frame = table.drop_columns(["l", "s"]).to_pandas(types_mapper=pd.ArrowDtype)
    frame.to_json(
        folder / "pandas.ndjson", orient="records", lines=True, date_format="iso", date_unit="us", double_precision=15
    )
    with duckdb.connect() as connection:
        connection.register("nested", table)
        connection.execute(f"COPY (SELECT * FROM nested) TO '{folder / 'duckdb.ndjson'}' (FORMAT json)")
    return {folder / "polars.ndjson": table, folder / "duckdb.ndjson": table}


R = """
options(digits.secs = 6)
frame <- data.frame(i = c(1L, NA, -7L), f = c(0.5, NA, -1e300), t = c("a", "", 'zw\\u00f6lf, "quoted"'),
  b = c(TRUE, NA, FALSE), d = as.Date(c("2024-01-31", NA, "1970-01-01")),
  ts = as.POSIXct(c("2024-05-06 07:08:09", NA, "1970-01-01 00:00:01"), tz = "UTC"))
write.csv(frame, "write.csv.csv", row.names = FALSE)
write.csv2(frame, "write.csv2.csv", row.names = FALSE)
data.table::fwrite(frame, "fwrite.csv")
data.table::fwrite(frame, "fwrite.tsv", sep = "\\t")
data.table::fwrite(frame, "fwrite.csv.gz", dateTimeAs = "ISO")
jsonlite::stream_out(frame, file("stream_out.ndjson"), verbose = FALSE)
jsonlite::stream_out(frame, file("stream_out na.ndjson"), na = "string", verbose = FALSE)
"""


def r_files(folder):
    """CSV and NDJSON by R: `write.csv`, `write.csv2`, data.table and jsonlite."""
    subprocess.run(["Rscript", "--vanilla", "-e", R], cwd=folder, check=True)
    times = [datetime.datetime(2024, 5, 6, 7, 8, 9), None, datetime.datetime(1970, 1, 1, 0, 0, 1)]
    table = pa.table(
        {
            "i": pa.array([1, None, -7], pa.int64()),
            "f": [0.5, None, -1e300],
            "t": ["a", "", ODD],
            "b": [True, None, False],
            "d": [datetime.date(2024, 1, 31), None, datetime.date(1970, 1, 1)],
            "ts": pa.array(times, pa.timestamp("us")),
        }
    )
    zoned = table.set_column(5, "ts", table["ts"].cast(pa.timestamp("us", "UTC")))
    commas = table.set_column(1, "f", pa.array(["0,5", "NA", "-1e+300"]))
    made = {
        "write.csv.csv": table,
        "write.csv2.csv": commas,
        "fwrite.csv": zoned,
        "fwrite.tsv": zoned,
        "fwrite.csv.gz": zoned,
    }
    made |= {"stream_out.ndjson": table, "stream_out na.ndjson": table}
    return {folder / name: held for name, held in made.items()}
