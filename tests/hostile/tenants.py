"""Attempts on what the kernel gives each user once, for all runs: one run takes all of it, and another asks for what is
ordinary. What succeeded is seen at the other run, which is honest."""

from attempt import Attempt, Batch, Seen

# What the other run asks for; it prints what it got.
NEIGHBOUR = """
import fcntl
watch = libc.inotify_init1(0)
pipe = os.pipe()
attributes = (ctypes.c_long * 8)(0, 4, 1024)
queue = libc.mq_open(b"/hostile-neighbour", os.O_CREAT | os.O_RDWR, 0o600, ctypes.byref(attributes))
signal.pthread_sigmask(signal.SIG_BLOCK, [40])
queued = libc.sigqueue(os.getpid(), 40, None)
got = {"watches": watch >= 0, "pipes": fcntl.fcntl(pipe[0], 1032) == 65536, "queues": queue >= 0, "signals": queued == 0}
for name, has in got.items():
    print(name, "has" if has else "lacks", flush=True)
"""


def lacks(name: str) -> Seen:
    """Whether the other run lacked it."""
    return lambda scene, _: f"{name} lacks" in scene.neighbour(NEIGHBOUR)


TENANTS = Batch(
    "tenants",
    "that each run has a user of its own",
    # Runs without this wall are one user's, whom nobody else has.
    {"files": ["--ulimit", "nofile=8192"]},
    [
        Attempt("inotify", "kept = [libc.inotify_init1(0) for _ in range(3000)]", lacks("watches")),
        Attempt(
            "pipes",
            """
import fcntl
kept = []
try:
    for _ in range(1500):
        kept.append(os.pipe())
        fcntl.fcntl(kept[-1][0], 1031, 1 << 20)
except OSError:
    try:
        for _ in range(300):
            kept.append(os.pipe())
    except OSError:
        pass
""",
            lacks("pipes"),
        ),
        Attempt(
            "queues",
            """
kept = []
for number in range(250):
    attributes = (ctypes.c_long * 8)(0, 10, 8192 if number < 20 else 128)
    kept.append(libc.mq_open(f"/taken{number}".encode(), os.O_CREAT | os.O_RDWR, 0o600, ctypes.byref(attributes)))
""",
            lacks("queues"),
        ),
        Attempt(
            "signals",
            """
signal.pthread_sigmask(signal.SIG_BLOCK, [40])
for _ in range(400000):
    if libc.sigqueue(os.getpid(), 40, None) != 0:
        break
""",
            lacks("signals"),
        ),
    ],
)

BATCHES = [TENANTS]
