"""Inputs, options and outputs for scripts that Longshore runs.

Scripts import the class from ``longshore.api``::

    from longshore.api import Api

    api = Api()
    api.write_output_records(api.read_input_records())
    api.close()
"""

from longshore._longshore import (
    EndedError,
    InputError,
    LongshoreError,
    ModeError,
    NotInRunError,
    OutputError,
    __version__,
)
from longshore.api import Api

__all__ = [
    "Api",
    "EndedError",
    "InputError",
    "LongshoreError",
    "ModeError",
    "NotInRunError",
    "OutputError",
    "__version__",
]
