"""Says which Python this is, and what it can import: one thing in a line, for `probe.sh`. Python 3.8 and newer."""

import sys

# The folder that a script stands in has none of the packages.
sys.path = [folder for folder in sys.path if folder]

import json
import platform
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
