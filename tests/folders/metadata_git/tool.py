"""Prints one."""

# /// script
# dependencies = [
#   "six",
#   "tool @ git+https://git.example.org/team/tool@v1",
# ]
# ///
print(1)
