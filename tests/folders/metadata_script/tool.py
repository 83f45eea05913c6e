"""Streams."""

# /// script
# requires-python = ">=3.10"
# dependencies = [
#     "humanize<5",
#     "rich ; python_version >= '3.8'",
# ]
#
# [tool.uv]
# exclude-newer = "2025-01-01T00:00:00Z"
#
# [tool.longshore]
# mode = "stream"
# network = true
#
# [[tool.longshore.inputs]]
# name = "sales"
# mandatory = true
# ///
