"""Each attempt of each batch becomes two tests: that its wall holds, for each who calls, and that it succeeds without."""

import os

import container
import pytest


def pytest_sessionstart() -> None:
    """Says in one sentence what is missing."""
    if os.geteuid() != 0:
        pytest.exit("these tests look into processes of containers, which needs root: run `sudo tests/all hostile`", 2)


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> container.Caller:
    """Root, with an empty home."""
    return container.Caller(tmp_path_factory.mktemp("home"))
