"""Attempts on what the host does for its peers: connections and descriptors without end, and the memory of inputs. What
succeeded is counted at the host's own process, and read in the memory that was passed. Frames that break the protocol
are cases in `tests/cases` (`wire_…`)."""

import array
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attempt import Attempt, Batch, Seen
from view import Process, Scene

# More than a host has open that takes no more than it needs.
MANY = 250


class Naive:
    """A host that takes whatever has come, and closes nothing."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        folder.chmod(0o755)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(folder / "host.sock"))
        (folder / "host.sock").chmod(0o777)
        self.listener.listen(1000)
        self.listener.setblocking(False)
        self.peers: list[socket.socket] = []
        self.descriptors: list[int] = []

    def take(self) -> int:
        """Takes all that has come, and says how much it has now."""
        with suppress(BlockingIOError):
            while True:
                self.peers.append(self.listener.accept()[0])
        for peer in self.peers:
            with suppress(OSError):
                while data := self.read(peer):
                    self.descriptors.extend(data)
        return len(self.peers) + len(self.descriptors)

    def read(self, peer: socket.socket) -> list[int]:
        """Reads once, and gives the descriptors that came."""
        _, rights, _, _ = peer.recvmsg(1 << 16, socket.CMSG_SPACE(4 * 253), socket.MSG_DONTWAIT)
        return [number for _, _, numbers in rights for number in array.array("i", numbers)]

    def close(self) -> None:
        """Closes everything."""
        for made in (self.listener, *self.peers):
            made.close()
        for descriptor in self.descriptors:
            os.close(descriptor)


@contextmanager
def naive(folder: Path) -> Iterator[dict[str, Any]]:
    """A naive host, for containers of no other."""
    host = Naive(folder / "naive")
    (folder / "table.csv").write_text("a\n1\n2\n")
    try:
        yield {"naive": str(folder / "naive"), "table": str(folder / "table.csv"), "_naive": host}
    finally:
        host.close()


def holds_many(scene: Scene, _: list[Process]) -> bool:
    """Whether the host has more open than it needs."""
    host: Naive = scene.given["_naive"]
    return host.take() > MANY or len(scene.host.descriptors()) > MANY


def has_changed(marker: str) -> Seen:
    """Whether memory that a process of the container shares with the host has a marker."""

    def seen(scene: Scene, _: list[Process]) -> bool:
        for process in scene.all:
            for number, link in process.descriptors().items():
                with suppress(OSError):
                    if "memfd:" in link and marker.encode() in Path(f"/proc/{process.pid}/fd/{number}").read_bytes():
                        return True
        return False

    return seen


TAKES_ALL: dict[str, list[str] | None] = {
    "mounts": ["-v", "{naive}:/run/longshore", "-e", "LONGSHORE_SOCKET=/run/longshore/host.sock"]
}

CONNECTS = """
import socket
kept = []
for _ in range(300):
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(1)
    try:
        peer.connect(os.environ["LONGSHORE_SOCKET"])
        peer.sendall(words)
        kept.append(peer)
    except OSError:
        pass
"""

WIRED = {
    "connections": CONNECTS.replace("words", "b''"),
    "half_a_hello": CONNECTS.replace("words", "b'LSF1' + bytes(4) + b'\\x40'"),
    "passed_descriptors": """
import array, socket
peer = socket.socket(socket.AF_UNIX)
peer.settimeout(1)
peer.connect(os.environ["LONGSHORE_SOCKET"])
null = os.open("/dev/null", 0)
rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [null] * 250))]
try:
    for _ in range(8):
        peer.sendmsg([b"L"], rights)
except OSError:
    pass
""",
}

# One script may connect, so one does everything, and passes the memory on to none.
CHANGES = """
import mmap
if target == 1:
    import wire
    link = wire.Wire()
    link.send({"type": "open_input", "stream": 1, "input": 0, "delivery": "whole"})
    link.receive()
    _, memory = link.receive()
else:
    memory = os.memfd_create("table")
    os.write(memory, bytes(8192))

def by_write():
    os.pwrite(memory, b"BY-WRITE", 0)

def by_map():
    mmap.mmap(memory, 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)[64:70] = b"BY-MAP"

def by_protection():
    length = os.fstat(memory).st_size
    libc.mmap.restype = ctypes.c_void_p
    place = libc.mmap(None, length, 1, 1, memory, 0)
    check(libc.mprotect(ctypes.c_void_p(place), length, 3))
    ctypes.memmove(place + 128, b"BY-PROTECTION", 13)

def by_reopening():
    os.pwrite(os.open(f"/proc/self/fd/{memory}", os.O_RDWR), b"BY-REOPENING", 192)

def by_growing():
    size = os.fstat(memory).st_size
    os.ftruncate(memory, size + 4096)
    os.pwrite(memory, b"BY-GROWING", size)

for change in (by_write, by_map, by_protection, by_reopening, by_growing):
    try:
        change()
    except (OSError, ValueError) as error:
        print(change.__name__, error)
"""

WAYS = ["WRITE", "MAP", "PROTECTION", "REOPENING", "GROWING"]

BATCHES = [
    *(
        Batch(
            name,
            "that a host takes no more from a peer than it needs",
            TAKES_ALL,
            [Attempt(name, script, holds_many)],
            stage=naive,
            ends=1,
        )
        for name, script in WIRED.items()
    ),
    Batch(
        "inputs",
        "the seals of the memory of inputs",
        {},
        [Attempt(f"by_{way.lower()}", CHANGES if way == WAYS[0] else "", has_changed(f"BY-{way}")) for way in WAYS],
        ["-i", "{table}"],
        stage=naive,
    ),
]
