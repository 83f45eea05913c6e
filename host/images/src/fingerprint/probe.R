# Says which R this is, and what it can attach: one thing in a line, for `probe.sh`; with the argument `needs`
# which package needs which, too.
cat(sprintf("longshore:r\t%s.%s\n", R.version$major, R.version$minor))
packages <- utils::installed.packages(noCache = TRUE)
# `library` takes the first.
packages <- packages[!duplicated(packages[, "Package"]), , drop = FALSE]
cat(sprintf("longshore:r-package\t%s\t%s\n", packages[, "Package"], packages[, "Version"]), sep = "")
if ("needs" %in% commandArgs(trailingOnly = TRUE)) {
  for (field in c("Depends", "Imports", "LinkingTo")) {
    for (row in which(!is.na(packages[, field]))) {
      needed <- trimws(sub("\\(.*", "", strsplit(packages[row, field], ",")[[1]]))
      needed <- needed[grepl("^[A-Za-z][A-Za-z0-9.]*$", needed) & needed != "R"]
      cat(sprintf("longshore:r-needs\t%s\t%s\n", packages[row, "Package"], needed), sep = "")
    }
  }
}
