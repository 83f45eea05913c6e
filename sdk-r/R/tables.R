#' Read an input
#'
#' Numbers without missing values are views of shared memory that cannot change, and text is created on access, so a
#' table of any size is available at once. Writing to a column copies it first, as always in R, and reading again gives
#' the same table. `options(longshore.views = FALSE)` creates plain vectors instead.
#'
#' @param api the run, as [longshore.api()] returns it.
#' @param input.number the input: a position, from 1, or a declared name.
#' @param as `"data.frame"`; `"list"`, the columns only, which may be longer than those of a data frame; `"batches"`, a
#'   function that returns the next 65,536 rows as a data frame at each call, and `NULL` after the last; `"arrow"` for
#'   an `arrow::Table`, or `"nanoarrow"` for a `nanoarrow_array_stream`, both without copies, if the package of that
#'   name is installed.
#' @return the input in that form, or `NULL` if it is not connected.
#' @section Columns: null is `NA`, and `NaN` stays `NaN`.
#'
#'   - integers: `integer` if all fit, else `double` up to 2^53, beyond that `integer64` if the package bit64 is loaded
#'   - floats of each width: `double`
#'   - decimals: `double` if it represents all digits, else `character` with all digits, and a warning
#'   - text, categories and UUIDs: `character`; booleans: `logical`; a column without a type: `logical` of `NA`
#'   - dates: `Date`
#'   - date and time: `POSIXct`, to the microsecond; with the `tzone` `"UTC"` if there is no zone, `"Etc/UTC"` for UTC,
#'     `"Etc/GMT-2"` for `+02:00`, and otherwise the zone's name; zones that R lacks become UTC, with a warning
#'   - times of day: `difftime` in seconds with the class `hms`; durations: `difftime` in seconds
#'   - values that lose digits as such doubles (nanoseconds, microseconds of the year 9999): `character` by ISO 8601,
#'     and a warning
#'   - calendar intervals: `character` by ISO 8601, such as `P1M2D`
#'   - binaries: lists of `raw`; lists: lists of vectors; structures: lists of named lists; maps: lists of named
#'     vectors, or of `list(key =, value =)` if keys are not text; unions: lists of their values; `NULL` is null. Such a
#'     column has the class `longshore_list`, which keeps its type, so that it is written as it was read.
#' @section Errors: a condition of class `longshore_error` with the `kind` `"input"` if no input has that name
#'   or the input cannot be read, `"data"` if R cannot represent a column (the message has column and row), `"ended"`
#'   after [commit()] or [close()], `"value"` for invalid arguments.
#' @examples
#' \dontrun{
#' table <- read.input.records(api)
#' rates <- read.input(api, "rates")
#' batches <- read.input(api, 2, as = "batches")
#' while (!is.null(batch <- batches())) print(nrow(batch))
#' }
#' @export
read.input <- function(api, input.number = 1, as = c("data.frame", "list", "batches", "arrow", "nanoarrow")) {
  here(api)
  as <- tryCatch(match.arg(as), error = function(error) {
    fail("value", "`as` must be \"data.frame\", \"list\", \"batches\", \"arrow\" or \"nanoarrow\"")
  })
  input <- position(input.number, "inputs")
  switch(as,
    data.frame = data.frame.of(unwrap(native$client_read(api$client, input, how()))),
    list = columns.of(unwrap(native$client_read(api$client, input, how()))),
    batches = batches.of(unwrap(native$client_read_batches(api$client, input))),
    arrow = ,
    nanoarrow = stream.of(api, input, as)
  )
}

#' @rdname read.input
#' @export
read.input.records <- function(api, input.number = 1) read.input(api, input.number, "data.frame")

