"""Prints how many rows there are."""

# /// script
# requires-python = ">=3.10"
# dependencies = ["rich"]
#
# [tool.longshore]
# name = "Rows in colour"
# system_packages = ["tree"]
# ///

import rich

rich.print("rows")
