# Lints the R files below the folders that are named: Rscript lint.R FOLDER ...
# Names have dots here, as the functions that scripts call have.
linters <- lintr::linters_with_defaults(
  line_length_linter = lintr::line_length_linter(120L),
  object_name_linter = NULL,
  object_usage_linter = NULL,
  commented_code_linter = NULL,
  cyclocomp_linter = NULL
)
files <- list.files(commandArgs(TRUE), "[.]R$", recursive = TRUE, full.names = TRUE)
stopifnot(length(files) > 0)
found <- lapply(files, lintr::lint, linters = linters)
for (lints in found) if (length(lints)) print(lints)
quit(status = as.integer(any(lengths(found) > 0)))
