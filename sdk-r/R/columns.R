# Tables from scripts as plain columns that the compiled part supports. Owns the supported tables and column classes;
# list columns are in `nested.R`.

# A table as plain columns, their names, and the number of rows.
plain <- function(data) {
  data <- as.columns(data)
  if (!is.list(data) || is.classed.list(data) || (!is.data.frame(data) && length(data) && is.null(names(data)))) {
    given <- class(data)[1L]
    fail("value", paste0(
      "cannot write ", given, " as a table: give a data frame, a named list of columns, a matrix, ",
      "or a table of arrow or nanoarrow"
    ))
  }
  rows <- if (is.data.frame(data)) .row_names_info(data, 2L) else if (length(data)) rows.of(.subset2(data, 1L)) else 0L
  names <- names(data)
  names <- unique.names(if (is.null(names)) character() else names)
  columns <- lapply(seq_along(names), function(index) plain.column(.subset2(data, index), names[[index]]))
  lengths <- vapply(columns, plain.rows, 0)
  if (any(lengths != rows)) {
    odd <- which(lengths != rows)[1L]
    fail("value", paste0("column '", names[odd], "' has ", lengths[odd], " rows, and the first has ", rows))
  }
  own <- row.names.of(data)
  if (!is.null(own)) {
    columns <- c(list(own), columns)
    name <- "row.names"
    while (name %in% names) name <- paste0(name, ".1")
    names <- c(name, names)
  }
  list(columns = columns, names = names, rows = rows)
}

# Counts and results by group become tables of their groups; a matrix keeps its columns.
as.columns <- function(data) {
  if (inherits(data, c("table", "ftable"))) {
    return(as.data.frame(data, stringsAsFactors = FALSE))
  }
  if (is.array(data) && !is.matrix(data) && is.atomic(data) && !is.null(dimnames(data))) {
    return(as.data.frame.table(data, responseName = "value", stringsAsFactors = FALSE))
  }
  if (is.matrix(data)) as.data.frame(data, stringsAsFactors = FALSE) else data
}

is.classed.list <- function(data) is.object(data) && !is.data.frame(data) && !inherits(data, transparent)

rows.of <- function(column) NROW(if (inherits(column, "POSIXlt")) as.POSIXct(column) else column)

plain.rows <- function(column) as.double(length(if (inherits(column, "longshore_nested")) column[[2L]] else column))

# Row names with information: text that is neither row numbers (including R's variants for repeated ones) nor the
# content of a column.
row.names.of <- function(data) {
  names <- if (is.data.frame(data)) attr(data, "row.names")
  if (!is.character(names)) {
    return(NULL)
  }
  repeated <- all(grepl("^[0-9]+([.][0-9]+)*$", names)) && any(grepl(".", names, fixed = TRUE))
  counted <- identical(names, as.character(seq_along(names)))
  if (length(names) && (repeated || counted || says(data, names))) NULL else names
}

# Whether a column, or two columns joined with a point, as by reshape(), equal these names.
says <- function(data, names) {
  columns <- Filter(function(column) is.atomic(column) && length(column) == length(names), unclass(data))
  columns <- lapply(columns, function(column) if (is.factor(column)) as.character(column) else column)
  if (any(vapply(columns, function(column) is.character(column) && identical(as.vector(column), names), NA))) {
    return(TRUE)
  }
  # Wide tables are not what reshape() makes, and have too many pairs.
  if (length(columns) > 50L) {
    return(FALSE)
  }
  is.pair <- function(one, other, rows) identical(paste(one[rows], other[rows], sep = "."), names[rows])
  for (one in columns) {
    for (other in columns) {
      if (is.pair(one, other, 1L) && is.pair(one, other, seq_along(names))) {
        return(TRUE)
      }
    }
  }
  FALSE
}

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
  if (isS4(column)) {
    return(plain.s4(column, name))
  }
  if (inherits(column, "POSIXlt")) {
    return(as.POSIXct(column))
  }
  if (is.data.frame(column)) {
    parts <- plain(structure(column, row.names = .set_row_names(nrow(column))))
    return(nested("struct", rep(TRUE, nrow(column)), parts$names, unname(parts$columns)))
  }
  if (length(dim(column)) > 1L && prod(dim(column)[-1L]) != 1) {
    fail("value", paste0("column '", name, "' is itself a table: write its columns one by one"))
  }
  if (is.factor(column) || is.character(column)) {
    return(column)
  }
  if (is.list(column)) {
    return(plain.list(column, name))
  }
  if (is.raw(column)) {
    return(as.integer(column))
  }
  if (is.complex(column)) {
    return(complex.text(column))
  }
  if (!is.atomic(column) || is.null(column)) {
    fail("value", paste0("column '", name, "' is of class ", class(column)[1L], ", which no table can hold"))
  }
  column
}

# S4 objects with a supported type keep it; others are written as their own text.
plain.s4 <- function(column, name) {
  class <- class(column)[1L]
  if (class %in% c("nanotime", "nanoduration")) {
    return(structure(plain.numbers(asS4(column, FALSE)), class = class))
  }
  if (class == "Duration" && identical(attr(class(column), "package"), "lubridate")) {
    return(as.difftime(plain.numbers(asS4(column, FALSE)), units = "secs"))
  }
  text <- own.text(column)
  if (is.null(text)) in.column(name, unwritable(column))
  of.length(text, column, name)
}

of.length <- function(text, column, name) {
  if (length(text) != length(column)) {
    fail("data", paste0("column '", name, "': the text of class ", class(column)[1L], " has another length"))
  }
  text
}
