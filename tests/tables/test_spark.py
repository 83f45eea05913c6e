"""What Spark writes is read, and what Longshore writes Spark reads: in the larger run, as Spark is large and slow."""

import datetime
import decimal

import files
import peers_write
import pyarrow as pa
import pytest
import spark
from test_peers import different


@pytest.mark.larger
def test_spark(runner, tmp_path):
    when = [datetime.datetime(2024, 5, 6, 7, 8, 9, 123456), None, datetime.datetime(9999, 12, 31, 23, 59, 59)]
    table = pa.table(
        {
            "i": pa.array([1, None, -(2**53) - 1]),
            "f": [0.5, None, -1e300],
            "t": ["a", None, peers_write.ODD],
            "b": [True, None, False],
            "d": [datetime.date(2024, 1, 31), None, datetime.date(9999, 12, 31)],
            "ts": pa.array(when, pa.timestamp("us", "UTC")),
            "dec": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("-99.99")], pa.decimal128(12, 2)),
            "bin": pa.array([b"\x00\xff", None, b""]),
            "l": pa.array([[1, None], None, []], pa.list_(pa.int64())),
            "m": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int64())),
        }
    )
    naive = table.set_column(5, "ts", table["ts"].cast(pa.timestamp("us")))
    made = spark.write(tmp_path)
    assert len(made) == 10
    run = runner.run("arrow", list(made.values()))
    assert run.status == 0, run.errors
    wrong = []
    for (name, path), seen in zip(made.items(), run.seen, strict=True):
        assert "error" not in seen, (name, seen)
        held = {one["name"]: one["values"] for one in seen["columns"]}
        # INT96 has no zone.
        expected = naive if name.startswith("INT96") else table
        expected = expected.select(list("iftb") + ["d", "ts"]) if path.suffix != ".parquet" else expected
        wrong += [f"{name}: {said}" for said in different(expected, held, path.suffix != ".parquet")]
    assert not wrong, "\n".join(wrong)

    source, out = tmp_path / "source.arrow", tmp_path / "out.parquet"
    files.write(table, source)
    assert runner.run("arrow", [source], [out]).status == 0
    rows = spark.read(out)
    assert [row["i"] for row in rows] == table["i"].to_pylist()
    assert [row["t"] for row in rows] == table["t"].to_pylist()
    assert [row["d"] for row in rows] == ["2024-01-31", None, "9999-12-31"]
    assert [row["ts"] for row in rows] == ["2024-05-06 07:08:09.123456", None, "9999-12-31 23:59:59"]
    assert [row["dec"] for row in rows] == ["1.50", None, "-99.99"]
    assert [row["bin"] for row in rows] == ["00FF", None, ""]
    assert [row["l"] for row in rows] == table["l"].to_pylist()
