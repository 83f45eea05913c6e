"""Compiles Python packages to bytecode, as `python3 -I -S bytecode.py COMMAND …`; nothing of the packages runs.

`changes PLAN MISSING` prints what uv is about to do. `cache PLAN MISSING UV PYTHON ARGUMENT…` compiles the wheels in uv's
cache before they are installed, each once. `site` compiles the installed packages that have no bytecode, and `check` tells by its
exit status whether there are some.
"""

import contextlib
import glob
import importlib.util
import json
import os
import py_compile
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
import time

# Times that the compilation of a wheel is tried: a build may be cancelled meanwhile.
TRIES = 3

# The folder in a cache of what is known about its wheels.
MARKS = "longshore-bytecode"

# Where wheels are linked, so that uv unpacks them in its cache: in memory where that is possible, since a disk takes long to
# remove thousands of links again.
LINKS = "/dev/shm/longshore-links" if os.access("/dev/shm", os.W_OK) else "links"

# Seconds after which a compilation counts as interrupted: the largest wheels take a minute.
PATIENCE = 600


def site():
    """The folders of the packages of the Python that runs this. `site` would run what they have for its start."""
    prefix = os.path.dirname(os.path.dirname(os.path.abspath(sys.executable)))
    scheme = {}
    if os.path.exists(os.path.join(prefix, "pyvenv.cfg")):
        scheme = {"scheme": "posix_prefix", "vars": {"base": prefix, "platbase": prefix}}
    return sorted({sysconfig.get_path(name, **scheme) for name in ("purelib", "platlib")})


def sources(folder, left_out=""):
    """The Python files below a folder, without links."""
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__" and not (left_out and name.endswith(left_out))]
        for name in files:
            path = os.path.join(place, name)
            if name.endswith(".py") and not os.path.islink(path):
                yield path


def is_stale(source):
    """Whether a file has no valid bytecode."""
    try:
        with open(importlib.util.cache_from_source(source), "rb") as file:
            head = file.read(16)
        found = os.stat(source)
    except OSError:
        return True
    if len(head) < 16 or head[:4] != importlib.util.MAGIC_NUMBER:
        return True
    if head[4] & 1:
        # It is named by a hash of its source.
        return False
    changed, size = (int.from_bytes(head[start : start + 4], "little") for start in (8, 12))
    return (changed, size) != (int(found.st_mtime) & 0xFFFFFFFF, found.st_size & 0xFFFFFFFF)


def compile_installed(source):
    """What does not compile is for another Python, and is nobody's error until it is imported."""
    with contextlib.suppress(py_compile.PyCompileError, OSError):
        py_compile.compile(source, doraise=True)


