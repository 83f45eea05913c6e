"""What an attempt is: a script of a stranger's, and how the host sees that it succeeded. A batch is several that run at
once in one container, with the one wall that holds them all."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from view import Process, Scene

# Whether it succeeded, by what the host sees: the scene, and the attempt's own processes.
Seen = Callable[[Scene, list[Process]], bool]

# What the host makes for a batch in a folder, for as long as it runs; scripts and arguments are given what it yields.
Stage = Callable[[Path], AbstractContextManager[dict[str, Any]]]

SUFFIXES = {"python": "py", "r": "R"}


@dataclass(frozen=True)
class Attempt:
    """One script. It gets what the batch gives it, and keeps what it got until it is ended."""

    name: str
    script: str
    seen: Seen
    language: str = "python"

    def file(self, token: str) -> str:
        """The name of its script, by which its processes are found."""
        return f"attempt-{token}-{self.name}.{SUFFIXES[self.language]}"


@contextmanager
def nothing(_: Path) -> Iterator[dict[str, Any]]:
    """Makes nothing."""
    yield {}


@dataclass(frozen=True)
class Batch:
    """Attempts of one language that leave each other alone."""

    name: str
    # What holds them, and how a container that is else like ours loses it: arguments of `docker run` by their names.
    wall: str
    away: Mapping[str, list[str] | None]
    attempts: list[Attempt]
    # More arguments of `longshore run`; `{name}` stands for what the stage yields.
    arguments: list[str] = field(default_factory=list)
    # Whether it is run by an ordinary user and on Podman too.
    everywhere: bool = False
    stage: Stage = nothing
    # The exit status of a run that the host may end before all attempts did what they can.
    ends: int | None = None

    @property
    def language(self) -> str:
        """The language of all."""
        (language,) = {attempt.language for attempt in self.attempts}
        return language
