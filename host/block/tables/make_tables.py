"""Make the tables of Python modules in this folder.

``standard`` writes ``standard_modules.txt`` for the interpreter that runs it, which has the packages of the image
``python``.

``installed`` reads the packages of ``packages_of_modules.txt`` that this interpreter has installed, and ``index NAME...``
the newest wheels of the named packages, as pip finds and downloads them with its own settings (``PIP_INDEX_URL``, its
configuration). Both replace the rows of the packages that they read, and print what they changed. Rows with a version were
read from that version of the package; rows without one are by hand. ``index`` without names reads all packages with rows by
hand: some gigabytes, so it is run by hand (``make modules``), and never by tests.

Where several packages have a module, ``chosen_packages.txt`` decides; a package with the module's own name comes next.
"""

from __future__ import annotations

import concurrent.futures
import datetime
import email
import importlib.metadata
import pathlib
import platform
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from typing import NamedTuple

FOLDER = pathlib.Path(__file__).parent
PACKAGES = FOLDER / "packages_of_modules.txt"
CHOSEN = FOLDER / "chosen_packages.txt"
STANDARD = FOLDER / "standard_modules.txt"

# The packages that a script with the SDK imports in any case, or in most cases.
IMPORTED = ("longshore.api", "pandas", "numpy", "pyarrow", "polars", "requests")

HEAD_OF_STANDARD = """\
# Modules of Python's standard library. Those with `!` are imported by the SDK, pandas, polars, pyarrow or requests: a
# file with such a name in a script's folder breaks them. Modules that are loaded before the script, or are built in,
# cannot be hidden and have no mark. Made by `make_tables.py standard` with Python {version} on {day}.
"""

HEAD_OF_PACKAGES = """\
# Python modules, the packages on the Python Package Index that have them, and the versions of the packages in which
# `make_tables.py` found them; rows without a version are by hand. Last changed on {day}.
"""

# Folders that packages of several projects share. Some of them have an `__init__.py` in each.
NAMESPACES = {
    "google",
    "google.cloud",
    "azure",
    "ruamel",
    "zope",
    "backports",
    "jaraco",
    "snowflake",
    "mysql",
    "paho",
}

# Folders beside a package that nobody imports.
NOT_IMPORTED = {
    "test",
    "tests",
    "testing",
    "doc",
    "docs",
    "example",
    "examples",
    "benchmark",
    "benchmarks",
    "scripts",
    "setup",
}

# The deepest name of a module in a namespace: `google.cloud.storage`, `azure.storage.blob`.
DEPTH_MAX = 3

# Downloads at a time, and the seconds for each: the largest wheels have a gigabyte.
WORKERS = 4
PATIENCE = 600


class Read(NamedTuple):
    """A package, as its own metadata and files describe it."""

    name: str
    version: str
    modules: set[str]


def loaded(code: str) -> set[str]:
    """The top-level modules that an interpreter has loaded after some code."""
    code += "\nimport sys\nprint(*sys.modules)"
    printed = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    return {name.split(".")[0] for name in printed.split()}


def built_in() -> set[str]:
    """The modules that Debian's interpreter, that of the images, has built in."""
    code = "import sys; print(*sys.builtin_module_names)"
    printed = subprocess.run(
        ["/usr/bin/python3", "-c", code], check=True, capture_output=True, text=True
    ).stdout
    return set(printed.split())


def standard() -> None:
    """Write the table of the standard library."""
    needed = (
        loaded("\n".join(f"import {name}" for name in IMPORTED))
        - loaded("")
        - built_in()
    )
    names = sorted(
        name
        for name in sys.stdlib_module_names
        if not name.startswith("_") or name == "__future__"
    )
    lines = [f"{name} !" if name in needed else name for name in names]
    head = HEAD_OF_STANDARD.format(
        version=platform.python_version(), day=datetime.date.today()
    )
    STANDARD.write_text(head + "\n".join(lines) + "\n")


