"""Attempts on the kernel: namespaces, mounts, devices, calls that no script needs, `/proc` and `/sys`, privileges. What
a script got is seen among its namespaces, descriptors, mounts and limits."""

import stat
import subprocess
from pathlib import Path

from attempt import Attempt, Batch, Seen
from container import CAPABLE, OPEN, UNFILTERED
from view import Process, Scene


def holds(part: str) -> Seen:
    """Whether the attempt has a descriptor of such a thing."""
    return lambda _, mine: any(process.has(part) for process in mine)


def reads(path: str) -> Seen:
    """Whether the attempt has a file open that has something in it: what the engine hides is empty."""

    def seen(_: Scene, mine: list[Process]) -> bool:
        return any(process.has(path) and process.root(path).read_bytes() != b"" for process in mine)

    return seen


def left_namespace(kind: str) -> Seen:
    """Whether a process of the attempt is in another namespace than the container."""
    return lambda scene, mine: any(process.namespace(kind) not in ("", scene.first.namespace(kind)) for process in mine)


def mounted(path: str) -> Seen:
    """Whether something is mounted there, for the attempt's processes."""
    return lambda _, mine: any(f" {path} " in process.text("mountinfo") for process in mine)


def has_socket(_: Scene, mine: list[Process]) -> bool:
    """Whether the attempt has any socket."""
    return any(process.has("socket:") for process in mine)


def is_root(_: Scene, mine: list[Process]) -> bool:
    """Whether a process of the attempt is root."""
    return any("0" in process.status("Uid") for process in mine)


def is_device(path: str) -> Seen:
    """Whether there is a device in the container."""

    def seen(scene: Scene, _: list[Process]) -> bool:
        try:
            return stat.S_ISBLK(scene.first.root(path).lstat().st_mode)
        except FileNotFoundError:
            return False

    return seen


def has_text(path: str, text: str) -> Seen:
    """Whether a file has a text, as the container has it."""
    return lambda scene, _: scene.first.root(path).read_text().strip() == text


def has_setting(name: str, value: str) -> Seen:
    """Whether a setting of the container's network has a value."""

    def seen(scene: Scene, _: list[Process]) -> bool:
        command = ["nsenter", f"--net=/proc/{scene.first.pid}/ns/net", "sysctl", "-n", name]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == value

    return seen


def scheduled(scene: Scene, mine: list[Process]) -> bool:
    """Whether a process of the attempt is before others."""
    # The 19th field is how nice it is; a name may have anything in it but ends with the last parenthesis.
    return any(int(process.text("stat").rpartition(")")[2].split()[16]) < 0 for process in mine if process.text("stat"))


SET_SOCKETS = """
import socket
kept = []
for family in (socket.AF_NETLINK, socket.AF_PACKET, socket.AF_VSOCK, 38, 31, 29, 15, 21, 30):
    for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
        for protocol in protocols:
            try:
                kept.append(socket.socket(family, kind, protocol))
            except OSError:
                pass
"""

