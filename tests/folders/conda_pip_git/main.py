"""Prints how many rows there are."""

from longshore.api import Api

api = Api()
api.close(f"{len(api.read_input_records())} rows")
