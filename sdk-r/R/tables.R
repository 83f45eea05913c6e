#' Read an input
#'
#' Numbers without missing values are views over memory that is shared with nobody who could change it, and text is made
#' when it is looked at: a table of any size is there at once. Whoever writes into a column gets a copy of it first, as
#' always in R, and reading again gives the same table. `options(longshore.views = FALSE)` makes plain vectors instead.
#'
#' @param api the run, as [longshore.api()] returns it.
#' @param input.number which input: a position, from 1, or a name that the block declares.
#' @param as `"data.frame"`; `"list"`, the columns alone, which may be longer than a data frame's; `"batches"`, a
#'   function that returns the next 65,536 rows as a data frame each time it is called, and `NULL` after the last;
#'   `"arrow"` for an `arrow::Table`, or `"nanoarrow"` for a `nanoarrow_array_stream`, neither of which copies anything,
#'   where the package of that name is installed.
#' @return the input in that form, or `NULL` if nothing is connected there.
#' @section Columns: null is `NA`, and `NaN` stays `NaN`.
#'
#'   - integers: `integer` where all fit, else `double` up to 2^53, beyond that `integer64` if the package bit64 is
#'     loaded
#'   - floats of each width: `double`
#'   - decimals: `double` where each has the digits of its decimal, else `character` with all digits, and a warning
#'   - text, categories and UUIDs: `character`; booleans: `logical`; a column without a type: `logical` of `NA`
#'   - dates: `Date`
#'   - date and time: `POSIXct`, to the microsecond; with the `tzone` `"UTC"` where there is no zone, `"Etc/UTC"` for
#'     UTC, `"Etc/GMT-2"` for `+02:00`, and otherwise the zone's own name; zones that R lacks are UTC, with a warning
#'   - times of day: `difftime` in seconds with the class `hms`; spans: `difftime` in seconds
#'   - where such doubles would lose digits (nanoseconds, microseconds of the year 9999): `character` by ISO 8601, and a
#'     warning
#'   - calendar intervals: `character` by ISO 8601, such as `P1M2D`
#'   - binaries: lists of `raw`; lists: lists of vectors; structures: lists of named lists; maps: lists of named
#'     vectors, or of `list(key =, value =)` where keys are no text; unions: lists of their values; `NULL` is null. Such
#'     a column has the class `longshore_list`, which remembers what is in it, so that it is written as it was read.
#' @section Errors: a condition of class `longshore_error` with the `kind` `"input"` if there is no input of that
#'   name or the input cannot be read, `"data"` if a column cannot be held in R (it names column and row), `"ended"`
#'   after [commit()] or [close()], `"value"` for other arguments.
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
#' Repeated writes append; columns are matched by their names then. Row names are written as a first column
#' `row.names` if they are text that no column repeats; numbers of rows are not.
#'
#' @param api the run, as [longshore.api()] returns it.
#' @param data a data frame of any kind, a list of columns of equal length, a matrix, a `table` or what [tapply()] gives
#'   (a row for each group), an `arrow` table or a `nanoarrow_array_stream`.
#' @param output.number position among the block's outputs, from 1, or an output's id.
#' @return nothing.
#' @section Errors: a condition of class `longshore_error` with the `kind` `"output"` if there is no such output or the
#'   columns differ from those written before, `"data"` if a column cannot be written (it names column and row),
#'   `"ended"` after [commit()] or [close()], `"value"` if the data is no table.
#' @section Columns: `NA` is null; `NaN` and infinities are numbers.
#'
#'   - `logical`, `integer`, `double`, `integer64`, `character`, `factor` (as text), `Date`
#'   - `POSIXct` and `POSIXlt`, to the microsecond: in UTC without a zone if theirs is `"UTC"`, `"GMT"` or none, else
#'     with it; `nanotime` in nanoseconds
#'   - `hms` and `ITime` as times of day if all are within one, else as spans; `difftime` and lubridate's durations as
#'     spans. Nanoseconds where some value has them
#'   - lists whose values have one type as that type: single values as a plain column, vectors as lists, lists with the
#'     same names as structures, `raw` vectors as binaries, data frames as lists of structures, at any depth; `NULL` and
#'     `NA` are null, and `I("a")` is a list of one
#'   - other lists as text: strings as they are, the rest as JSON, with `NA` as null, infinities and `NaN` as strings,
#'     times by ISO 8601 and `raw` as hexadecimal
#'   - data frames in a column as structures; `complex` as text
#'   - other objects of S4, and lists with a class, by their method for `as.character`; geometry of sf as well-known
#'     text. A value that has no such method is an error. Attributes, such as labels of values, are not written.
#' @export
write.output.records <- function(api, data, output.number = 1) {
  here(api)
  invisible(unwrap(append.table(api, data, position(output.number, "outputs"))))
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

# How columns are made: as views or not, with bit64's integers or not, and the folder of the time zones that there are.
how <- function() list(views(), "bit64" %in% loadedNamespaces(), zones())

zones <- function() {
  if (is.null(state$zones)) {
    folders <- c(Sys.getenv("TZDIR"), file.path(R.home("share"), "zoneinfo"), "/usr/share/zoneinfo")
    state$zones <- c(folders[dir.exists(folders)], "")[1L]
  }
  state$zones
}

# Counted from 1 by scripts, from 0 by the host; a name stays as it is.
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

# Columns that are not in their usual form have a warning each, of a reader of batches only once.
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
