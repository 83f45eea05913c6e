"""Attempts on files of the host: what no one mounted, what is mounted read-only, what a writable mount may be used for.
What succeeded is seen in the host's own folders, or by a secret that only a file outside has."""

import ctypes
import os
import secrets
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attempt import Attempt, Batch, Seen
from container import CAPABILITIES

# Files outside that attempts read, each with a secret of its own.
READ = ["absolute", "by_process", "by_link", "by_handle", "by_parents", "absolute_r", "by_process_r", "by_link_r"]

# Files below a read-only mount that attempts change.
CHANGED = ["write", "remove", "mode", "rename", "link", "write_r", "remove_r", "mode_r", "append_r"]


def handle(path: Path) -> bytes:
    """What the file system itself calls a file, as `open_by_handle_at` takes it."""
    buffer = ctypes.create_string_buffer((128).to_bytes(4, "little") + bytes(4 + 128))
    libc = ctypes.CDLL(None, use_errno=True)
    mount = ctypes.c_int()
    assert libc.name_to_handle_at(-100, bytes(path), buffer, ctypes.byref(mount), 0) == 0, os.strerror(
        ctypes.get_errno()
    )
    return buffer.raw


@contextmanager
def folders(folder: Path) -> Iterator[dict[str, Any]]:
    """Files of the host's, and a file system below a folder that is given read-only."""
    private, shared, writable = folder / "private", folder / "shared", folder / "writable"
    below = shared / "below"
    for made in (private, shared, writable, below):
        made.mkdir()
    for name in READ:
        (private / name).write_text(secrets.token_hex(16))
    for name in CHANGED:
        (shared / name).write_text("as it was\n")
    for made in (folder, private, shared, writable, *private.iterdir(), *shared.iterdir()):
        made.chmod(0o777)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=1777", "none", below], check=True)
    try:
        names = {"private": str(private), "shared": str(shared), "writable": str(writable)}
        yield names | {"folder": str(folder), "handle": handle(private / "by_handle")}
    finally:
        subprocess.run(["umount", below], check=True)


def told(name: str) -> Seen:
    """Whether the secret of a file came out."""
    return lambda scene, _: (Path(scene.given["private"]) / name).read_text() in scene.printed


def changed(name: str) -> Seen:
    """Whether a file is no longer as it was."""

    def seen(scene: Any, _: Any) -> bool:
        path = Path(scene.given["shared"]) / name
        if not path.exists():
            return True
        return path.read_text() != "as it was\n" or path.stat().st_mode & 0o777 != 0o777 or path.stat().st_nlink > 1

    return seen


def has_file(name: str) -> Seen:
    """Whether there is such a file in the folder that is given read-only."""
    return lambda scene, _: (Path(scene.given["shared"]) / name).exists()


def has_kind(name: str, is_kind: Any) -> Seen:
    """Whether root owns a file of a kind in the writable folder."""

    def seen(scene: Any, _: Any) -> bool:
        found = os.lstat(Path(scene.given["writable"]) / name)
        return found.st_uid == 0 and bool(is_kind(found.st_mode))

    return lambda scene, mine: (Path(scene.given["writable"]) / name).exists() and seen(scene, mine)


# Everything is mounted, root's and writable.
ALL: dict[str, list[str] | None] = {
    "mounts": ["-v", "{folder}:{folder}"],
    "user": ["--user", "0:0"],
    "capabilities": [f"--cap-add={name}" for name in CAPABILITIES],
    "seccomp": ["--security-opt", "seccomp=unconfined"],
}

