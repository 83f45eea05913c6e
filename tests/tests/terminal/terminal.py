"""Runs a command in a terminal of its own, does what it is told there, and prints what was seen.

Called as `terminal.py STEPS COMMAND …`. STEPS is a JSON array: `{"until": TEXT}` reads until the terminal shows it,
`{"type": TEXT}` types, `{"close": true}` closes the terminal, `{"size": [ROWS, COLUMNS]}` sets its size (as the first step,
before the command starts; as another, once all that was written is seen), `{"read": SECONDS}` reads for that time,
`{"mark": true}` notes how much was seen. Prints one JSON object: `seen`, and `exit`, which is negative for a signal;
`bytes` is `seen` in hexadecimal, as it came; `marks` are numbers of bytes.
"""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

PATIENCE = 60


def resize(terminal, size):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))


def main():
    steps, command = json.loads(sys.argv[1]), sys.argv[2:]
    first_size = steps.pop(0)["size"] if steps and "size" in steps[0] else None
    pid, terminal = pty.fork()
    if pid == 0:
        if first_size:
            resize(0, first_size)
        os.execvp(command[0], command)
    seen, deadline, searched, marks = b"", time.monotonic() + PATIENCE, 0, []

    def more(until=deadline):
        nonlocal seen
        ready, _, _ = select.select([terminal], [], [], max(0, until - time.monotonic()))
        if not ready:
            if until < deadline:
                return False
            sys.exit(f"not within {PATIENCE} s; seen: {seen!r}")
        try:
            bytes_read = os.read(terminal, 65536)
        except OSError:  # Nothing has it open any more.
            return False
        seen += bytes_read
        return bool(bytes_read)

    closed = False
    for step in steps:
        if "until" in step:
            text = step["until"].encode()
            while text not in seen[searched:]:
                if not more():
                    sys.exit(f"ended without {text!r}; seen: {seen!r}")
            searched = seen.index(text, searched) + len(text)
        elif "type" in step:
            os.write(terminal, step["type"].encode())
        elif "size" in step:
            # Stopped, the command writes nothing that is for the other size.
            os.kill(pid, signal.SIGSTOP)
            os.waitpid(pid, os.WUNTRACED)
            while more(time.monotonic()):
                pass
            resize(terminal, step["size"])
            os.kill(pid, signal.SIGCONT)
        elif "read" in step:
            until = time.monotonic() + step["read"]
            while time.monotonic() < until and more(until):
                pass
        elif "mark" in step:
            marks.append(len(seen))
        else:
            os.close(terminal)
            closed = True
    while not closed and more():
        pass
    _, status = os.waitpid(pid, 0)
    exit_status = os.waitstatus_to_exitcode(status)
    report = {"seen": seen.decode(errors="replace"), "bytes": seen.hex(), "marks": marks, "exit": exit_status}
    print(json.dumps(report))


main()
