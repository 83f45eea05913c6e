"""Who calls: root, and an ordinary user who is made for the tests as those of a fresh machine make theirs."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import container
import pytest

sys.path.append(str(container.ROOT / "tests/fresh"))

import user as users


class Ordinary(container.Caller):
    """A user of the group that may use the engine, without `XDG_RUNTIME_DIR`, with a umask of 077."""

    def __init__(self, user: users.User) -> None:
        super().__init__(user.home)
        self.user = user

    def own_variables(self) -> dict[str, str]:
        return self.user.variables()

    def folder(self, name: str) -> Path:
        folder = self.home / f"{name} of ü"
        folder.mkdir(parents=True)
        return folder

    def gets(self, folder: Path) -> None:
        self.user.writes(folder)

    def command(self, command: list[str | Path]) -> list[str | Path]:
        return self.user.command(command)


def pytest_sessionstart() -> None:
    """Says in one sentence what is missing, and takes away what earlier tests left that were killed."""
    if os.geteuid() != 0:
        pytest.exit("these tests look into processes of containers, which needs root: run `sudo make test-hostile`", 2)
    users.remove_abandoned()
    container.remove_abandoned()


@contextmanager
def as_asked(caller: container.Caller) -> Iterator[container.Caller]:
    """Has the runs of a caller go through a resident host, if the tests are to be run so."""
    with caller.served() if os.environ.get("LONGSHORE_TEST_SERVER") else nullcontext():
        yield caller


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[container.Caller]:
    """Root, with an empty home."""
    with as_asked(container.Caller(tmp_path_factory.mktemp("home"))) as caller:
        yield caller


@pytest.fixture(scope="session")
def callers(root: container.Caller) -> Iterator[dict[str, container.Caller]]:
    """All who call, by name."""
    with users.User() as user, as_asked(Ordinary(user)) as ordinary:
        yield {"root": root, "user": ordinary}
