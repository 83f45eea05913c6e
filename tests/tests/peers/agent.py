"""An agent that is not what it says: called as the `process` engine calls an agent, with what it does in its name."""

import json
import os
import socket
import struct
import sys
import time

TRICK = os.path.basename(sys.argv[0]).removesuffix(".agent")


def frame(message, inline=None):
    """A frame as bytes."""
    text = json.dumps(message).encode()
    payload = inline or b""
    return (
        b"LSF1"
        + bytes([0 if inline is None else 1, 0, 0, 0])
        + struct.pack("<IQ", len(text), len(payload))
        + text
        + payload
    )


def linger():
    """Does nothing more, whoever asks."""
    while True:
        time.sleep(1000)


def connect():
    """A connection to the host."""
    link = socket.socket(socket.AF_UNIX)
    link.connect(sys.argv[1])
    return link


def read(link):
    """Reads one frame."""

    def exactly(length):
        data = b""
        while len(data) < length:
            part = link.recv(length - len(data))
            if not part:
                sys.exit(3)
            data += part
        return data

    head = exactly(20)
    length, payload = struct.unpack("<IQ", head[8:])
    message = json.loads(exactly(length))
    exactly(payload)
    return message


HELLO = frame(
    {
        "type": "hello",
        "role": "agent",
        "protocol": {"oldest": 1, "newest": 1},
        "software": {"name": "longshore-agent", "version": "0.0.1"},
        "descriptors": True,
    }
)
STARTED = frame({"type": "started", "pid": 2})
EXITED = {
    "type": "exited",
    "status": {"code": 0},
    "out_of_memory": False,
    "usage": {"cpu_seconds": 0.0, "wall_seconds": 0.0, "peak_memory_bytes": 0},
    "dropped": {"stdout": 0, "stderr": 0},
    "left_behind": 0,
}

if TRICK == "absent":
    linger()
link = connect()
if TRICK == "silent":
    linger()
if TRICK == "half a hello":
    link.sendall(HELLO[:30])
    linger()
if TRICK == "slow hello":
    for byte in HELLO[:-1]:
        link.sendall(bytes([byte]))
        time.sleep(1)
    linger()
link.sendall(HELLO)
if TRICK == "deaf from the start":
    linger()
while read(link)["type"] != "start":
    pass
if TRICK == "never starts":
    linger()
link.sendall(STARTED)
if TRICK == "crowd":
    crowd = []
    for _ in range(500):
        crowd.append(connect())
    linger()
if TRICK == "half a frame":
    link.sendall(b"LSF1" + bytes(4))
    linger()
if TRICK == "flood":
    # More than the limit of the log, without an end.
    log = frame({"type": "log", "source": "stdout"}, b"x" * 99 + b"\n")
    while True:
        link.sendall(log * 100)
if TRICK == "left to a child":
    if os.fork():
        os._exit(0)
    linger()
if TRICK == "stays":
    link.sendall(frame(EXITED))
    linger()
# Deaf to cancel.
linger()
