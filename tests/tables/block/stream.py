"""Passes a stream on chunk by chunk, as it is."""

from longshore.api import Api

Api().process_stream(lambda chunk: chunk)
