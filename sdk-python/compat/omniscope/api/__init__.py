"""The run's class under the name that Omniscope scripts import it by.

::

    from omniscope.api import OmniscopeApi

    omniscope_api = OmniscopeApi()

It is :class:`longshore.api.Api` itself: every method is described there.
"""

from longshore.api import Api as OmniscopeApi

__all__ = ["OmniscopeApi"]