def normal(name: str) -> str:
    """A package's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def rows(path: pathlib.Path) -> dict[str, list[str]]:
    """The rows of a table: of each module its package, and what else is there."""
    lines = [
        line.split()
        for line in path.read_text().splitlines()
        if line and not line.startswith("#")
    ]
    return {words[0]: words[1:] for words in lines}


def modules(paths: Iterable[str]) -> set[str]:
    """The modules that a package has among these files: packages, modules, and in namespaces those below."""
    tree: dict[str, dict] = {}
    for path in paths:
        parts = re.sub(r"^[^/]+\.data/(purelib|platlib)/", "", path).split("/")
        if (
            not parts[-1].endswith((".py", ".so"))
            or parts[0].endswith((".dist-info", ".data"))
            or ".." in parts
        ):
            continue
        parts[-1] = parts[-1].split(".")[0]
        here = tree
        for part in parts[: DEPTH_MAX + 1]:
            here = here.setdefault(part, {})

    def found(here: dict[str, dict], before: str, depth: int) -> set[str]:
        names = set()
        for name, below in here.items():
            if not name.isidentifier() or name.startswith("_") or name in NOT_IMPORTED:
                continue
            whole = f"{before}.{name}" if before else name
            is_namespace = bool(below) and (
                "__init__" not in below or whole in NAMESPACES
            )
            names |= (
                found(below, whole, depth + 1)
                if is_namespace and depth < DEPTH_MAX
                else {whole}
            )
        return names

    return found(tree, "", 1) - set(sys.stdlib_module_names)


def of_distribution(distribution: importlib.metadata.Distribution) -> Read | None:
    """A package that this interpreter has installed."""
    if not distribution.files:
        return None
    names = modules(str(path) for path in distribution.files)
    return Read(distribution.metadata["Name"], distribution.version, names)


def of_wheel(path: pathlib.Path) -> Read:
    """A package in a wheel."""
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        metadata = next(
            name
            for name in names
            if name.endswith(".dist-info/METADATA") and name.count("/") == 1
        )
        facts = email.message_from_bytes(wheel.read(metadata))
    return Read(facts["Name"], facts["Version"], modules(names))


def download(package: str) -> Read | str:
    """The newest wheel of a package, or the reason why there is none."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary",
            ":all:",
        ]
        try:
            subprocess.run(
                [*command, "--dest", folder, "--", package],
                check=True,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
            )
        except subprocess.CalledProcessError as error:
            return (error.stderr.strip().splitlines() or ["pip failed"])[-1]
        except subprocess.TimeoutExpired:
            return f"it took more than {PATIENCE} s"
        return of_wheel(next(pathlib.Path(folder).glob("*.whl")))


def update(packages: Iterable[Read]) -> None:
    """Replace the rows of these packages, and print what changed."""
    before, chosen = rows(PACKAGES), rows(CHOSEN)
    table = dict(before)
    for name, version, names in packages:
        for module, row in before.items():
            if normal(row[0]) == normal(name) and module not in names:
                print(f"{module}: not in {name} {version}")
                table.pop(module, None)
        for module in sorted(names):
            if module in chosen or any(
                module.startswith(f"{other}.") for other in names
            ):
                table.pop(module, None)
                continue
            other = table.get(module, [name])[0]
            if normal(other) != normal(name) and normal(module) != normal(name):
                print(
                    f"{module}: in {name} {version} too, the table has {other}: name one in {CHOSEN.name}"
                )
                continue
            table[module] = [name, version]
    for module, row in sorted(table.items()):
        if before.get(module, ["none"])[0] != row[0]:
            print(f"{module}: {row[0]}, was {before.get(module, ['nothing'])[0]}")
    lines = [" ".join([module, *row]) for module, row in sorted(table.items())]
    PACKAGES.write_text(
        HEAD_OF_PACKAGES.format(day=datetime.date.today()) + "\n".join(lines) + "\n"
    )


def installed() -> None:
    """Read the packages of the table that this interpreter has."""
    known = {
        normal(row[0]) for row in [*rows(PACKAGES).values(), *rows(CHOSEN).values()]
    }
    found = [
        of_distribution(one)
        for one in importlib.metadata.distributions()
        if normal(one.metadata["Name"]) in known
    ]
    update([one for one in found if one])


def index(names: list[str]) -> None:
    """Read packages from the index."""
    names = names or sorted(
        {row[0] for row in rows(PACKAGES).values() if len(row) == 1}
    )
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as workers:
        results = list(workers.map(download, names))
    for name, result in zip(names, results):
        if isinstance(result, str):
            print(f"{name}: not read: {result}")
    update([result for result in results if isinstance(result, Read)])


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["standard"]:
            standard()
        case ["installed"]:
            installed()
        case ["index", *named]:
            index(named)
        case _:
            sys.exit(__doc__)
