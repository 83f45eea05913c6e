"""Says by its exit status whether the Python that runs it has all of the requirements that are its arguments.

Then nothing needs to be installed, and nobody needs to be asked for it.
"""

import sys
from importlib.metadata import PackageNotFoundError, version

try:
    from packaging.requirements import Requirement
except ImportError:
    # The image's own pip has it, where there is one.
    from pip._vendor.packaging.requirements import Requirement


def satisfied(text: str) -> bool:
    """Whether a requirement is met as it is; what only a resolver can say is not."""
    requirement = Requirement(text)
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    if requirement.url or requirement.extras:
        return False
    try:
        return requirement.specifier.contains(version(requirement.name), prereleases=True)
    except PackageNotFoundError:
        return False


sys.exit(not all(satisfied(text) for text in sys.argv[1:]))
