"""Fixtures of the tests of tables: the program, a runner of blocks in a folder of its own, engines, the size of the run."""

import subprocess

import environments
import matrix
import pytest
import runs


def pytest_addoption(parser):
    parser.addoption(
        "--larger", action="store_true", help="all cells, more rows, more random tables: minutes become an hour"
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "larger: of the larger run alone, as what it needs is large and slow")


def pytest_collection_modifyitems(config, items):
    """Leave out what belongs to the larger run alone."""
    if config.getoption("--larger"):
        return
    left_out = [item for item in items if item.get_closest_marker("larger")]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def larger(request):
    """Whether the larger run was asked for."""
    return request.config.getoption("--larger")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder with a space and a letter beyond ASCII in its name."""
    return tmp_path_factory.mktemp("tables größe")


@pytest.fixture(scope="session")
def runner(folder):
    """What runs blocks; it needs what `make build venv r-library` makes."""
    assert runs.LONGSHORE.exists(), f"{runs.LONGSHORE} is there: make build"
    return runs.Runner(folder, environments.pandas2_python())


@pytest.fixture(scope="session")
def cells(runner, folder):
    """The matrix, with its files."""
    (folder / "matrix").mkdir()
    return matrix.Matrix(runner, folder / "matrix")


@pytest.fixture(scope="session")
def docker():
    """The engine docker, with our images: `make images`."""
    shown = subprocess.run(
        ["docker", "image", "inspect", "longshore/python", "longshore/python-pandas2", "longshore/r"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert shown.returncode == 0, f"docker has our images: make images: {shown.stderr}"
    return "docker"
