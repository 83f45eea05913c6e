"""What the host sees of containers: their processes, by `/proc`, and what they printed. Nothing here asks a script."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process, by its number on the host. What is gone has nothing."""

    pid: int

    def text(self, name: str) -> str:
        """A file of its folder."""
        with suppress(OSError):
            return (PROC / str(self.pid) / name).read_text(errors="replace")
        return ""

    def status(self, name: str) -> list[str]:
        """A line of its status, in words."""
        found = re.search(rf"^{name}:\s*(.*)$", self.text("status"), re.MULTILINE)
        return found[1].split() if found else []

    @property
    def command(self) -> str:
        """Its command line."""
        return self.text("cmdline").replace("\0", " ")

    def namespace(self, kind: str) -> str:
        """Which namespace of a kind it is in."""
        with suppress(OSError):
            return os.readlink(PROC / str(self.pid) / "ns" / kind)
        return ""

    def descriptors(self) -> dict[int, str]:
        """What its descriptors are of."""
        found = {}
        with suppress(OSError):
            for entry in (PROC / str(self.pid) / "fd").iterdir():
                with suppress(OSError):
                    found[int(entry.name)] = os.readlink(entry)
        return found

    def has(self, part: str) -> bool:
        """Whether a descriptor is of something whose name has this part."""
        return any(part in link for link in self.descriptors().values())

    def limit(self, name: str) -> str:
        """A soft limit of it."""
        found = re.search(rf"^{name}\s+(\S+)", self.text("limits"), re.MULTILINE)
        return found[1] if found else ""

    def signal(self, number: int) -> None:
        """Sends it a signal."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def root(self, path: str) -> Path:
        """A path as the process has it."""
        return PROC / str(self.pid) / "root" / path.lstrip("/")

    def rows(self, name: str) -> list[list[str]]:
        """The rows of a table of its network, without the heading."""
        return [line.split() for line in self.text(f"net/{name}").splitlines()[1:]]


def processes() -> Iterator[Process]:
    """All of this machine."""
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            yield Process(int(entry.name))


class GoneError(Exception):
    """A container was gone before the host looked."""


@dataclass
class Scene:
    """A container in which attempts have done what they can, and still have what they got."""

    token: str
    # What it printed so far.
    printed: str
    # What scripts were given, by name.
    given: dict[str, Any]
    # Runs an honest script in another container, by the same means, and gives what it printed.
    neighbour: Callable[[str], str]
    # The command that serves the container.
    host: Process
    all: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        outside = Process(os.getpid()).namespace("pid")
        inside = [process for process in processes() if process.namespace("pid") not in ("", outside)]
        driver = next((process for process in inside if f"driver-{self.token}" in process.command), None)
        if driver is None:
            raise GoneError(f"the container is gone: {self.printed}")
        self.all = [process for process in processes() if process.namespace("pid") == driver.namespace("pid")]
        self.first = self.numbered(1)
        # What attempts on the agent are aimed at.
        self.target = self.numbered(self.given["target"])

    def of(self, name: str) -> list[Process]:
        """The processes of an attempt, whoever is their parent now."""
        return [process for process in self.all if f"ATTEMPT=attempt-{self.token}-{name}." in process.text("environ")]

    def numbered(self, number: int) -> Process:
        """The process that has this number in the container; none is there if it is gone."""
        return next((process for process in self.all if process.status("NSpid")[-1:] == [str(number)]), Process(-1))


def left_of(token: str) -> list[Process]:
    """Processes of a container's that are still there."""
    return [process for process in processes() if token in process.command]
