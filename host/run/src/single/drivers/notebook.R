local({
  path <- commandArgs(trailingOnly = TRUE)[1L]
  if (!requireNamespace("jsonlite", quietly = TRUE)) {
    stop("cannot execute the notebook: the image has no package 'jsonlite'", call. = FALSE)
  }
  notebook <- jsonlite::fromJSON(path, simplifyVector = FALSE, bigint_as_char = TRUE)
  count <- length(notebook$cells)
  outputs <- list()
  keep <- function(output) outputs[[length(outputs) + 1L]] <<- output
  stream <- function(name, lines) {
    if (length(lines)) keep(list(output_type = "stream", name = name, text = paste0(lines, "\n", collapse = "")))
  }
  # Also after quit(), and after an error, which ends the script.
  state <- new.env()
  reg.finalizer(state, function(state) {
    text <- jsonlite::toJSON(notebook, auto_unbox = TRUE, null = "null", digits = NA, pretty = 1L)
    writeLines(enc2utf8(text), path, useBytes = TRUE)
  }, onexit = TRUE)
  evaluate <- function(source) {
    for (expression in parse(text = source, keep.source = FALSE)) {
      shown <- withVisible(eval(expression, globalenv()))
      if (shown$visible) print(shown$value)
    }
  }
  execute <- function(index) {
    printed <- NULL
    connection <- textConnection("printed", "w", local = TRUE)
    # What is printed is shown as it is printed, and kept.
    sink(connection, split = TRUE)
    end <- function() {
      sink()
      close(connection)
      stream("stdout", printed)
      notebook$cells[[index]]$outputs <<- outputs
    }
    withCallingHandlers(
      evaluate(paste(unlist(notebook$cells[[index]]$source), collapse = "")),
      message = function(condition) stream("stderr", sub("\n$", "", conditionMessage(condition))),
      warning = function(condition) stream("stderr", paste0("Warning: ", conditionMessage(condition))),
      error = function(condition) {
        said <- conditionMessage(condition)
        keep(list(output_type = "error", ename = class(condition)[1L], evalue = said, traceback = list(said)))
        end()
        cat("cell ", index, " of ", count, " failed:\n", sep = "", file = stderr())
      }
    )
    end()
  }
  for (index in seq_len(count)) if (identical(notebook$cells[[index]]$cell_type, "code")) {
    outputs <- list()
    execute(index)
  }
})
