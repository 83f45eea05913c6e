"""What documents show of callers, as it stands: the page's code, README's lines, and the notebook in Jupyter."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest
from host import Host

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def variables(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGSHORE_RUNS_SERVER", host.socket)


def executed(code: str, tmp_path: Path) -> str:
    """What a program prints. Functions have their source in its file."""
    program = tmp_path / "program.py"
    program.write_text(code)
    # It may write files where it runs.
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    done = subprocess.run(
        [sys.executable, str(program)], cwd=tmp_path, capture_output=True, text=True, env=os.environ, check=False
    )
    assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_page_of_callers_is_true(tmp_path: Path) -> None:
    page = (ROOT / "docs/callers.md").read_text()
    fences = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert len(fences) == 9
    executed("\n".join(fences), tmp_path)


def test_the_lines_in_readme_are_true(tmp_path: Path) -> None:
    section = (ROOT / "README.md").read_text().split("## From a notebook\n")[1].split("\n## ")[0]
    lines = [line[4:] for line in section.splitlines() if line.startswith("    ") or not line]
    code = "\n".join(lines).strip()
    assert len([line for line in code.splitlines() if line]) <= 10
    assert "31.0" not in code
    assert "north    15.5" in executed(code, tmp_path)


def test_the_notebook_runs_in_jupyter(tmp_path: Path) -> None:
    notebook = nbformat.read(ROOT / "examples/notebook/penguins.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert all(cell.cell_type != "code" or not cell.outputs for cell in notebook.cells)
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(ROOT / "examples/notebook")}}
    )
    client.execute()
    shown = ["".join(map(text_of, cell.outputs)) for cell in notebook.cells if cell.cell_type == "code"]
    assert "clustered: 342 rows; centres: 3 rows" in shown[1]
    assert "Gentoo" in shown[3] and "123" in shown[3]
    assert "344 rows" in shown[4] and "6.30" in shown[4]
    assert shown[5].strip().endswith("KeyError: 'no such column' True")
    assert "[2, 3, 4]" in shown[6]


def text_of(output: nbformat.NotebookNode) -> str:
    return str(output.get("text") or output.get("data", {}).get("text/plain", ""))
