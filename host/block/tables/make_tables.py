"""Make and check the tables of Python modules in this folder.

``make_tables.py standard`` writes ``standard_modules.txt`` for the interpreter that runs it, which has the packages of
the image ``python``. ``make_tables.py check`` compares ``packages_of_modules.txt`` with the metadata of all packages
that this interpreter has installed, and lists the differences.
"""

import datetime
import importlib.metadata
import pathlib
import platform
import re
import subprocess
import sys

FOLDER = pathlib.Path(__file__).parent
PACKAGES = FOLDER / "packages_of_modules.txt"
STANDARD = FOLDER / "standard_modules.txt"

# The packages that a script with the SDK imports in any case, or in most cases.
IMPORTED = ("longshore.api", "pandas", "numpy", "pyarrow", "polars", "requests")

HEAD = """\
# Modules of Python's standard library. Those with `!` are imported by the SDK, pandas, polars, pyarrow or requests: a
# file with such a name in a script's folder breaks them. Modules that are loaded before the script, or are built in,
# cannot be hidden and have no mark. Made by `make_tables.py standard` with Python {version} on {day}.
"""


def loaded(code: str) -> set[str]:
    """The top-level modules that an interpreter has loaded after some code."""
    code += "\nimport sys\nprint(*sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    return {name.split(".")[0] for name in printed.split()}


def built_in() -> set[str]:
    """The modules that Debian's interpreter, that of the images, has built in."""
    code = "import sys; print(*sys.builtin_module_names)"
    printed = subprocess.run(["/usr/bin/python3", "-c", code], check=True, capture_output=True, text=True).stdout
    return set(printed.split())


def standard() -> None:
    """Write the table of the standard library."""
    needed = loaded("\n".join(f"import {name}" for name in IMPORTED)) - loaded("") - built_in()
    names = sorted(name for name in sys.stdlib_module_names if not name.startswith("_") or name == "__future__")
    lines = [f"{name} !" if name in needed else name for name in names]
    head = HEAD.format(version=platform.python_version(), day=datetime.date.today())
    STANDARD.write_text(head + "\n".join(lines) + "\n")


def table() -> dict[str, str]:
    """The table of modules and packages."""
    lines = [line.split() for line in PACKAGES.read_text().splitlines() if line and not line.startswith("#")]
    return {words[0].replace("-", "_") if len(words) == 1 else words[0]: words[-1] for words in lines}


def normal(name: str) -> str:
    """A package's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def check() -> None:
    """List the installed modules that the table gives to another package, or to none."""
    known = table()
    for module, packages in sorted(importlib.metadata.packages_distributions().items()):
        wanted = {normal(package) for package in packages}
        if module.startswith("_") or normal(known.get(module, "")) in wanted:
            continue
        print(f"{module}: {', '.join(sorted(packages))}; the table has {known.get(module, 'nothing')}")


if __name__ == "__main__":
    {"standard": standard, "check": check}[sys.argv[1]]()
