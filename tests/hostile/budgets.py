"""Attempts on what a run may take: processes, memory, files, descriptors, and memory of the kernel's that is not the
processes' own. What was taken is counted at the processes and their sockets."""

from attempt import Attempt, Batch, Seen
from container import UNFILTERED
from view import Process, Scene

MIB = 1 << 20

# Of the runs of this file.
MEMORY_MIB = 192
PROCESSES = 48


def resident(scene: Scene, mine: list[Process]) -> bool:
    """Whether processes of the attempt have more memory than the run may have."""
    kilobytes = sum(int((process.status("VmRSS") or ["0"])[0]) for process in mine)
    return kilobytes << 10 > MEMORY_MIB * MIB


def file_is_long(path: str) -> Seen:
    """Whether a file in memory is longer than the run's memory."""

    def seen(scene: Scene, _: list[Process]) -> bool:
        found = scene.first.root(path)
        return found.exists() and found.stat().st_blocks * 512 > MEMORY_MIB * MIB

    return seen


def tasks(scene: Scene, _: list[Process]) -> bool:
    """Whether the container has more processes and threads than the run may have."""
    return sum(int((process.status("Threads") or ["0"])[0]) for process in scene.all) > PROCESSES


def queued(*tables: str) -> Seen:
    """Whether more waits in sockets of these kinds than the run may have of memory."""

    def seen(scene: Scene, _: list[Process]) -> bool:
        rows = [row for table in tables for row in scene.first.rows(table)]
        # `tx_queue:rx_queue`, in hexadecimal digits.
        return sum(int(part, 16) for row in rows for part in row[4].split(":")) > MEMORY_MIB * MIB

    return seen


def netlink(scene: Scene, _: list[Process]) -> bool:
    """Whether anything waits in sockets of netlink, which no limit counts."""
    return sum(int(row[4]) for row in scene.first.rows("netlink")) > MIB


def one(attempt: Attempt, wall: str, away: dict[str, list[str] | None], arguments: list[str]) -> Batch:
    """An attempt that leaves nothing for others."""
    language = "" if attempt.language == "python" else "_r"
    return Batch(f"{attempt.name}{language}", wall, away, [attempt], arguments)


MEMORY = [f"--memory={MEMORY_MIB}m"]
BOUNDED = [f"--pids={PROCESSES}"]
NO_MEMORY_LIMIT: dict[str, list[str] | None] = {"memory": ["--memory", "2g", "--shm-size", "1g"]}
NO_PROCESS_LIMIT: dict[str, list[str] | None] = {"processes": ["--pids-limit", "512"]}


def fills(name: str, path: str, counted: str) -> Batch:
    """Writes more to a file in memory than the limit of memory allows."""
    script = f"""
with open("{path}", "wb") as file:
    for _ in range({MEMORY_MIB * 2}):
        file.write(b"x" * (1 << 20))
"""
    wall = f"the limit of memory, which counts {counted}"
    return one(Attempt(name, script, file_is_long(path)), wall, NO_MEMORY_LIMIT, MEMORY)


# Each takes some more than its run may have, and no more: without its wall it shares the machine with others.
BATCHES = [
    one(
        Attempt(
            "processes",
            f"""
for _ in range({PROCESSES * 3}):
    try:
        if os.fork() == 0:
            while True:
                signal.pause()
    except OSError:
        pass
""",
            tasks,
        ),
        "the limit of processes",
        NO_PROCESS_LIMIT,
        BOUNDED,
    ),
    one(
        Attempt(
            "threads",
            f"""
import threading
threading.stack_size(1 << 16)
for _ in range({PROCESSES * 3}):
    try:
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    except RuntimeError:
        pass
""",
            tasks,
        ),
        "the limit of processes",
        NO_PROCESS_LIMIT,
        BOUNDED,
    ),
    one(
        Attempt("processes", f"for (number in seq_len({PROCESSES * 2})) system('sleep 1000 &')", tasks, "r"),
        "the limit of processes",
        NO_PROCESS_LIMIT,
        BOUNDED,
    ),
    one(
        Attempt("memory", f"kept = bytearray(b'x') * ({MEMORY_MIB * 2} << 20)", resident),
        "the limit of memory",
        NO_MEMORY_LIMIT,
        MEMORY,
    ),
    one(
        Attempt("memory", f"kept <- rep(1, {MEMORY_MIB * 2} * 131072)", resident, "r"),
        "the limit of memory",
        NO_MEMORY_LIMIT,
        MEMORY,
    ),
    fills("files_in_memory", "/tmp/long", "`/tmp` and `/work`"),
    fills("shared_memory", "/dev/shm/long", "`/dev/shm`"),
    one(
        Attempt(
            "descriptors",
            "import resource\nhard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
            "resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))\n"
            "kept = [os.open('/dev/null', 0) for _ in range(min(hard - 10, 6000))]",
            lambda scene, mine: any(len(process.descriptors()) > 4096 for process in mine),
        ),
        "the limit of open files",
        {"files": ["--ulimit", "nofile=8192"]},
        [],
    ),
    one(
        Attempt(
            "core",
            "import resource\nhard = resource.getrlimit(resource.RLIMIT_CORE)[1]\n"
            "resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))",
            lambda scene, mine: any(process.limit("Max core file size") not in ("0", "") for process in mine),
        ),
        "the limit of cores",
        {"files": ["--ulimit", "core=-1"]},
        [],
    ),
    one(
        Attempt(
            "netlink_queues",
            """
import socket
receivers, kept = [], []
for _ in range(16):
    try:
        receiver = socket.socket(16, 3, 2)
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        receiver.bind((0, 0))
        sender = socket.socket(16, 3, 2)
        sender.setblocking(False)
        kept += [receiver, sender]
        for _ in range(100):
            sender.sendto(bytes(16000), receiver.getsockname())
    except OSError:
        pass
""",
            netlink,
        ),
        "the seccomp profile: no sockets but those that scripts use",
        UNFILTERED,
        MEMORY,
    ),
    one(
        Attempt(
            "tcp_queues",
            f"""
import socket
server = socket.create_server(("127.0.0.1", 0), backlog=100)
kept, total = [], 0
while total < {MEMORY_MIB * 3 // 2} << 20 and len(kept) < 800:
    try:
        sender = socket.create_connection(server.getsockname())
        sender.setblocking(False)
        kept += [sender, server.accept()[0]]
        while True:
            total += sender.send(bytes(1 << 20))
    except OSError:
        pass
""",
            queued("tcp"),
        ),
        "a limit of what sockets have in the kernel",
        NO_MEMORY_LIMIT,
        MEMORY,
    ),
    one(
        Attempt(
            "udp_queues",
            """
import socket
kept = []
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.setblocking(False)
for _ in range(900):
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
    receiver.bind(("127.0.0.1", 0))
    kept.append(receiver)
    try:
        for _ in range(100):
            sender.sendto(bytes(60000), receiver.getsockname())
    except OSError:
        pass
""",
            queued("udp"),
        ),
        "a limit of what sockets have in the kernel",
        NO_MEMORY_LIMIT,
        MEMORY,
    ),
]
