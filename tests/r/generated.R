# Generated tables, by a seed: columns of each type, with missing, empty and extreme values, nested up to three deep.
# Run as a dry run, `generated.R PART SEED`: `write` writes them, `read` compares what comes back and writes it again,
# and `again` compares that. `tests/tests/r_sdk.rs` runs it.

library(longshore)

arguments <- commandArgs(trailingOnly = TRUE)
part <- arguments[1]
seed <- as.integer(arguments[2])
tables <- 24L

some <- function(values, n) values[sample.int(length(values), n, replace = TRUE)]

leaves <- list(
  integer = function(n) some(c(0L, -1L, 7L, .Machine$integer.max, -.Machine$integer.max, NA), n),
  double = function(n) some(c(0, -0.5, 0.1, 1e300, 5e-324, NaN, Inf, -Inf, 2^53, runif(3), NA), n),
  logical = function(n) some(c(TRUE, FALSE, NA), n),
  text = function(n) some(c("", "a", "NA", "\"quoted\"\n", "日本語", strrep("x", 300), NA), n),
  date = function(n) structure(some(c(0, -171670, 2932896, 19782, NA), n), class = "Date"),
  # In the years 1500, 1969, 2024 and 9999, with fractions where doubles have them.
  time = function(n) .POSIXct(some(c(0, -14831769600, -0.000001, 1720000000.123456, 253402300799, NA), n), "UTC"),
  zoned = function(n) .POSIXct(some(c(0, 1720000000.25, -86400, NA), n), "Europe/Berlin"),
  span = function(n) structure(some(c(0, -1.5, 1e9 + 0.000001, 1e-9, NA), n), class = "difftime", units = "secs"),
  clock = function(n) {
    structure(some(c(0, 86399.999999, 3723.5, NA), n), class = c("hms", "difftime"), units = "secs")
  }
)

# A type is the name of a leaf, `list(of)`, or a named list of types.
type <- function(depth) {
  kind <- if (depth > 2L) "leaf" else sample(c("leaf", "list", "struct"), 1L)
  switch(kind,
    leaf = sample(c(names(leaves), "bytes"), 1L),
    list = list(type(depth + 1L)),
    struct = stats::setNames(lapply(1:2, function(index) type(depth + 1L)), c("p", "a name \"é\""))
  )
}

# One value. The first of a column is full, so that what is in it can be found out.
cell <- function(type, full) {
  if (identical(type, "bytes")) {
    return(if (full) as.raw(1:3) else sample(list(NULL, raw(), as.raw(c(0, 255))), 1L)[[1L]])
  }
  if (is.character(type)) {
    return(if (full) present(type) else leaves[[type]](1L))
  }
  if (!full && runif(1) < 0.2) {
    return(NULL)
  }
  if (!is.null(names(type))) {
    return(lapply(type, cell, full))
  }
  length <- if (full) 2L else sample(0:3, 1L)
  if (is.character(type[[1L]]) && type[[1L]] != "bytes") {
    values <- leaves[[type[[1L]]]](length)
    # One that is missing is a missing list where lists are not known to be ones.
    if (full || length == 1L) values[1L] <- present(type[[1L]])
    return(values)
  }
  lapply(seq_len(length), function(index) cell(type[[1L]], full))
}

present <- function(leaf) {
  repeat {
    value <- leaves[[leaf]](1L)
    if (!is.na(value)) return(value)
  }
}

generate <- function(number) {
  set.seed(seed + number)
  rows <- sample(c(0L, 1L, 2L, 9L, 3000L), 1L, prob = c(1, 2, 2, 4, 1))
  types <- c(as.list(sample(names(leaves), 3L)), lapply(1:4, function(index) type(0L)))
  table <- lapply(types, function(type) {
    if (is.character(type) && type != "bytes") {
      return(leaves[[type]](rows))
    }
    lapply(seq_len(rows), function(row) cell(type, row == 1L))
  })
  names(table) <- paste0("c", seq_along(table))
  structure(table, row.names = .set_row_names(rows), class = "data.frame")
}

# Whether two values are the same, but for the type of what is missing or empty.
same <- function(read, written) {
  if (is.null(written) || is.null(read)) {
    return(length(read) == length(written) || all(is.na(c(read, written))))
  }
  if (length(read) != length(written) || !identical(names(read), names(written))) {
    return(FALSE)
  }
  if (is.list(written)) {
    # Single values in a list are a plain column.
    parts <- if (is.list(read)) unclass(read) else lapply(seq_along(read), function(index) read[index])
    return(all(as.logical(mapply(same, parts, written, SIMPLIFY = TRUE, USE.NAMES = FALSE))))
  }
  if (all(is.na(written) & !is.nan(written))) {
    return(all(is.na(read)))
  }
  values <- identical(as.vector(unclass(read)), as.vector(unclass(written))) ||
    identical(as.double(read), as.double(written))
  values && identical(class(read), class(written)) && identical(attr(read, "tzone"), attr(written, "tzone"))
}

api <- longshore.api()
columns <- 0L
for (number in seq_len(tables)) {
  table <- generate(number)
  if (part != "write") {
    read <- read.input.records(api, number)
    stopifnot(identical(names(read), names(table)), nrow(read) == nrow(table))
    for (name in names(table)) {
      if (!same(read[[name]], table[[name]])) {
        different <- which(!mapply(same, as.list(read[[name]]), as.list(table[[name]])))[1L]
        stop(
          "table ", number, ", column ", name, ", row ", different, ": ", deparse(read[[name]][[different]]),
          " and not ", deparse(table[[name]][[different]])
        )
      }
      columns <- columns + 1L
    }
    table <- read
  }
  write.output.records(api, table, number)
}
close(api, paste(part, columns, "columns"))
