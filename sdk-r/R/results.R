# What a run returns, or its error, from its record, its log and its tables.
conclude.run <- function(record, log, errors, tables) {
  if (!identical(record$outcome, "succeeded")) {
    message <- if (is.null(record$message)) gsub("_", " ", record$outcome) else record$message
    hints <- vapply(record$hints, function(hint) paste("hint:", if (is.list(hint)) hint$text else hint), "")
    text <- c(
      paste0("the run of `", record$block, "` did not succeed (", record$outcome, "): ", message),
      last.traceback(errors), hints, paste("run", record$run_id)
    )
    fail("run", paste(text[nzchar(text)], collapse = "\n\n"), run.id = record$run_id, record = record, log = log)
  }
  if (length(record$steps)) chain.result(record, log, tables) else run.result(record, log, tables)
}

# The result of a run, or of a step, which has a record much like it.
run.result <- function(record, log, tables) {
  ids <- vapply(record$outputs, function(output) if (is.null(output$id)) NA_character_ else output$id, "")
  numbers <- vapply(record$outputs, function(output) output$index + 1, 0)
  place <- vapply(tables, function(table) table[[1L]] + 1, 0)
  outputs <- lapply(tables, function(table) data.frame.of(table[[2L]]))
  names(outputs) <- ids[match(place, numbers)]
  structure(
    list(
      outputs = outputs, numbers = place, record = record, log = log, message = record$message, run.id = record$run_id
    ),
    class = "longshore_result"
  )
}

# The last traceback on standard error, else its last lines.
last.traceback <- function(errors) {
  lines <- strsplit(sub("\\s+$", "", errors), "\n", fixed = TRUE)[[1L]]
  starts <- grep("^(\\[[^]]*\\] )?Traceback", lines)
  lines <- if (length(starts)) lines[starts[length(starts)]:length(lines)] else utils::tail(lines, 12L)
  text <- paste(lines, collapse = "\n")
  if (nchar(text) > 4000L) paste0("...", substring(text, nchar(text) - 4000L)) else text
}

#' @export
`[[.longshore_result` <- function(x, i, ...) {
  x <- unclass(x)
  if (is.character(i) && length(i) == 1L && i %in% c("outputs", "record", "log", "message", "run.id")) {
    return(x[[i]])
  }
  place <- if (is.character(i)) match(i, names(x$outputs)) else match(i, x$numbers)
  if (length(place) != 1L || is.na(place)) {
    there <- ifelse(is.na(names(x$outputs)), x$numbers, names(x$outputs))
    fail("value", paste0(
      "the run returned no output ", paste(format(i), collapse = " "), " (it returned: ",
      if (length(there)) paste(there, collapse = ", ") else "none", ")"
    ))
  }
  x$outputs[[place]]
}

#' @export
print.longshore_result <- function(x, ...) {
  parts <- unclass(x)
  there <- ifelse(is.na(names(parts$outputs)), parts$numbers, names(parts$outputs))
  rows <- vapply(parts$outputs, nrow, 0L)
  tables <- if (length(there)) paste0(there, ": ", rows, " rows", collapse = "; ") else "no tables"
  cat("<longshore result of '", parts$record$block, "': ", tables, "; run ", parts$run.id, ">\n", sep = "")
  invisible(x)
}
