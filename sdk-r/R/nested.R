# List columns as nested columns. Their shape is detected, or known from the input that they were read from, and they
# are split into vectors for the compiled part. Owns shapes; `json.R` writes values without a common shape as text.
#
# A shape is an empty vector for single values, `raw()` for bytes, `list(list = shape)`, `list(struct = named shapes)`
# or `list(map = shape)`.

# A list column in the form that the compiled part writes.
plain.list <- function(column, name) {
  shape <- attr(column, "shape", exact = TRUE)
  if (is.object(column) && !inherits(column, c(transparent, "AsIs"))) {
    text <- own.text(column)
    if (!is.null(text)) {
      return(of.length(text, column, name))
    }
  }
  attributes(column) <- NULL
  if (!is.null(shape) && fits(column, shape)) {
    return(nest(column, shape, loose = FALSE))
  }
  row <- 0L
  column <- in.column(name, lapply(column, function(value) {
    row <<- row + 1L
    deep(value)
  }), function() row)
  shape <- infer(column)
  if (!is.null(shape)) {
    return(nest(column, shape, loose = TRUE))
  }
  row <- 0L
  in.column(name, vapply(column, function(value) {
    row <<- row + 1L
    as.text(value)
  }, ""), function() row)
}

# Turns errors of values into errors that name the column, and the row if known.
in.column <- function(name, code, row = function() NULL) {
  tryCatch(code, longshore_unwritable = function(error) {
    at <- if (is.null(row())) "" else paste0(", row ", row())
    fail("data", paste0("column '", name, "'", at, ": ", conditionMessage(error)))
  })
}

# The type of a vector's values.
family <- function(values) {
  if (is.character(values) || is.factor(values)) {
    "text"
  } else if (inherits(values, "integer64")) {
    "integer64"
  } else if (inherits(values, "Date")) {
    "date"
  } else if (inherits(values, "POSIXct")) {
    "time"
  } else if (inherits(values, c("hms", "ITime"))) {
    "clock"
  } else if (inherits(values, "difftime")) {
    "span"
  } else if (is.numeric(values) || is.double(values)) {
    "number"
  } else if (is.logical(values)) {
    "logical"
  } else {
    typeof(values)
  }
}

# The common shape of values processed by `deep`, or NULL.
infer <- function(values) {
  present <- values[!vapply(values, is.missing, NA)]
  if (!length(present)) {
    return(logical())
  }
  kinds <- vapply(present, kind.of, "")
  lists <- kinds %in% c("empty", "list")
  if (all(kinds == "raw")) {
    raw()
  } else if (all(kinds == "empty")) {
    list(list = logical())
  } else if (all(lists)) {
    wrapped("list", infer(below.of(present)))
  } else if (all(kinds %in% c("vector", "empty"))) {
    vectors <- present[kinds == "vector"]
    single <- all(lengths(vectors) == 1L)
    of <- common(vectors)
    if (single && any(lists)) NULL else if (single) of else wrapped("list", of)
  } else if (all(lists | (kinds == "vector" & lengths(present) != 1L))) {
    wrapped("list", infer(below.of(lapply(present, as.list))))
  } else if (all(kinds == "named")) {
    infer.struct(present)
  }
}

wrapped <- function(kind, shape) if (!is.null(shape)) stats::setNames(list(shape), kind)

kind.of <- function(value) {
  if (length(dim(value)) > 1L) {
    "other"
  } else if (is.raw(value)) {
    "raw"
  } else if (!is.null(names(value))) {
    "named"
  } else if (is.atomic(value)) {
    "vector"
  } else if (length(value)) {
    "list"
  } else {
    "empty"
  }
}

infer.struct <- function(values) {
  names <- names(values[[1L]])
  same <- vapply(values, function(value) setequal(names(value), names) && length(value) == length(names), NA)
  if (!length(names) || anyDuplicated(names) || anyNA(names) || any(names == "") || !all(same)) {
    return(NULL)
  }
  parts <- lapply(seq_along(names), function(index) infer(parts.of(values, names, index)))
  if (any(vapply(parts, is.null, NA))) NULL else list(struct = stats::setNames(parts, names))
}

# The element of each value with a name; by position if names repeat.
parts.of <- function(values, names, index) {
  lapply(values, function(value) {
    if (is.null(value)) {
      NULL
    } else if (identical(names(value), names)) {
      value[[index]]
    } else {
      value[[names[index]]]
    }
  })
}

# An empty vector of the common type of vectors, or NULL.
common <- function(vectors) {
  vectors <- vectors[!vapply(vectors, is.neutral, NA)]
  if (!length(vectors)) {
    return(logical())
  }
  kinds <- unique(vapply(vectors, family, ""))
  # R turns joined times of day into durations.
  if (setequal(kinds, c("span", "clock"))) kinds <- "span"
  if (length(kinds) > 1L) {
    return(NULL)
  }
  switch(kinds,
    text = character(),
    logical = logical(),
    number = if (all(vapply(vectors, is.integer, NA))) integer() else double(),
    integer64 = structure(double(), class = "integer64"),
    date = structure(double(), class = "Date"),
    time = .POSIXct(double(), common.zone(vectors)),
    span = structure(double(), class = "difftime", units = "secs"),
    clock = structure(double(), class = c("hms", "difftime"), units = "secs")
  )
}

