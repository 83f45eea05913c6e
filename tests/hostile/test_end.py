"""What scripts leave behind when they end, or when their time is over: a run ends, and nothing of it is there any more."""

from collections.abc import Callable
from pathlib import Path

import pytest
from container import Caller
from ending import Ended, Plain, run, write_script
from view import Process

# Each leaves a process that has the attempt's name.
LEFT = {
    "deaf": """
def deaf():
    for number in range(1, 65):
        if number not in (9, 19, 32, 33):
            signal.signal(number, signal.SIG_IGN)
    while True:
        signal.pause()
""",
    "daemon": """
def daemon():
    os.setsid()
    if os.fork():
        os._exit(0)
    os.closerange(0, 100)
    while True:
        signal.pause()
""",
    "headless": """
def headless():
    import threading
    os.setsid()
    def stay():
        named("headless")
        threading.Event().wait()
    threading.Thread(target=stay).start()
    libc.syscall({"x86_64": 60, "aarch64": 93}[platform.machine()], 0)
""",
    "rabbits": """
def rabbits():
    import time
    os.setsid()
    while True:
        time.sleep(0.002)
        if os.fork():
            os._exit(0)
""",
    "holder": """
def holder():
    import socket
    kept = []
    if os.environ.get("LONGSHORE_SOCKET"):
        kept.append(socket.socket(socket.AF_UNIX))
        kept[0].connect(os.environ["LONGSHORE_SOCKET"])
    while True:
        signal.pause()
""",
    "stopped": """
def stopped():
    os.kill(os.getpid(), signal.SIGSTOP)
    signal.pause()
""",
}

PYTHON = (
    "".join(LEFT.values())
    + f"""
def named(name):
    libc.prctl(15, name.encode(), 0, 0, 0)

started = os.pipe()
for name in {list(LEFT)}:
    if os.fork() == 0:
        named(name)
        os.write(started[1], b"x")
        globals()[name]()
        os._exit(0)
for _ in range({len(LEFT)}):
    os.read(started[0], 1)
print("it leaves them", flush=True)
"""
)

R = """
stays("setsid sh -c 'trap \\"\\" HUP INT TERM; touch $DONE; while :; do sleep 1; done'")
stays("perl -e '$0 = q(r-daemon); setpgrp; open F, q(>), $ENV{DONE}; close $_ for (*STDIN, *STDOUT); sleep 1000'")
"""


def names(process: Process) -> set[str]:
    """The names of a process's threads: the first may have ended."""
    tasks = Path(f"/proc/{process.pid}/task")
    return {process.text(f"task/{task.name}/comm").strip() for task in tasks.iterdir()} if tasks.exists() else set()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("end")


@pytest.fixture(scope="module")
def ended(root: Caller, folder: Path) -> Callable[[str], Ended]:
    """How runs of both scripts ended."""
    known: dict[str, Ended] = {}

    def once(language: str) -> Ended:
        if language not in known:
            known[language] = run(
                root, folder, write_script(folder, language, {"python": PYTHON, "r": R}[language], {})
            )
        return known[language]

    return once


@pytest.fixture(scope="module")
def left(folder: Path) -> Callable[[str], set[str]]:
    """The names of what both leave in a container whose first process takes care of nothing."""
    known: dict[str, set[str]] = {}

    def once(language: str) -> set[str]:
        if language not in known:
            plain = Plain(language, write_script(folder, language, {"python": PYTHON, "r": R}[language], {}))
            with plain:
                known[language] = {name for pid in plain.processes() for name in names(Process(pid))}
        return known[language]

    return once


@pytest.mark.parametrize("language", ["python", "r"])
def test_a_run_ends_whatever_its_script_leaves(ended: Callable[[str], Ended], language: str) -> None:
    done = ended(language)
    assert done.status == 0, (done.record, done.printed)
    assert done.record["left_behind"] > 0, done.record


@pytest.mark.parametrize("name", LEFT)
def test_it_is_left_where_nobody_ends_it(left: Callable[[str], set[str]], name: str) -> None:
    assert name in left("python"), left("python")


@pytest.mark.parametrize("name", ["sh", "r-daemon"])
def test_it_is_left_by_r_where_nobody_ends_it(left: Callable[[str], set[str]], name: str) -> None:
    assert name in left("r"), left("r")


SPINNING = """
# Before they are made: a busy machine lets none of them run for a while.
for number in (1, 2, 3, 10, 12, 15):
    signal.signal(number, signal.SIG_IGN)
for _ in range(110):
    if os.fork() == 0:
        while True:
            pass
signal.signal(signal.SIGINT, signal.default_int_handler)
print("they spin", flush=True)
"""


def test_a_deadline_is_kept_while_everything_spins(root: Caller, folder: Path) -> None:
    block = write_script(folder, "python", SPINNING + "while True:\n    pass\n", {})
    done = run(root, folder, block, ["--timeout", "3s", "--pids", "128"])
    assert done.status == 124, (done.record, done.printed)
    # The deadline, the ladder of signals (5 s), the agent's report (1 s), and 2 s for the engine to kill.
    assert done.record["timings_ms"]["run"] < 11_000, done.record


def test_what_spins_is_deaf_to_a_signal(folder: Path) -> None:
    plain = Plain("python", write_script(folder, "python", SPINNING, {}))
    with plain:
        spinning = plain.processes()
        for pid in spinning:
            Process(pid).signal(15)
        assert len(plain.processes() & spinning) >= 110
