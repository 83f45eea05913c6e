"""Speaks the wire by hand, as no SDK would: for cases in which the script breaks the protocol."""

import array
import json
import os
import socket
import struct
import time


def header(message_length, payload_length=0, kind=0, magic=b"LSF1", reserved=b"\0\0\0"):
    """A frame's first 20 bytes."""
    return magic + bytes([kind]) + reserved + struct.pack("<IQ", message_length, payload_length)


def frame(message, inline=None, kind=None, length=None):
    """A frame as bytes; `message` is a dictionary, or JSON as bytes."""
    text = message if isinstance(message, bytes) else json.dumps(message).encode()
    payload = inline or b""
    kind = kind if kind is not None else (1 if inline is not None else 0)
    return header(len(text), len(payload) if length is None else length, kind) + text + payload


def hello(role="script", oldest=1, newest=1):
    """Hello as a dictionary."""
    return {
        "type": "hello",
        "role": role,
        "protocol": {"oldest": oldest, "newest": newest},
        "software": {"name": "wire.py", "version": "0.0.1"},
        "descriptors": True,
    }


def linger():
    """Waits for the host to end this script."""
    time.sleep(50)


class Wire:
    """A connection to the host; it says Hello and reads Welcome unless told otherwise."""

    def __init__(self, role="script", greet=True):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(os.environ["LONGSHORE_SOCKET"])
        self.socket.settimeout(30)
        self.pending = b""
        self.descriptors = []
        if greet:
            self.send(hello(role))
            self.welcome, _ = self.receive()

    def send_bytes(self, data):
        """Sends bytes as they are. A host that has hung up already is what most cases wait for."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def send(self, message, inline=None, **more):
        """Sends a frame."""
        self.send_bytes(frame(message, inline, **more))

    def send_descriptor(self, descriptor, message, length):
        """Sends a frame with a descriptor."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
        self.socket.sendmsg([frame(message, kind=2, length=length)], rights)

    def fill(self, count):
        """Reads until so many bytes are pending."""
        while len(self.pending) < count:
            data, rights, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(4 * 16))
            if not data:
                raise EOFError("the host hung up")
            for _, _, numbers in rights:
                self.descriptors.extend(array.array("i", numbers[: len(numbers) // 4 * 4]))
            self.pending += data

    def receive(self):
        """The next frame: its message, and its inline bytes or descriptor."""
        self.fill(20)
        kind = self.pending[4]
        message_length, payload_length = struct.unpack("<IQ", self.pending[8:20])
        total = 20 + message_length + (payload_length if kind == 1 else 0)
        self.fill(total)
        message = json.loads(self.pending[20 : 20 + message_length])
        payload = self.pending[20 + message_length : total] if kind == 1 else None
        self.pending = self.pending[total:]
        return message, self.descriptors.pop(0) if kind == 2 else payload

    def open_output(self, stream=1, output=0):
        """Opens an output and reads the answer."""
        self.send({"type": "open_output", "stream": stream, "output": output})
        return self.receive()[0]

    def data(self, stream, data):
        """Sends a stream's bytes inline, as the host takes them, until it has hung up."""
        try:
            for start in range(0, len(data), 1 << 18):
                self.send({"type": "data", "stream": stream, "place": "inline"}, bytes(data[start : start + (1 << 18)]))
                while self.receive()[0]["type"] != "ack":
                    pass
        except (EOFError, ConnectionResetError):
            pass


def stream(schema, *batches):
    """A table as a stream."""
    import pyarrow

    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def claim(data, rows, claimed):
    """A stream whose batch of so many rows says that it has others, wherever the number stands."""
    return data.replace(struct.pack("<q", rows), struct.pack("<q", claimed))
