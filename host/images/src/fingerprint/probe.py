"""Says which Python this is, and what it can import: one thing in a line, for `probe.sh`. Python 3.8 and newer.

With the argument `needs` it says too which package needs which.
"""

import sys

# The folder that a script stands in has none of the packages.
sys.path = [folder for folder in sys.path if folder]

import ast
import json
import operator
import os
import platform
import re
from importlib import metadata


def say(*fields):
    line = "\t".join(" ".join(str(field).split()) for field in fields)
    sys.stdout.buffer.write(b"longshore:" + line.encode("utf-8", "replace") + b"\n")


def commit(distribution):
    """The commit that a package was installed from, which its version does not tell."""
    try:
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        return origin.get("vcs_info", {}).get("commit_id")
    except (AttributeError, ValueError):
        return None


def holds(node, values):
    """Whether the condition of a requirement holds; what is not understood does."""
    if isinstance(node, ast.BoolOp):
        every = all if isinstance(node.op, ast.And) else any
        return every([holds(value, values) for value in node.values])
    if not (isinstance(node, ast.Compare) and len(node.ops) == 1):
        return True
    sides = [node.left, node.comparators[0]]
    names = [side.id for side in sides if isinstance(side, ast.Name)]
    left, right = [
        values.get(side.id, "") if isinstance(side, ast.Name) else getattr(side, "value", "") for side in sides
    ]
    if any("version" in name for name in names) and not isinstance(node.ops[0], (ast.In, ast.NotIn)):
        left, right = ([int(part) for part in re.findall(r"\d+", str(text))] for text in (left, right))
    compare = {
        ast.Eq: operator.eq,
        ast.NotEq: operator.ne,
        ast.Lt: operator.lt,
        ast.LtE: operator.le,
        ast.Gt: operator.gt,
        ast.GtE: operator.ge,
        ast.In: lambda one, other: one in other,
        ast.NotIn: lambda one, other: one not in other,
    }.get(type(node.ops[0]))
    return compare(left, right) if compare else True


def needs(distribution_name, requirement):
    """Say that a package needs another one, and with which of its extras."""
    needed = re.match(r"[A-Za-z0-9._-]+", requirement.strip())
    if not needed:
        return
    values = {
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "python_full_version": platform.python_version(),
        "implementation_version": platform.python_version(),
        "os_name": os.name,
        "sys_platform": sys.platform,
        "platform_system": platform.system(),
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "implementation_name": sys.implementation.name,
        "extra": "",
    }
    condition = requirement.partition(";")[2].strip()
    extras = re.findall(r"extra\s*==\s*['\"]([A-Za-z0-9._-]+)", condition)
    try:
        tree = ast.parse(condition or "True", mode="eval").body
        for extra in ["", *extras]:
            if holds(tree, dict(values, extra=extra)):
                say("pip-needs", distribution_name, needed[0], extra or "-")
                return
    except (SyntaxError, RecursionError, MemoryError, TypeError, ValueError):
        say("pip-needs", distribution_name, needed[0], extras[0] if extras else "-")


name = platform.python_implementation().lower()
version = platform.python_version()
say("python", version if name == "cpython" else name + "-" + version)
for distribution in metadata.distributions():
    # What an interrupted installation left has no name.
    facts = distribution.metadata
    if facts and facts.get("Name"):
        origin = commit(distribution)
        version = facts.get("Version") or "unknown"
        say("pip", facts["Name"], version + "@" + origin if origin else version)
        if sys.argv[1:] == ["needs"]:
            for requirement in facts.get_all("Requires-Dist") or []:
                needs(facts["Name"], requirement)
