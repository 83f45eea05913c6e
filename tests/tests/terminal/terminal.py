"""Runs a command in a terminal of its own, does what it is told there, and prints what was seen.

Called as `terminal.py STEPS COMMAND …`. STEPS is a JSON array: `{"until": TEXT}` reads until the terminal shows it,
`{"type": TEXT}` types, `{"close": true}` closes the terminal. Prints one JSON object: `seen`, and `exit`, which is negative
for a signal; `bytes` is `seen` in hexadecimal, as it came.
"""

import json
import os
import pty
import select
import sys
import time

PATIENCE = 60


def main():
    steps, command = json.loads(sys.argv[1]), sys.argv[2:]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    seen, deadline, searched = b"", time.monotonic() + PATIENCE, 0

    def more():
        nonlocal seen
        ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
        if not ready:
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
        else:
            os.close(terminal)
            closed = True
    while not closed and more():
        pass
    _, status = os.waitpid(pid, 0)
    exit_status = os.waitstatus_to_exitcode(status)
    print(json.dumps({"seen": seen.decode(errors="replace"), "bytes": seen.hex(), "exit": exit_status}))


main()
