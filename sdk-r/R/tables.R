#' Read an input
#'
#' Numbers without missing values are views over memory that is shared with nobody who could change it, and text is made
#' when it is looked at: a table of any size is there at once. Whoever writes into a column gets a copy of it first, as
#' always in R, and reading again gives the same table. `options(longshore.views = FALSE)` makes plain vectors instead.
#'
#' @param api the run, as [longshore.api()] returns it.
#' @param input.number which input, from 1.
#' @param as `"data.frame"`; `"list"`, the columns alone, which may be longer than a data frame's; `"batches"`, a
#'   function that returns the next 65,536 rows as a data frame each time it is called, and `NULL` after the last;
#'   `"arrow"` for an `arrow::Table`, or `"nanoarrow"` for a `nanoarrow_array_stream`, neither of which copies anything,
#'   where the package of that name is installed.
#' @return the input in that form, or `NULL` if nothing is connected there. Columns: integers are `integer` where all
#'   fit, else `double` up to 2^53, beyond that `integer64` if the package bit64 is loaded; decimals `double`; text
#'   `character`; booleans `logical`; dates `Date`; times `POSIXct`, in UTC if they have no zone; times of day and spans
#'   `difftime` in seconds; binaries lists of `raw`; lists and structures lists. Null is `NA`, and `NaN` stays `NaN`.
#' @section Errors: a condition of class `longshore_error` with the `kind` `"input"` if the input cannot be read,
#'   `"data"` if a column cannot be held in R (it names column and row), `"ended"` after [commit()] or [close()],
#'   `"value"` for other arguments.
#' @examples
#' \dontrun{
#' table <- read.input.records(api)
#' batches <- read.input(api, 2, as = "batches")
#' while (!is.null(batch <- batches())) print(nrow(batch))
#' }
#' @export
read.input <- function(api, input.number = 1, as = c("data.frame", "list", "batches", "arrow", "nanoarrow")) {
  here(api)
  as <- tryCatch(match.arg(as), error = function(error) {
    fail("value", "`as` must be \"data.frame\", \"list\", \"batches\", \"arrow\" or \"nanoarrow\"")
  })
  number <- position(input.number, "inputs")
  switch(as,
    data.frame = data.frame.of(unwrap(native$client_read(api$client, number, views(), bit64()))),
    list = columns.of(unwrap(native$client_read(api$client, number, views(), bit64()))),
    batches = batches.of(unwrap(native$client_read_batches(api$client, number))),
    arrow = ,
    nanoarrow = stream.of(api, number, as)
  )
}

#' @rdname read.input
#' @export
read.input.records <- function(api, input.number = 1) read.input(api, input.number, "data.frame")

#' Append a table to an output
#'
#' Repeated writes append; columns are matched by their names then. Row names are not written.
#'
#' @param api the run, as [longshore.api()] returns it.
#' @param data a data frame of any kind, a list of columns of equal length, a matrix, an `arrow` table or a
#'   `nanoarrow_array_stream`. Columns: logical, integer, double, character, `factor` (as text), `Date`, `POSIXct` and
#'   `POSIXlt` (in UTC without a zone if theirs is UTC or none, else with it), `difftime`, `integer64`, and lists (as
#'   text: strings as they are, the rest as JSON). `NA` is null; `NaN` and infinities are numbers.
#' @param output.number position among the block's outputs, from 1, or an output's id.
#' @return nothing.
#' @section Errors: a condition of class `longshore_error` with the `kind` `"output"` if there is no such output or the
#'   columns differ from those written before, `"data"` if a column cannot be written (it names column and row),
#'   `"ended"` after [commit()] or [close()], `"value"` if the data is no table.
#' @export
write.output.records <- function(api, data, output.number = 1) {
  here(api)
  output <- if (is.character(output.number) && length(output.number) == 1L) {
    enc2utf8(output.number)
  } else {
    position(output.number, "outputs")
  }
  invisible(unwrap(append.table(api, data, output)))
}