FILES = Batch(
    "files",
    "that only what was named is mounted, read-only all the way down, for a user without capabilities",
    ALL,
    [
        Attempt("absolute", 'print(open(f"{private}/absolute").read(), flush=True)', told("absolute")),
        Attempt(
            "by_process",
            """
import glob
for root in glob.glob("/proc/*/root") + glob.glob("/proc/*/task/*/root") + glob.glob("/proc/*/cwd"):
    try:
        print(open(root + private + "/by_process").read(), flush=True)
    except OSError:
        pass
""",
            told("by_process"),
        ),
        Attempt(
            "by_link",
            'os.symlink(f"{private}/by_link", f"{writable}/link")\nprint(open(f"{writable}/link").read(), flush=True)',
            told("by_link"),
        ),
        Attempt(
            "by_parents",
            """
where = os.open(writable, os.O_PATH)
for depth in range(12):
    try:
        print(open(os.open("../" * depth + "private/by_parents", os.O_RDONLY, dir_fd=where)).read(), flush=True)
    except OSError:
        pass
""",
            told("by_parents"),
        ),
        Attempt(
            "by_handle",
            """
where = os.open(writable, os.O_RDONLY)
print(open(check(libc.open_by_handle_at(where, handle, os.O_RDONLY))).read(), flush=True)
""",
            told("by_handle"),
        ),
        Attempt("write", 'open(f"{shared}/write", "w").write("hostile")', changed("write")),
        Attempt("remove", 'os.unlink(f"{shared}/remove")', changed("remove")),
        Attempt("mode", 'os.chmod(f"{shared}/mode", 0o4755)', changed("mode")),
        Attempt("rename", 'os.rename(f"{shared}/rename", f"{writable}/renamed")', changed("rename")),
        Attempt("link", 'os.link(f"{shared}/link", f"{writable}/linked")', changed("link")),
        Attempt("below_read_only", 'open(f"{shared}/below/made", "w").write("hostile")', has_file("below/made")),
        Attempt(
            "remount",
            'libc.mount(None, shared.encode(), None, 0x1020, None)\nopen(f"{shared}/remounted", "w").write("hostile")',
            has_file("remounted"),
        ),
        Attempt(
            "setuid",
            'import shutil\nshutil.copy("/bin/sh", f"{writable}/sh")\nos.chmod(f"{writable}/sh", 0o4755)',
            has_kind("sh", lambda mode: mode & stat.S_ISUID),
        ),
        Attempt("device", 'os.mknod(f"{writable}/disk", 0o60666, os.makedev(7, 0))', has_kind("disk", stat.S_ISBLK)),
    ],
    ["--mount", "{shared}", "--mount", "{writable}:rw"],
    stage=folders,
)

FILES_R = Batch(
    "files_r",
    FILES.wall,
    ALL,
    [
        Attempt(
            "absolute", 'cat(readLines(file.path(private, "absolute_r"), warn = FALSE), "\\n")', told("absolute_r"), "r"
        ),
        Attempt(
            "by_process",
            """
for (root in c(Sys.glob("/proc/*/root"), Sys.glob("/proc/*/cwd"))) {
  path <- paste0(root, private, "/by_process_r")
  if (file.exists(path)) cat(readLines(path, warn = FALSE), "\\n")
}
""",
            told("by_process_r"),
            "r",
        ),
        Attempt(
            "by_link",
            """
file.symlink(file.path(private, "by_link_r"), file.path(writable, "link"))
cat(readLines(file.path(writable, "link"), warn = FALSE), "\\n")
""",
            told("by_link_r"),
            "r",
        ),
        Attempt("write", 'writeLines("hostile", file.path(shared, "write_r"))', changed("write_r"), "r"),
        Attempt(
            "append", 'cat("hostile", file = file.path(shared, "append_r"), append = TRUE)', changed("append_r"), "r"
        ),
        Attempt("remove", 'file.remove(file.path(shared, "remove_r"))', changed("remove_r"), "r"),
        Attempt("mode", 'Sys.chmod(file.path(shared, "mode_r"), "4755")', changed("mode_r"), "r"),
        Attempt(
            "below_read_only", 'writeLines("hostile", file.path(shared, "below/made_r"))', has_file("below/made_r"), "r"
        ),
    ],
    ["--mount", "{shared}", "--mount", "{writable}:rw"],
    stage=folders,
)

BATCHES = [FILES, FILES_R]
