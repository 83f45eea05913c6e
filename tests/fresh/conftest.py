"""The engine and the user of these tests, made once; both are gone when the tests have ended, however they do."""

import os
import signal
from collections.abc import Iterator

import engine as engines
import pytest
import user as users


def pytest_sessionstart() -> None:
    """Says in one sentence what is missing, and takes away what earlier tests left that were killed."""
    if os.geteuid() != 0:
        pytest.exit("these tests start an engine and make a user, which needs root: run `sudo make test-fresh`", 2)
    # A session that is ended from outside ends what it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    engines.remove_abandoned()
    users.remove_abandoned()


@pytest.fixture(scope="session")
def engine() -> Iterator[engines.Engine]:
    """An engine that has nothing yet."""
    with engines.Engine() as started:
        yield started


@pytest.fixture(scope="session")
def stocked(engine: engines.Engine) -> engines.Engine:
    """The engine with this project's images."""
    engine.load(*engines.NEEDED)
    return engine


@pytest.fixture(scope="session")
def user() -> Iterator[users.User]:
    """A user who has nothing yet."""
    with users.User() as made:
        yield made