# What became of a chunk has no output's name.
append.table <- function(api, data, output) {
  if (inherits(data, c("ArrowTabular", "RecordBatchReader", "nanoarrow_array_stream"))) {
    return(native$client_write_stream(api$client, output, as.stream(data)))
  }
  table <- plain(data)
  native$client_write(api$client, output, table$names, unname(table$columns), as.double(table$rows))
}

#' @rdname write.output.records
#' @export
write.output <- function(api, data, output.number = 1) write.output.records(api, data, output.number)

views <- function() !identical(getOption("longshore.views"), FALSE)

bit64 <- function() "bit64" %in% loadedNamespaces()

# Counted from 1 by scripts, from 0 by the host.
position <- function(number, what) {
  if (!is.numeric(number) || length(number) != 1L || is.na(number) || number < 1 || number != floor(number) ||
    number > .Machine$integer.max) {
    fail("value", paste0(what, " are numbered from 1, not ", paste(format(number), collapse = " ")))
  }
  as.integer(number) - 1L
}

columns.of <- function(table) {
  if (is.null(table)) {
    return(NULL)
  }
  columns <- table[[1L]]
  names(columns) <- table[[2L]]
  columns
}

data.frame.of <- function(table) {
  if (is.null(table)) {
    return(NULL)
  }
  rows <- table[[3L]]
  if (rows > .Machine$integer.max) {
    fail("data", paste0(
      "the input has ", format(rows, big.mark = ","), " rows, a data frame at most 2,147,483,647: ",
      "read it with as = \"batches\" or as = \"list\""
    ))
  }
  columns <- columns.of(table)
  attr(columns, "row.names") <- .set_row_names(as.integer(rows))
  class(columns) <- "data.frame"
  columns
}

batches.of <- function(batches) {
  if (is.null(batches)) {
    return(NULL)
  }
  function() data.frame.of(unwrap(native$batches_next(batches, views(), bit64())))
}

stream.of <- function(api, number, package) {
  if (!requireNamespace(package, quietly = TRUE)) {
    fail("value", paste0("the package ", package, " is not installed: name it among the block's dependencies"))
  }
  stream <- structure(unwrap(native$stream_allocate()), class = "nanoarrow_array_stream")
  if (!unwrap(native$client_read_stream(api$client, number, stream))) {
    return(NULL)
  }
  if (package == "nanoarrow") {
    return(stream)
  }
  from.stream <- utils::getFromNamespace("RecordBatchReader", "arrow")$import_from_c
  from.stream(stream)$read_table()
}

as.stream <- function(data) {
  if (inherits(data, "nanoarrow_array_stream")) {
    return(data)
  }
  stream <- structure(unwrap(native$stream_allocate()), class = "nanoarrow_array_stream")
  utils::getFromNamespace("as_record_batch_reader", "arrow")(data)$export_to_c(stream)
  stream
}

# A table as plain columns that the compiled part knows, their names, and the number of rows.
plain <- function(data) {
  if (is.matrix(data)) {
    data <- as.data.frame(data, stringsAsFactors = FALSE)
  }
  if (!is.list(data) || inherits(data, "POSIXlt") || (!is.data.frame(data) && length(data) && is.null(names(data)))) {
    given <- class(data)[1L]
    fail("value", paste0(
      "cannot write ", given, " as a table: give a data frame, a named list of columns, a matrix, ",
      "or a table of arrow or nanoarrow"
    ))
  }
  rows <- if (is.data.frame(data)) .row_names_info(data, 2L) else if (length(data)) rows.of(data[[1L]]) else 0L
  names <- names(data)
  names <- unique.names(if (is.null(names)) character() else names)
  columns <- lapply(seq_along(names), function(index) plain.column(.subset2(data, index), names[[index]]))
  lengths <- vapply(columns, length, 0)
  if (any(lengths != rows)) {
    odd <- which(lengths != rows)[1L]
    fail("value", paste0("column '", names[odd], "' has ", lengths[odd], " rows, and the first has ", rows))
  }
  list(columns = columns, names = names, rows = rows)
}

