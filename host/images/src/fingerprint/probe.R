# Says which R this is, and what it can attach: one thing in a line, for `probe.sh`.
cat(sprintf("longshore:r\t%s.%s\n", R.version$major, R.version$minor))
packages <- utils::installed.packages(noCache = TRUE)
# `library` takes the first.
packages <- packages[!duplicated(packages[, "Package"]), , drop = FALSE]
cat(sprintf("longshore:r-package\t%s\t%s\n", packages[, "Package"], packages[, "Version"]), sep = "")