FILTERED = Batch(
    "calls",
    "the seccomp profile",
    UNFILTERED,
    [
        Attempt("user_namespace", "check(libc.unshare(0x10000000))", left_namespace("user")),
        Attempt(
            "namespaces_by_clone",
            """
flags, stack = 0x10000000 | 0x40000000 | 0x20000 | 17, None
arguments = (ctypes.c_uint64 * 11)(flags & ~17, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0)
try:
    child = call("clone3", ctypes.byref(arguments), ctypes.c_size_t(88))
except OSError:
    child = check(libc.syscall(56, flags, 0, 0, 0, 0)) if platform.machine() == "x86_64" else 1
if child == 0:
    while True:
        signal.pause()
""",
            left_namespace("net"),
        ),
        Attempt(
            "io_uring",
            'parameters = ctypes.create_string_buffer(120)\nring = call("io_uring_setup", 4, parameters)',
            holds("[io_uring]"),
        ),
        Attempt(
            "aio",
            'context = ctypes.c_ulong()\ncall("io_setup", 8, ctypes.byref(context))',
            lambda _, mine: any("[aio]" in process.text("maps") for process in mine),
        ),
        Attempt("userfaultfd", 'call("userfaultfd", 1)', holds("[userfaultfd]")),
        Attempt("secret_memory", 'call("memfd_secret", 0)', holds("secretmem")),
        Attempt(
            "keys",
            'call("add_key", b"user", b"hostile", b"x" * 100, 100, -3)',
            lambda scene, mine: any(
                line.split(":")[0].strip() == process.status("Uid")[0]
                for process in mine
                for line in Path("/proc/key-users").read_text().splitlines()
            ),
        ),
        Attempt(
            "personality",
            "check(libc.personality(0x0040000))",
            lambda _, mine: any(int(process.text("personality") or "0", 16) & 0x0040000 for process in mine),
        ),
        Attempt(
            "mount_in_a_namespace",
            """
check(libc.unshare(0x10000000 | 0x20000))
os.makedirs("/tmp/mounted", exist_ok=True)
check(libc.mount(b"none", b"/tmp/mounted", b"tmpfs", 0, None))
""",
            mounted("/tmp/mounted"),
        ),
        Attempt(
            "new_mount_calls",
            'check(libc.unshare(0x10000000 | 0x20000))\ncall("fsopen", b"tmpfs", 0)',
            holds("[fscontext]"),
        ),
        Attempt(
            "netlink_of_no_routes", SET_SOCKETS.replace("protocols", "(2, 4, 5, 9, 10, 11, 12, 15, 16, 20)"), has_socket
        ),
        Attempt("vsock", "import socket\nkept = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)", has_socket),
        Attempt(
            "packets_in_a_namespace",
            "import socket\ncheck(libc.unshare(0x10000000 | 0x40000000))\nkept = socket.socket(17, 3, 768)",
            has_socket,
        ),
    ],
    everywhere=True,
)

FILTERED_R = Batch(
    "calls_r",
    "the seccomp profile",
    UNFILTERED,
    [
        Attempt(
            "user_namespace",
            """stays("unshare --user --map-root-user sh -c 'touch $DONE; sleep 1000'")""",
            left_namespace("user"),
            "r",
        ),
        Attempt(
            "mount_in_a_namespace",
            """
dir.create("/tmp/m")
stays("unshare --user --map-root-user --mount sh -c 'mount -t tmpfs none /tmp/m; touch $DONE; sleep 1000'")
""",
            mounted("/tmp/m"),
            "r",
        ),
        Attempt(
            "io_uring",
            """stays("perl -e '$b = chr(0) x 120; syscall(425, 4, $b); open F, q(>), $ENV{DONE}; sleep 1000'")""",
            holds("[io_uring]"),
            "r",
        ),
        Attempt(
            "netlink",
            """stays("perl -MSocket -e 'socket($s, 16, 3, 2); open F, q(>), $ENV{DONE}; sleep 1000'")""",
            has_socket,
            "r",
        ),
    ],
)

CAPABILITIES = Batch(
    "capabilities",
    "no capabilities, in any set",
    CAPABLE,
    [
        Attempt("device", 'os.mknod("/tmp/disk", 0o60600, os.makedev(7, 0))', is_device("/tmp/disk")),
        Attempt(
            "mount",
            'os.makedirs("/tmp/mounted", exist_ok=True)\ncheck(libc.mount(b"none", b"/tmp/mounted", b"tmpfs", 0, None))',
            mounted("/tmp/mounted"),
        ),
        Attempt("becomes_root", "os.setgroups([])\nos.setresuid(1000, 1000, 0)\nos.setresuid(0, 0, 0)", is_root),
        Attempt("priority", "os.setpriority(os.PRIO_PROCESS, 0, -5)", scheduled),
        Attempt("raw_socket", "import socket\nkept = socket.socket(2, 3, 1)", has_socket),
        Attempt("packets", "import socket\nkept = socket.socket(17, 3, 768)", has_socket),
        Attempt(
            "network_device",
            """
import socket, struct
link = socket.socket(16, 3, 0)
name = b"hostile0\\0"
attribute = struct.pack("HH", 4 + len(name), 3) + name + bytes(-len(name) % 4)
kind = struct.pack("HH", 8, 1) + b"veth"
attribute += struct.pack("HH", 4 + len(kind), 18) + kind
message = struct.pack("BxHiII", 0, 0, 0, 0, 0) + attribute
link.send(struct.pack("IHHII", 16 + len(message), 16, 0x605, 1, 0) + message)
print(link.recv(1000))
""",
            lambda scene, _: "hostile0:" in scene.first.text("net/dev"),
        ),
        Attempt(
            "bpf",
            'union = (ctypes.c_uint32 * 32)(2, 4, 8, 1)\ncall("bpf", 0, ctypes.byref(union), 128)',
            holds("bpf-map"),
        ),
        Attempt(
            "performance_events",
            'event = (ctypes.c_uint32 * 32)(1, 128)\ncall("perf_event_open", ctypes.byref(event), 0, -1, -1, 0)',
            holds("[perf_event]"),
        ),
        Attempt(
            "changes_root",
            'os.makedirs("/tmp/root/inner", exist_ok=True)\nos.chroot("/tmp/root")',
            lambda scene, mine: any(process.root("inner").exists() for process in mine),
        ),
    ],
    everywhere=True,
)