rows.of <- function(column) if (inherits(column, "POSIXlt")) length(as.POSIXct(column)) else NROW(column)

unique.names <- function(names) {
  names[is.na(names)] <- "NA"
  taken <- unique(names)
  for (index in which(duplicated(names))) {
    number <- 1L
    while (paste0(names[index], ".", number) %in% taken) number <- number + 1L
    name <- paste0(names[index], ".", number)
    warning("the column name '", names[index], "' is there twice: written as '", name, "'", call. = FALSE)
    taken <- c(taken, name)
    names[index] <- name
  }
  names
}

plain.column <- function(column, name) {
  if (inherits(column, "POSIXlt")) {
    return(as.POSIXct(column))
  }
  if (is.data.frame(column) || (is.matrix(column) && ncol(column) != 1L)) {
    fail("value", paste0("column '", name, "' is itself a table: write its columns one by one"))
  }
  if (is.factor(column) || is.character(column)) {
    return(column)
  }
  if (is.list(column)) {
    return(vapply(column, as.text, "", USE.NAMES = FALSE))
  }
  if (is.raw(column)) {
    return(as.integer(column))
  }
  if (is.complex(column)) {
    return(ifelse(is.na(column), NA_character_, as.character(column)))
  }
  if (!is.atomic(column) || is.null(column)) {
    fail("value", paste0("column '", name, "' is of class ", class(column)[1L], ", which no table can hold"))
  }
  column
}

# A value of a list column: strings as they are, nothing as NA, the rest as JSON.
as.text <- function(value) {
  if (is.null(value) || (is.atomic(value) && length(value) == 1L && is.na(value))) {
    return(NA_character_)
  }
  if (is.character(value) && length(value) == 1L && is.null(names(value))) {
    return(value)
  }
  json(value)
}

json <- function(value) {
  if (is.null(value)) {
    return("null")
  }
  if (is.factor(value) || inherits(value, c("Date", "POSIXt", "difftime"))) {
    named <- names(value)
    value <- stats::setNames(as.character(value), named)
  }
  if (!is.list(value) && !is.atomic(value)) {
    return(json(paste(deparse(value), collapse = " ")))
  }
  parts <- if (is.list(value)) vapply(unclass(value), json, "", USE.NAMES = FALSE) else json.atoms(value)
  if (!is.null(names(value))) {
    return(paste0("{", paste0(json.atoms(names(value)), ":", parts, collapse = ","), "}"))
  }
  if (!is.list(value) && length(parts) == 1L) {
    return(parts)
  }
  paste0("[", paste(parts, collapse = ","), "]")
}

json.atoms <- function(values) {
  values <- as.vector(values)
  text <- if (is.character(values)) {
    json.strings(values)
  } else if (is.logical(values)) {
    ifelse(values, "true", "false")
  } else if (is.numeric(values)) {
    ifelse(is.finite(values), format(values, digits = 17L, trim = TRUE, scientific = FALSE), "null")
  } else {
    json.strings(as.character(values))
  }
  text[is.na(values)] <- "null"
  text
}

json.strings <- function(values) {
  if (!length(values)) {
    return(character())
  }
  text <- gsub("([\\\\\"])", "\\\\\\1", enc2utf8(values))
  if (any(grepl("[[:cntrl:]]", text))) {
    escaped <- sprintf("\\u%04x", 1:31)
    escaped[c(9L, 10L, 13L)] <- c("\\t", "\\n", "\\r")
    for (code in 1:31) text <- gsub(intToUtf8(code), escaped[code], text, fixed = TRUE)
  }
  paste0("\"", text, "\"")
}