common.zone <- function(times) {
  zones <- unique(vapply(times, function(time) c(attr(time, "tzone"), "UTC")[1L], ""))
  if (length(zones) == 1L) zones else "Etc/UTC"
}

# Vectors that fit any type: empty, or only NA.
is.neutral <- function(values) is.logical(values) && all(is.na(values))

# Whether values still have the shape that they were read with.
fits <- function(values, shape) {
  values <- values[!vapply(values, is.null, NA)]
  if (is.raw(shape)) {
    return(all(vapply(values, is.raw, NA)))
  }
  if (is.atomic(shape)) {
    return(all(lengths(values) == 1L) && all(vapply(values, fits.vector, NA, shape)))
  }
  of <- shape[[1L]]
  below <- function(values) fits(below.of(values), of)
  vectors <- is.atomic(of) && !is.raw(of)
  switch(names(shape),
    list = {
      all(vapply(values, function(value) is.null(names(value)), NA)) &&
        if (vectors) all(vapply(values, fits.vector, NA, of)) else all(vapply(values, is.list, NA)) && below(values)
    },
    map = {
      all(vapply(values, function(value) !is.null(names(value)), NA)) &&
        if (vectors) all(vapply(values, fits.vector, NA, of)) else all(vapply(values, is.list, NA)) && below(values)
    },
    struct = {
      names <- names(of)
      exactly <- vapply(values, function(value) is.list(value) && identical(names(value), names), NA)
      all(exactly) && all(vapply(seq_along(of), function(index) {
        fits(parts.of(values, names, index), of[[index]])
      }, NA))
    }
  )
}

fits.vector <- function(value, shape) {
  is.atomic(value) && !is.raw(value) && is.null(dim(value)) && (is.neutral(value) || family(value) == family(shape))
}

# Values in a shape that fits them. Among values that are not single, one NA is a missing value if `loose`, else a
# vector with one missing value.
nest <- function(values, shape, loose) {
  if (is.raw(shape)) {
    values[!vapply(values, is.raw, NA)] <- list(NULL)
    return(nested("bytes", values))
  }
  if (is.atomic(shape)) {
    return(nest.leaf(values, shape))
  }
  absent <- vapply(values, if (loose) is.missing else is.null, NA)
  of <- shape[[1L]]
  present <- values[!absent]
  lengths <- lengths(values)
  lengths[absent] <- NA_integer_
  below <- function() {
    if (is.atomic(of) && !is.raw(of)) {
      if (any(vapply(present, is.list, NA))) present <- below.of(lapply(present, as.list))
      nest.leaf(present, of)
    } else {
      nest(below.of(present), of, loose)
    }
  }
  switch(names(shape),
    list = nested("list", lengths, below()),
    map = nested("map", lengths, as.character(unlist(lapply(present, names))), below()),
    struct = {
      values[absent] <- list(NULL)
      parts <- lapply(seq_along(of), function(index) nest(parts.of(values, names(of), index), of[[index]], loose))
      nested("struct", !absent, names(of), parts)
    }
  )
}

# The concatenated elements of lists.
below.of <- function(lists) as.list(unlist(lists, recursive = FALSE, use.names = FALSE))

nest.leaf <- function(values, shape) {
  values[vapply(values, is.null, NA)] <- list(NA)
  flatten(values, shape)
}

nested <- function(...) structure(list(...), class = "longshore_nested")

# Concatenated vectors, as one vector of a type.
flatten <- function(vectors, type) {
  kind <- family(type)
  pieces <- switch(kind,
    text = lapply(vectors, as.character),
    span = ,
    clock = lapply(vectors, seconds.of),
    # A negative zero has the bits of bit64's NA.
    integer64 = lapply(vectors, function(values) {
      if (is.logical(values)) rep(-0, length(values)) else plain.numbers(values)
    }),
    lapply(vectors, plain.numbers)
  )
  values <- unlist(pieces, use.names = FALSE)
  if (is.null(values)) {
    return(type)
  }
  if (is.logical(values)) storage.mode(values) <- typeof(type)
  attributes(values) <- attributes(type)
  values
}

# A subset keeps the class.
#' @export
`[.longshore_list` <- function(x, ...) {
  structure(NextMethod("["), class = oldClass(x), shape = attr(x, "shape", exact = TRUE))
}

#' @export
print.longshore_list <- function(x, ...) {
  shown <- unclass(x)
  attr(shown, "shape") <- NULL
  print(shown, ...)
  invisible(x)
}