#' Append a table to an output
#'
#' Repeated writes append, with columns matched by name. Row names are written as a first column `row.names` if they are
#' text that no column repeats; row numbers are not written.
#'
#' @param api the run, as [longshore.api()] returns it.
#' @param data any data frame, a list of columns of equal length, a matrix, a `table` or a result of [tapply()] (one row
#'   per group), an `arrow` table or a `nanoarrow_array_stream`.
#' @param output.number the output: a position, from 1, or an id.
#' @return nothing.
#' @section Errors: a condition of class `longshore_error` with the `kind` `"output"` if the output does not exist or
#'   the columns differ from earlier ones, `"data"` if a column cannot be written (the message has column and row),
#'   `"ended"` after [commit()] or [close()], `"value"` if the data is not a table.
#' @section Columns: `NA` is null; `NaN` and infinities are numbers.
#'
#'   - `logical`, `integer`, `double`, `integer64`, `character`, `factor` (as text), `Date`
#'   - `POSIXct` and `POSIXlt`, to the microsecond: in UTC without a zone if their zone is `"UTC"`, `"GMT"` or
#'     unset, else with their zone; `nanotime` in nanoseconds
#'   - `hms` and `ITime` as times of day if all are within one day, else as durations; `difftime` and lubridate's
#'     durations as durations; in nanoseconds if a value needs them
#'   - lists with values of one type as that type: single values as a plain column, vectors as lists, lists with equal
#'     names as structures, `raw` vectors as binaries, data frames as lists of structures, at any depth; `NULL` and
#'     `NA` are null, and `I("a")` is a list of one
#'   - other lists as text: strings as they are, the rest as JSON, with `NA` as null, infinities and `NaN` as strings,
#'     times by ISO 8601 and `raw` as hexadecimal
#'   - data frames in a column as structures; `complex` as text
#'   - other S4 objects, and lists with a class, by their `as.character` method; geometry of sf as well-known text. A
#'     value without such a method is an error. Attributes, such as value labels, are not written.
#' @export
write.output.records <- function(api, data, output.number = 1) {
  here(api)
  invisible(unwrap(append.table(api, data, position(output.number, "outputs"))))
}

# An error of a chunk does not name the output.
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

# How columns are created: as views or not, with bit64's integers or not, and the folder of time zones.
how <- function() list(views(), "bit64" %in% loadedNamespaces(), zones())

zones <- function() {
  if (is.null(state$zones)) {
    folders <- c(Sys.getenv("TZDIR"), file.path(R.home("share"), "zoneinfo"), "/usr/share/zoneinfo")
    state$zones <- c(folders[dir.exists(folders)], "")[1L]
  }
  state$zones
}

# Scripts number from 1, the host from 0; names are unchanged.
position <- function(number, what) {
  if (is.character(number) && length(number) == 1L && !is.na(number)) {
    return(enc2utf8(number))
  }
  if (!is.numeric(number) || length(number) != 1L || is.na(number) || number < 1 || number != floor(number) ||
    number > .Machine$integer.max) {
    fail("value", paste0(what, " are numbered from 1, not ", paste(format(number), collapse = " ")))
  }
  as.integer(number) - 1L
}

# Each column in an unusual form gives a warning, only once for a reader of batches.
columns.of <- function(table, warned = new.env(parent = emptyenv())) {
  if (is.null(table)) {
    return(NULL)
  }
  for (index in seq_along(table[[4L]])) {
    key <- paste0("column ", table[[4L]][index])
    if (!exists(key, envir = warned, inherits = FALSE)) warning(table[[5L]][index], call. = FALSE)
    assign(key, TRUE, envir = warned)
  }
  columns <- table[[1L]]
  names(columns) <- table[[2L]]
  columns
}

data.frame.of <- function(table, warned = new.env(parent = emptyenv())) {
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
  columns <- columns.of(table, warned)
  attr(columns, "row.names") <- .set_row_names(as.integer(rows))
  class(columns) <- "data.frame"
  columns
}

batches.of <- function(batches) {
  if (is.null(batches)) {
    return(NULL)
  }
  warned <- new.env(parent = emptyenv())
  function() data.frame.of(unwrap(native$batches_next(batches, how())), warned)
}

stream.of <- function(api, input, package) {
  if (!requireNamespace(package, quietly = TRUE)) {
    fail("value", paste0("the package ", package, " is not installed: name it among the block's dependencies"))
  }
  stream <- structure(unwrap(native$stream_allocate()), class = "nanoarrow_array_stream")
  if (!unwrap(native$client_read_stream(api$client, input, stream))) {
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
