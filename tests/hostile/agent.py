"""Attempts on the agent, which is PID 1 of the container: to trace, read, signal, limit or starve it. What became of it
is seen at the process itself."""

import ctypes
import os
import platform

from attempt import Attempt, Batch
from view import Process, Scene

# A process of the same user has no wall: what stands for the agent there is one.
SAME_USER: dict[str, list[str] | None] = {
    "user": ["--user", "54321:54321"],
    "seccomp": ["--security-opt", "seccomp=unconfined"],
}

IOPRIO_GET = {"x86_64": 252, "aarch64": 31}[platform.machine()]


def priority_of_disk(scene: Scene, _: list[Process]) -> bool:
    """Whether the agent waits for the disk behind all others."""
    return ctypes.CDLL(None).syscall(IOPRIO_GET, 1, scene.target.pid) >> 13 == 3


def niceness(process: Process) -> int:
    """How nice a process is."""
    return os.getpriority(os.PRIO_PROCESS, process.pid)


def took_a_descriptor(scene: Scene, mine: list[Process]) -> bool:
    """Whether the attempt has something open that the agent opened: what all have from their start apart."""
    theirs = {link for number, link in scene.target.descriptors().items() if number > 2}
    return any(link in theirs for process in mine for number, link in process.descriptors().items() if number > 2)


def is_stopped_or_gone(scene: Scene, _: list[Process]) -> bool:
    """Whether the agent does not go on."""
    return scene.target.status("State")[:1] not in (["S"], ["R"], ["D"])


AGENT = Batch(
    "agent",
    "the agent's user is not the script's",
    SAME_USER,
    [
        Attempt(
            "limit",
            "import resource\nresource.prlimit(target, resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))",
            lambda scene, _: scene.target.limit("Max file size") == str(1 << 30),
        ),
        Attempt("nice", "os.setpriority(os.PRIO_PROCESS, target, 19)", lambda scene, _: niceness(scene.target) == 19),
        Attempt(
            "idle",
            "os.sched_setscheduler(target, os.SCHED_IDLE, os.sched_param(0))",
            lambda scene, _: os.sched_getscheduler(scene.target.pid) == os.SCHED_IDLE,
        ),
        Attempt(
            "one_processor",
            "os.sched_setaffinity(target, {min(os.sched_getaffinity(0))})",
            lambda scene, _: len(os.sched_getaffinity(scene.target.pid)) < len(os.sched_getaffinity(0)),
        ),
        Attempt("disk_last", 'call("ioprio_set", 1, target, 3 << 13)', priority_of_disk),
        Attempt(
            "killed_first",
            'open(f"/proc/{target}/oom_score_adj", "w").write("999")',
            lambda scene, _: scene.target.text("oom_score_adj").strip() == "999",
        ),
        Attempt(
            "memory",
            'kept = open(f"/proc/{target}/mem", "rb")',
            lambda scene, mine: any(
                f"/{scene.given['target']}/mem" in link for process in mine for link in process.descriptors().values()
            ),
        ),
        Attempt(
            "environment",
            'kept = open(f"/proc/{target}/environ", "rb")\nassert kept.read(1)',
            lambda scene, mine: any(
                link.endswith("/environ") for process in mine for link in process.descriptors().values()
            ),
        ),
        Attempt(
            "descriptors",
            """
kept = []
pid = call("pidfd_open", target, 0)
for number in range(3, 40):
    try:
        kept.append(call("pidfd_getfd", pid, number, 0))
    except OSError:
        pass
""",
            took_a_descriptor,
        ),
        Attempt(
            "working_folder",
            'kept = os.open(f"/proc/{target}/fd/7", os.O_RDONLY) if target != 1 else [os.open(f"/proc/1/fd/{n}", 0) for n in range(3, 9)]',
            took_a_descriptor,
        ),
    ],
    everywhere=True,
)

TRACED = Batch(
    "agent_traced",
    "the agent's user is not the script's",
    SAME_USER,
    [
        Attempt(
            "trace",
            "check(libc.ptrace(16, target, 0, 0))",
            lambda scene, _: scene.target.status("TracerPid") not in (["0"], []),
        ),
    ],
)

STOPPED = Batch(
    "agent_stopped",
    "the agent's user is not the script's",
    SAME_USER,
    [
        Attempt(
            "signals",
            """
for number in [*range(1, 65), signal.SIGSTOP]:
    try:
        os.kill(target, number)
    except OSError:
        pass
""",
            is_stopped_or_gone,
        ),
    ],
)

STOPPED_R = Batch(
    "agent_stopped_r",
    "the agent's user is not the script's",
    SAME_USER,
    [Attempt("stop", "for (number in c(1:17, 19:31)) tools::pskill(target, number)", is_stopped_or_gone, "r")],
)

AGENT_R = Batch(
    "agent_r",
    "the agent's user is not the script's",
    SAME_USER,
    [
        Attempt("nice", 'system(paste("renice -n 19 -p", target))', lambda scene, _: niceness(scene.target) == 19, "r"),
        Attempt(
            "limit",
            'system(paste0("prlimit --fsize=1073741824 --pid ", target))',
            lambda scene, _: scene.target.limit("Max file size") == str(1 << 30),
            "r",
        ),
        Attempt(
            "one_processor",
            'system(paste("taskset -p 1", target))',
            lambda scene, _: len(os.sched_getaffinity(scene.target.pid)) < len(os.sched_getaffinity(0)),
            "r",
        ),
        Attempt(
            "killed_first",
            'cat("999", file = paste0("/proc/", target, "/oom_score_adj"))',
            lambda scene, _: scene.target.text("oom_score_adj").strip() == "999",
            "r",
        ),
    ],
)

BATCHES = [AGENT, TRACED, STOPPED, STOPPED_R, AGENT_R]
