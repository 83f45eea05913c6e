"""Files that cannot be read are refused before anything starts, by what they are; none is read as something else."""

import handmade
import polars as pl
import pyarrow as pa
import pytest

REFUSED = {
    "big-endian.arrows": (handmade.big_endian_stream, "endian"),
    "128 bits.arrows": (handmade.wide_integers_stream, "`x`"),
    "encrypted.parquet": (lambda path: handmade.encrypted_parquet(path, plain_footer=False), "encrypted"),
    "encrypted columns.parquet": (lambda path: handmade.encrypted_parquet(path, plain_footer=True), "encrypted"),
    "no rows.parquet": (handmade.no_rows_in_footer, "row"),
    "deep.ndjson": (lambda path: path.write_text('{"a":' + "[" * 100_000 + "]" * 100_000 + "}\n"), "line 1"),
    "nested.arrows": (lambda path: handmade.deep_schema_stream(path, 5000), "damaged"),
    "polars 128 bits.arrow": (
        lambda path: pl.DataFrame({"x": pl.Series([1, 2**100], dtype=pl.Int128)}).write_ipc(path),
        "`x`",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_as_what_it_is(runner, tmp_path, name):
    write, word = REFUSED[name]
    path = tmp_path / name
    write(path)
    run = runner.run("arrow", [path])
    assert run.status == 2, (run.said, run.seen)
    assert word in run.errors.replace(name, "").replace(str(tmp_path), ""), run.errors
    assert "panicked" not in run.errors and "backtrace" not in run.errors
    assert run.megabytes < 1024


def test_compression_of_old_is_named(runner, tmp_path):
    """Which only a batch says, so that it may be found when it is read."""
    path = tmp_path / "old.arrows"
    handmade.compressed_0_17_stream(path)
    run = runner.run("arrow", [path])
    said = run.seen[0].get("error", "it was read") if run.status == 0 else run.errors
    assert "0.17" in said, said


def test_all_bad_inputs_are_told_at_once(runner, tmp_path):
    paths = []
    for name, (write, _) in REFUSED.items():
        paths.append(tmp_path / name)
        write(paths[-1])
    run = runner.run("arrow", paths)
    assert run.status == 2, run.said
    unnamed = [path.name for path in paths if path.name not in run.errors]
    assert not unnamed, run.errors


def test_a_stream_built_by_hand_is_read(runner, tmp_path):
    """What the others differ from is no other fault."""
    path = tmp_path / "plain.arrows"
    handmade.plain_stream(path)
    assert pa.ipc.open_stream(path).read_all().to_pydict() == {"x": [0, 1, 2, 3, 4]}
    run = runner.run("arrow", [path])
    assert run.status == 0, run.said
    assert run.seen[0]["columns"][0]["values"] == [["int", str(value)] for value in range(5)]


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_nesting_of_some_depth_is_read(runner, tmp_path, suffix):
    path = tmp_path / f"nested.{suffix}"
    handmade.deep_lists(path, 40)
    run = runner.run("arrow", [path])
    assert run.status == 0, run.said
    assert "error" not in run.seen[0], run.seen
