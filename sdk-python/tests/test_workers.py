"""Worker processes that import the script again."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

SCRIPT = """
import multiprocessing
import concurrent.futures
from longshore.api import Api

api = Api()
{top}

def square(number):
    {inside}
    return number * number

if __name__ == "__main__":
    context = multiprocessing.get_context("{start}")
    with {pool} as pool:
        total = sum(pool.map(square, range(10)))
    api.write_output_records({{"total": [total]}})
    api.commit()
"""
POOLS = ["context.Pool(3)", "concurrent.futures.ProcessPoolExecutor(3, mp_context=context)"]


def run(tmp_path: Path, **parts: str) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(**{"top": "", "inside": "", **parts}))
    (tmp_path / "data").mkdir()
    return subprocess.run(
        [sys.executable, str(script)],
        env={"LONGSHORE_DRY_RUN": str(tmp_path / "data"), "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("start", ["spawn", "forkserver", "fork"])
@pytest.mark.parametrize("pool", POOLS)
def test_an_api_at_the_top_does_not_disturb_them(tmp_path: Path, start: str, pool: str) -> None:
    done = run(tmp_path, start=start, pool=pool)
    assert done.returncode == 0, done.stderr
    assert pq.read_table(tmp_path / "data" / "output-0.parquet").to_pydict() == {"total": [285]}


@pytest.mark.parametrize("start", ["spawn", "forkserver", "fork"])
@pytest.mark.parametrize("use", ["api.read_input_records()", "api.get_option('x')", "api.run_id", "api.commit()"])
def test_what_they_ask_of_it_is_an_error(tmp_path: Path, start: str, use: str) -> None:
    if start == "fork" and use in ("api.get_option('x')", "api.run_id"):
        use = "api.update_message('x')"
    done = run(tmp_path, start=start, pool=POOLS[0], inside=use)
    assert done.returncode == 1
    assert "LongshoreError: an Api works only in the process that made it: return results there" in done.stderr
    assert not (tmp_path / "data" / "output-0.parquet").exists()


@pytest.mark.parametrize("start", ["spawn", "forkserver"])
@pytest.mark.parametrize("pool", POOLS)
def test_a_script_that_reads_at_the_top_ends_soon_and_says_why(tmp_path: Path, start: str, pool: str) -> None:
    began = time.monotonic()
    done = run(tmp_path, start=start, pool=pool, top="frame = api.read_input_records()")
    assert time.monotonic() - began < 30
    assert done.returncode != 0
    assert 'put what uses it below `if __name__ == "__main__":`' in done.stderr
    assert not (tmp_path / "data" / "output-0.parquet").exists()


def test_it_can_be_shown_anywhere(tmp_path: Path) -> None:
    done = run(tmp_path, start="spawn", pool=POOLS[0], inside="print(api, flush=True)")
    assert done.returncode == 0, done.stderr
    assert "<longshore Api of another process>" in done.stdout
