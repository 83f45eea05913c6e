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
  # Graphics that the code opens no device for become figures of the notebook, in the size that IRkernel's options set.
  figures <- tempfile("figures-")
  dir.create(figures)
  options(device = function(...) {
    option <- function(name, default) getOption(paste0("repr.plot.", name), default)
    if (!capabilities("cairo")) return(grDevices::pdf(NULL))
    opened <<- opened + 1L
    grDevices::png(
      file.path(figures, sprintf("%06d-%%06d.png", opened)),
      width = option("width", 7), height = option("height", 5), units = "in", res = option("res", 120), type = "cairo"
    )
  })
  opened <- 0L
  collect <- function() {
    for (device in grDevices::dev.list()) {
      if (startsWith(c(attr(.Devices[[device]], "filepath"), "")[1L], figures)) grDevices::dev.off(device)
    }
    for (path in sort(list.files(figures, full.names = TRUE))) {
      image <- jsonlite::base64_enc(readBin(path, "raw", file.size(path)))
      data <- list("image/png" = gsub("\n", "", image, fixed = TRUE), "text/plain" = "plot without title")
      keep(list(output_type = "display_data", data = data, metadata = structure(list(), names = character())))
      unlink(path)
    }
  }
  # Also after quit(), and after an error, which ends the script.
  end <- NULL
  state <- new.env()
  reg.finalizer(state, function(state) {
    if (!is.null(end)) end()
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
    end <<- function() {
      end <<- NULL
      sink()
      close(connection)
      stream("stdout", printed)
      collect()
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
