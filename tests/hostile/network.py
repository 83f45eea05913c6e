"""Attempts on the network: to reach a listener of the host's, and to be reached. What came is seen at the listeners."""

import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attempt import Attempt, Batch, Seen
from view import Process, Scene

SECOND = 1


class Listeners:
    """Sockets of the host's, which are asked once all attempts have done what they can."""

    def __init__(self) -> None:
        self.tcp = socket.create_server(("", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("", 0))
        self.name = f"longshore-hostile-{secrets.token_hex(6)}"
        self.local = socket.socket(socket.AF_UNIX)
        self.local.bind(f"\0{self.name}")
        self.local.listen()
        self.words: set[str] = set()

    def heard(self) -> set[str]:
        """All words that came by now: they were sent before an attempt said that it had done what it could."""
        for listener in (self.tcp, self.local):
            listener.setblocking(False)
            with suppress(BlockingIOError):
                while True:
                    peer, _ = listener.accept()
                    peer.settimeout(SECOND)
                    with peer, suppress(OSError):
                        self.words |= {peer.recv(100).decode(errors="replace").strip()}
        with suppress(BlockingIOError):
            while True:
                self.words |= {self.udp.recv(100, socket.MSG_DONTWAIT).decode(errors="replace").strip()}
        return self.words

    def close(self) -> None:
        """Closes all."""
        for listener in (self.tcp, self.udp, self.local):
            listener.close()


def addresses() -> list[str]:
    """Where this machine is reached: by itself, by its networks and by containers."""
    own = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=True).stdout.split()
    return ["127.0.0.1", *(address for address in own if ":" not in address)]


@contextmanager
def listeners(_: Path) -> Iterator[dict[str, Any]]:
    """The listeners, and where they are."""
    made = Listeners()
    with socket.create_server(("", 0)) as free:
        port = free.getsockname()[1]
    try:
        given = {"hosts": addresses(), "tcp": made.tcp.getsockname()[1], "udp": made.udp.getsockname()[1]}
        given |= {"hosts_r": " ".join(given["hosts"]), "local": made.name, "own_port": port}
        yield given | {"_listeners": made}
    finally:
        made.close()


def heard(word: str) -> Seen:
    """Whether a listener heard a word."""
    return lambda scene, _: word in scene.given["_listeners"].heard()


def answers(scene: Scene, _: list[Process]) -> bool:
    """Whether a port of the attempt's can be reached from the host."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", scene.given["own_port"]), SECOND) as peer:
        return peer.recv(100) == b"hostile"
    return False


NETWORK = Batch(
    "network",
    "a network of its own without any interface but its loopback",
    {"network": ["--network", "host"]},
    [
        Attempt(
            "tcp",
            """
import socket
for host in hosts:
    try:
        socket.create_connection((host, tcp), 1).sendall(b"by tcp")
    except OSError:
        pass
""",
            heard("by tcp"),
        ),
        Attempt(
            "udp",
            """
import socket
for host in hosts:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"by udp", (host, udp))
    except OSError:
        pass
""",
            heard("by udp"),
        ),
        Attempt(
            "abstract",
            'import socket\npeer = socket.socket(socket.AF_UNIX)\npeer.connect("\\0" + local)\npeer.sendall(b"by name")',
            heard("by name"),
        ),
        Attempt(
            "is_reached",
            """
import socket, threading
server = socket.create_server(("", own_port))
def serve():
    while True:
        server.accept()[0].sendall(b"hostile")
threading.Thread(target=serve, daemon=True).start()
""",
            answers,
        ),
    ],
    stage=listeners,
    everywhere=True,
)

NETWORK_R = Batch(
    "network_r",
    NETWORK.wall,
    NETWORK.away,
    [
        Attempt(
            "tcp",
            """
for (host in strsplit(hosts_r, " ")[[1]]) {
  peer <- try(socketConnection(host, tcp, blocking = TRUE, open = "w", timeout = 1), silent = TRUE)
  if (!inherits(peer, "try-error")) {
    writeLines("by R", peer)
    close(peer)
  }
}
""",
            heard("by R"),
            "r",
        ),
        Attempt(
            "web",
            """
for (host in strsplit(hosts_r, " ")[[1]]) {
  options(timeout = 1)
  try(readLines(url(paste0("http://", host, ":", tcp, "/by-web"))), silent = TRUE)
}
""",
            lambda scene, _: any("by-web" in word for word in scene.given["_listeners"].heard()),
            "r",
        ),
    ],
    stage=listeners,
)

BATCHES = [NETWORK, NETWORK_R]
