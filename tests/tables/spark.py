"""Spark, for the larger run: an environment of its own in the cache, and what it writes and reads.

Needs a Java: Debian's `default-jre-headless`.
"""

import json
import shutil
import subprocess
import sys

from runs import CACHE

VERSION = "4.3.0"

WRITES = """
import datetime, decimal, sys
from pyspark.sql import SparkSession, types as t

folder = sys.argv[1]
spark = (SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    .config("spark.sql.session.timeZone", "UTC").config("spark.sql.parquet.datetimeRebaseModeInWrite", "CORRECTED")
    .config("spark.sql.parquet.int96RebaseModeInWrite", "CORRECTED").getOrCreate())
kinds = t.StructType([t.StructField("i", t.LongType()), t.StructField("f", t.DoubleType()), t.StructField("t", t.StringType()),
    t.StructField("b", t.BooleanType()), t.StructField("d", t.DateType()), t.StructField("ts", t.TimestampType()),
    t.StructField("dec", t.DecimalType(12, 2)), t.StructField("bin", t.BinaryType()), t.StructField("l", t.ArrayType(t.LongType())),
    t.StructField("m", t.MapType(t.StringType(), t.LongType()))])
when = datetime.datetime(2024, 5, 6, 7, 8, 9, 123456)
rows = [(1, 0.5, "a", True, datetime.date(2024, 1, 31), when, decimal.Decimal("1.50"), b"\\x00\\xff", [1, None], {"k": 1}),
    tuple([None] * 10),
    (-(2**53) - 1, -1e300, "zwölf, \\"quoted\\"", False, datetime.date(9999, 12, 31), datetime.datetime(9999, 12, 31, 23, 59, 59),
     decimal.Decimal("-99.99"), b"", [], {})]
frame = spark.createDataFrame(rows, kinds).coalesce(1)
for kind in ("INT96", "TIMESTAMP_MICROS"):
    spark.conf.set("spark.sql.parquet.outputTimestampType", kind)
    for codec in ("snappy", "zstd", "gzip", "uncompressed"):
        frame.write.mode("overwrite").option("compression", codec).parquet(f"{folder}/{kind}-{codec}")
flat = frame.select("i", "f", "t", "b", "d", "ts")
# Left alone, Spark cuts times to milliseconds in text.
flat = flat.write.mode("overwrite").option("timestampFormat", "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX")
flat.option("header", True).option("escape", '"').csv(f"{folder}/csv")
flat.option("ignoreNullFields", False).json(f"{folder}/json")
"""

READS = """
import json, sys
from pyspark.sql import SparkSession

spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "UTC").getOrCreate()
frame = spark.read.parquet(sys.argv[1])
frame = frame.selectExpr("i", "f", "t", "b", "cast(d as string) d", "cast(ts as string) ts", "cast(dec as string) dec", "hex(bin) bin", "l")
print("SEEN" + json.dumps([row.asDict() for row in frame.collect()]))
"""


def python():
    """The interpreter that has pyspark; the first call takes minutes, and the network."""
    assert shutil.which("java"), "Spark needs a Java: apt-get install default-jre-headless"
    folder = CACHE / f"venv-spark-{VERSION}"
    if not (folder / "made").exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [folder / "bin" / "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, f"pyspark=={VERSION}"], check=True)
        (folder / "made").touch()
    return folder / "bin" / "python"


def write(folder):
    """Parquet with both kinds of times and each compression, CSV and JSON, of one table."""
    subprocess.run([python(), "-c", WRITES, folder], check=True, capture_output=True)
    made = {}
    for found in sorted(folder.glob("*/part-*")):
        suffix = {"csv": "csv", "json": "ndjson"}.get(found.parent.name, "parquet")
        made[found.parent.name] = found.rename(folder / f"{found.parent.name}.{suffix}")
    return made


def read(path):
    """A Parquet file's rows as Spark has them, times and bytes as text."""
    shown = subprocess.run([python(), "-c", READS, path], check=True, capture_output=True, text=True)
    return json.loads(shown.stdout.partition("SEEN")[2])
