"""Prints what the Python that runs it has installed: a line of JSON with a mark, since a Python may print other things.

Packages that were installed from a file or an address are fixed: an index may have another package of that name.
"""

import json
import os
import platform
import sys
from importlib import metadata


def package(distribution, facts):
    """A package with its needs."""
    return {
        "name": str(facts["Name"]),
        "version": str(facts["Version"]),
        "needs": [str(need) for need in facts.get_all("Requires-Dist") or []],
        "fixed": bool(distribution.read_text("direct_url.json")),
    }


found = []
for distribution in metadata.distributions():
    facts = distribution.metadata
    # What an interrupted installation left has no name.
    if facts and facts.get("Name") and facts.get("Version"):
        found.append(package(distribution, facts))
version = platform.python_version().rstrip("+")
values = {
    "implementation_name": sys.implementation.name,
    "implementation_version": ".".join(str(number) for number in sys.implementation.version[:3]),
    "os_name": os.name,
    "platform_machine": platform.machine(),
    "platform_python_implementation": platform.python_implementation(),
    "platform_release": platform.release(),
    "platform_system": platform.system(),
    "platform_version": platform.version(),
    "python_full_version": version,
    "python_version": ".".join(version.split(".")[:2]),
    "sys_platform": sys.platform,
}
print("\nlongshore:" + json.dumps({"values": values, "packages": found}))
