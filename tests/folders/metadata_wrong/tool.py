"""Nothing."""

# /// script
# dependencies = [
#     "humanize",
#     "rich >",
# ]
# ///
