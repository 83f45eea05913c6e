"""The Api class under the name that Omniscope scripts import.

::

    from omniscope.api import OmniscopeApi

    omniscope_api = OmniscopeApi()

It is :class:`longshore.api.Api`, which documents every method.
"""

from longshore.api import Api as OmniscopeApi

__all__ = ["OmniscopeApi"]
