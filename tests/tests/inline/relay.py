"""Runs a script behind a relay that passes bytes only: from a Unix socket over TCP to the host's socket.

The test defines SCRIPT in front of this file. The relay changes one key: Hello has `descriptors` false.
"""

import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading

HEADER = 20


def exactly(source, length):
    """Reads exactly so many bytes."""
    data = b""
    while len(data) < length:
        piece = source.recv(length - len(data))
        assert piece, "the connection goes on"
        data += piece
    return data


def relay(source, target):
    """Passes bytes on until the end, and passes the end on."""
    while piece := source.recv(1 << 16):
        target.sendall(piece)
    target.shutdown(socket.SHUT_WR)


def greet(source, target):
    """Passes Hello on, with `descriptors` false."""
    header = exactly(source, HEADER)
    hello = json.loads(exactly(source, struct.unpack("<I", header[8:12])[0]))
    assert hello["type"] == "hello" and hello["descriptors"] is True, hello
    text = json.dumps(hello | {"descriptors": False}).encode()
    target.sendall(header[:8] + struct.pack("<I", len(text)) + header[12:] + text)


def serve(door, near):
    """Relays the one connection of the script."""
    script, _ = door.accept()
    threading.Thread(target=relay, args=(near, script), daemon=True).start()
    greet(script, near)
    relay(script, near)


listener = socket.create_server(("127.0.0.1", 0))
near = socket.create_connection(listener.getsockname())
far, _ = listener.accept()
host = socket.socket(socket.AF_UNIX)
host.connect(os.environ["LONGSHORE_SOCKET"])
path = os.path.join(tempfile.mkdtemp(), "relay.sock")
door = socket.socket(socket.AF_UNIX)
door.bind(path)
door.listen()
threading.Thread(target=relay, args=(host, far), daemon=True).start()
to_host = [threading.Thread(target=serve, args=(door, near)), threading.Thread(target=relay, args=(far, host))]
for thread in to_host:
    thread.start()
environment = os.environ | {"LONGSHORE_SOCKET": path}
done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, check=False)  # noqa: F821
# The script's last message reaches the host before this process ends.
for thread in to_host:
    thread.join()
sys.exit(done.returncode)
