# Reads each input as a data frame, notes what it saw in the form of canonical.py, and writes it back.
#
# Doubles, and times as doubles of seconds, are noted with 17 digits; elements of lists as vectors of their values.

library(longshore)

api <- longshore.api()
writes <- isTRUE(get.option(api, "writes"))

values.of <- function(column) {
  if (inherits(column, "integer64")) {
    noted("int", as.character(column), is.na(column))
  } else if (is.factor(column) || is.character(column)) {
    noted("text", as.character(column), is.na(column))
  } else if (inherits(column, "Date")) {
    noted("date", digits(column), is.na(column))
  } else if (inherits(column, "POSIXct")) {
    noted("seconds", digits(column), is.na(column))
  } else if (inherits(column, "difftime")) {
    noted("seconds", digits(as.numeric(column, units = "secs")), is.na(column))
  } else if (is.list(column)) {
    lapply(unname(column), value.of)
  } else if (is.logical(column)) {
    noted("bool", as.vector(column), is.na(column))
  } else if (is.integer(column)) {
    noted("int", as.character(column), is.na(column))
  } else if (is.double(column)) {
    noted("float", digits(column), is.na(column) & !is.nan(column))
  } else {
    noted("object", as.character(column), is.na(column))
  }
}

value.of <- function(value) {
  if (is.null(value)) {
    NULL
  } else if (is.raw(value)) {
    list("bytes", paste(as.character(value), collapse = ""))
  } else if (is.list(value) && !is.null(names(value))) {
    list("struct", Map(function(name, part) list(name, value.of(part)), names(value), unclass(value), USE.NAMES = FALSE))
  } else if (!is.null(names(value))) {
    list("struct", Map(list, names(value), values.of(unname(value)), USE.NAMES = FALSE))
  } else {
    list("vector", values.of(value))
  }
}

digits <- function(column) sprintf("%.17g", as.numeric(column))

noted <- function(tag, values, missing) {
  Map(function(value, gone) if (gone) NULL else list(tag, value), values, missing, USE.NAMES = FALSE)
}

class.of <- function(column) {
  class <- class(column)[1L]
  if (class == "POSIXct") {
    zone <- attr(column, "tzone")
    class <- paste0(class, " in ", if (length(zone) && nzchar(zone[1L])) zone[1L] else "no zone")
  }
  if (class %in% c("AsIs", "longshore_list")) "list" else class
}

columns.of <- function(frame) {
  lapply(seq_along(frame), function(index) {
    column <- .subset2(frame, index)
    list(name = names(frame)[index], type = class.of(column), values = values.of(column))
  })
}

seen <- list()
for (number in 1:64) {
  note <- tryCatch(
    {
      frame <- read.input.records(api, number)
      if (is.null(frame)) break
      list(columns = columns.of(frame))
    },
    error = function(error) list(error = conditionMessage(error))
  )
  if (writes && is.null(note$error)) {
    said <- tryCatch(
      {
        write.output.records(api, frame, number)
        NULL
      },
      error = conditionMessage
    )
    if (!is.null(said)) note[["write error"]] <- said
  }
  seen[[number]] <- note
}
writeLines(jsonlite::toJSON(seen, auto_unbox = TRUE, digits = NA, null = "null"), "seen.json")
close(api)