CAPABILITIES_R = Batch(
    "capabilities_r",
    "no capabilities, in any set",
    CAPABLE,
    [
        Attempt("device", 'system("mknod /tmp/disk b 7 0")', is_device("/tmp/disk"), "r"),
        Attempt("priority", """stays("nice -n -5 sh -c 'touch $DONE; sleep 1000'")""", scheduled, "r"),
        Attempt("mount", 'dir.create("/tmp/m")\nsystem("mount -t tmpfs none /tmp/m")', mounted("/tmp/m"), "r"),
    ],
)

# `su` is root's and setuid; it asks for a password, and waits.
SETUID = Batch(
    "setuid",
    "no_new_privs",
    {"privileges": None},
    [
        Attempt(
            "su",
            """
import subprocess
from pathlib import Path
kept = subprocess.Popen(["su"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
print(kept.stdout.read(1))
""",
            is_root,
        ),
    ],
)

SETUID_R = Batch(
    "setuid_r",
    "no_new_privs",
    {"privileges": None},
    [Attempt("su", """stays("sleep 1000 | su 2>&1 | (head -c 1; touch $DONE; cat)")""", is_root, "r")],
)

REMOUNT = "libc.mount(None, b'/sys', None, 0x20, None)\n"

# What the engine hides and protects there goes by these folders' mounts.
PATHS = Batch(
    "paths",
    "what the engine hides of `/proc` and `/sys`, and protects there",
    OPEN,
    [
        Attempt(
            "sysctl",
            'open("/proc/sys/net/ipv4/ip_default_ttl", "w").write("77")',
            has_setting("net.ipv4.ip_default_ttl", "77"),
        ),
        Attempt(
            "sys",
            REMOUNT + 'open("/sys/class/net/lo/tx_queue_len", "w").write("77")',
            has_text("/sys/class/net/lo/tx_queue_len", "77"),
        ),
        Attempt("timers", 'kept = open("/proc/timer_list")', reads("/proc/timer_list")),
        Attempt("symbols", 'kept = open("/proc/kallsyms")', reads("/proc/kallsyms")),
        Attempt("interrupts", 'kept = open("/proc/interrupts")', reads("/proc/interrupts")),
    ],
    everywhere=True,
)

PATHS_R = Batch(
    "paths_r",
    "what the engine hides of `/proc` and `/sys`, and protects there",
    OPEN,
    [
        Attempt(
            "sysctl",
            'cat("77", file = "/proc/sys/net/ipv4/ip_default_ttl")',
            has_setting("net.ipv4.ip_default_ttl", "77"),
            "r",
        ),
        Attempt(
            "sys",
            'system("mount -o remount,rw /sys")\ncat("77", file = "/sys/class/net/lo/tx_queue_len")',
            has_text("/sys/class/net/lo/tx_queue_len", "77"),
            "r",
        ),
    ],
)

BATCHES = [FILTERED, FILTERED_R, CAPABILITIES, CAPABILITIES_R, SETUID, SETUID_R, PATHS, PATHS_R]
