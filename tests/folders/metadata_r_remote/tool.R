# /// script
# dependencies = ["zoo", "team/tool"]
# ///
print(1)