def compile_cached(task):
    """Compiles a file of a wheel, of which an installation that reads it now sees all or nothing."""
    source, name, temporary = task
    target = importlib.util.cache_from_source(source)
    folder = os.path.dirname(target)
    made = os.path.join(temporary, os.urandom(8).hex())
    with contextlib.suppress(py_compile.PyCompileError, OSError):
        py_compile.compile(source, made, name, True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
        os.makedirs(folder, exist_ok=True)
        if not os.path.islink(folder):
            os.replace(made, target)


def on_all_processors(work, tasks):
    """Does small work at once, and much on all processors."""
    if len(tasks) < 20:
        for task in tasks:
            work(task)
        return
    try:
        from concurrent.futures import ProcessPoolExecutor

        with ProcessPoolExecutor() as pool:
            list(pool.map(work, tasks, chunksize=8))
    except (ImportError, NotImplementedError, OSError):
        for task in tasks:
            work(task)


def is_interrupted(mark):
    """Whether a compilation was begun by a build that did not end it."""
    try:
        found = os.stat(mark)
    except OSError:
        # A folder of another build, which has ended.
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size < TRIES and found.st_mtime < time.time() - PATIENCE


def interrupted(cache):
    """The wheels in a cache whose compilation was interrupted."""
    for mark in filter(is_interrupted, sorted(glob.glob(os.path.join(cache, MARKS, "*")))):
        yield from glob.glob(os.path.join(cache, "archive-v*", glob.escape(os.path.basename(mark))))


def linked(folder, cache):
    """The wheels in a cache to which the links in a folder lead."""
    wheels, form = set(), re.compile(re.escape(cache) + r"/archive-v[0-9]+/[^/]+")
    for place, _, files in os.walk(folder):
        for path in (os.path.join(place, name) for name in files):
            found = form.match(os.readlink(path)) if os.path.islink(path) else None
            if found:
                wheels.add(found[0])
    return sorted(wheels)


def compile_wheels(cache, wheels):
    """Compiles wheels in a cache as if they were installed, if no other build has begun with it."""
    os.makedirs(os.path.join(cache, MARKS), exist_ok=True)
    temporary = tempfile.mkdtemp(dir=os.path.join(cache, MARKS))
    installed = site()[0]
    begun, tasks = [], []
    try:
        for wheel in wheels:
            mark = os.path.join(cache, MARKS, os.path.basename(wheel))
            if os.path.exists(mark) and not is_interrupted(mark):
                continue
            with open(mark, "a") as file:
                file.write("-")
            begun.append(mark)
            # The content of `*.data` is moved on installation, and uv refuses files there that the wheel does not list.
            for source in sources(wheel, left_out=".data"):
                tasks.append((source, os.path.join(installed, os.path.relpath(source, wheel)), temporary))
        on_all_processors(compile_cached, tasks)
        for mark in begun:
            with open(mark, "w") as file:
                file.write("-" * TRIES)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def fetch(pins, uv, python, arguments):
    """Has uv unpack wheels in its cache, by an installation of links in a folder that nothing reads."""
    if not pins:
        return
    if "--" in arguments:
        arguments = [*arguments[: arguments.index("--")], "--", *pins]
    command = [uv, "pip", "install", "--python", python, "--no-build", "--target", LINKS, "--link-mode", "symlink"]
    command += [*({"--no-deps"} - {*arguments}), *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, pass_fds=(4, 5)) as fetching:
        for line in fetching.stderr:
            # The rest is printed by the installation.
            if line.startswith(b"Downloading"):
                sys.stderr.buffer.write(line)
                sys.stderr.buffer.flush()


def changes(plan):
    """What uv is about to change, as signs and requirements of exactly one package."""
    with open(plan) as file:
        text = file.read()
    for change in json.loads(text)["changes"] if text.strip() else []:
        # A package from an address may have no version before it is built.
        name, version = change["name"], change.get("version") or ""
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) and re.fullmatch(r"[0-9][A-Za-z0-9.+!_-]*", version):
            yield "+" if change["action"] == "installed" else "-", f"{name}=={version}"
        else:
            yield "?", "unknown"


def is_compiled():
    """Whether all installed packages are compiled as far as they can be."""
    for folder in site():
        for source in filter(is_stale, sources(folder)):
            try:
                with open(source, "rb") as file:
                    compile(file.read(), source, "exec", dont_inherit=True)
            except (SyntaxError, ValueError, RecursionError, MemoryError, OSError):
                continue
            return False
    return True


if __name__ == "__main__":
    if sys.argv[1] == "changes":
        for sign, pin in changes(sys.argv[2]):
            print(f"longshore-change: {sign} {pin}")
        if int(sys.argv[3]) or any(interrupted(os.environ["UV_CACHE_DIR"])):
            print("longshore-fetch: wheels")
    elif sys.argv[1] == "cache":
        plan, missing, uv, python = sys.argv[2:6]
        if int(missing):
            fetch([pin for sign, pin in changes(plan) if sign == "+"], uv, python, sys.argv[6:])
        cache = os.environ["UV_CACHE_DIR"]
        compile_wheels(cache, {*linked(LINKS, cache), *interrupted(cache)})
    elif sys.argv[1] == "check":
        sys.exit(not is_compiled())
    else:
        on_all_processors(
            compile_installed, [source for folder in site() for source in sources(folder) if is_stale(source)]
        )
