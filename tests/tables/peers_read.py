"""What other tools read of files that Longshore wrote: each reader gives canonical values by columns."""

import json
import subprocess

import canonical
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq


def write_arrow(table, path):
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)


def _of_table(table):
    return {name: canonical.of_arrow(table[name]) for name in table.column_names}


def _of_pandas(frame):
    return {str(name): canonical.of_pandas(frame[name]) for name in frame.columns}


def _of_polars(frame):
    return {name: canonical.of_polars(frame[name]) for name in frame.columns}


def _duckdb(reader, order=""):
    def read(path):
        with duckdb.connect() as connection:
            return _of_table(connection.execute(f"SELECT * FROM {reader}('{path}'{order})").to_arrow_table())

    return read


def _fastparquet(path):
    import fastparquet

    # It takes structs and lists apart in ways of its own.
    frame = fastparquet.ParquetFile(str(path)).to_pandas(columns=["i", "f", "t", "b", "ts"])
    return _of_pandas(frame.astype({"i": "Int64"}) if str(frame["i"].dtype) == "object" else frame)


def _arrow_file(path):
    with pa.memory_map(str(path)) as source:
        return _of_table(pa.ipc.open_file(source).read_all())


def _arrow_stream(path):
    with pa.memory_map(str(path)) as source:
        return _of_table(pa.ipc.open_stream(source).read_all())


def _pandas_csv(path):
    frame = pd.read_csv(
        path,
        dtype={"i": "Int64", "b": "boolean"},
        keep_default_na=False,
        na_values={name: [""] for name in "ifbd"} | {"ts": [""], "t": []},
    )
    # pandas cannot tell empty text from none.
    frame["t"] = frame["t"].replace("", None)
    return _of_pandas(frame)


FREAD = """
frame <- as.data.frame(data.table::fread(commandArgs(TRUE), na.strings = "", integer64 = "character", strip.white = FALSE, colClasses = list(character = c("d", "ts"))))
cat(jsonlite::toJSON(lapply(frame, function(column) I(ifelse(is.na(column), NA, sprintf(if (is.double(column)) "%.17g" else "%s", column)))), na = "null"))
"""


def _fread(path):
    made = subprocess.run(["Rscript", "--vanilla", "-e", FREAD, path], check=True, capture_output=True, text=True)
    columns = json.loads(made.stdout)
    # It leaves doubled quotes within quotes as they are.
    columns["t"] = [text and text.replace('""', '"') for text in columns["t"]]
    forms = {"f": lambda text: ["float", repr(float(text))], "b": lambda text: ["bool", text in ("TRUE", "true")]}
    return {
        name: [None if text is None else forms.get(name, lambda text: ["text", text])(text) for text in texts]
        for name, texts in columns.items()
    }


READERS = {
    "parquet": {
        "pyarrow": lambda path: _of_table(pq.read_table(path)),
        "pandas": lambda path: _of_pandas(pd.read_parquet(path, dtype_backend="pyarrow")),
        "polars": lambda path: _of_polars(pl.read_parquet(path)),
        "duckdb": _duckdb("read_parquet"),
        "fastparquet": _fastparquet,
    },
    "arrow": {
        "pyarrow": _arrow_file,
        "pandas": lambda path: _of_pandas(pd.read_feather(path, dtype_backend="pyarrow")),
        "polars": lambda path: _of_polars(pl.read_ipc(path)),
    },
    "arrows": {
        "pyarrow": _arrow_stream,
        "polars": lambda path: _of_polars(pl.read_ipc_stream(path)),
    },
    "csv": {
        "pandas": _pandas_csv,
        "polars": lambda path: _of_polars(pl.read_csv(path, try_parse_dates=True)),
        "duckdb": _duckdb("read_csv", ", quote='\"', new_line='\\n'"),
        "pyarrow": lambda path: _of_table(
            pyarrow.csv.read_csv(
                path,
                parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
                convert_options=pyarrow.csv.ConvertOptions(
                    strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""]
                ),
            )
        ),
        "fread": _fread,
    },
    "csv.gz": {
        "polars": lambda path: _of_polars(pl.read_csv(path, try_parse_dates=True)),
        "pandas": _pandas_csv,
    },
    "ndjson": {
        "polars": lambda path: _of_polars(pl.read_ndjson(path)),
        "pyarrow": lambda path: _of_table(pyarrow.json.read_json(path)),
        "duckdb": _duckdb("read_json", ", format='newline_delimited'"),
    },
}
