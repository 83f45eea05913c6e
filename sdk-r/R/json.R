# The JSON writer for values of list columns that no nested type can represent. Owns the text of each kind of value;
# `nested.R` decides which columns are text. The compiled part writes digits, quotes and times.

# A value of a text column: strings, and values that are JSON strings, without quotes, missing values as NA, others as
# JSON.
as.text <- function(value) {
  value <- deep(value)
  if (is.missing(value)) {
    return(NA_character_)
  }
  if (is.atomic(value) && length(value) == 1L && !is.raw(value) && is.null(names(value)) && is.null(dim(value))) {
    return(atoms(value)$text)
  }
  if (is.raw(value)) {
    return(hex(value))
  }
  json(value)
}

# A missing value: NULL, or one NA.
is.missing <- function(value) {
  if (!is.atomic(value) || is.null(value) || length(value) != 1L || !is.null(names(value)) || is.raw(value)) {
    return(is.null(value))
  }
  if (inherits(value, "integer64")) {
    return(is.na(atoms(value)$text))
  }
  is.na(value) && !is.nan(as.vector(value))
}

# A value in a form that JSON and nested columns support: broken-down times as instants, tables as lists of their rows,
# other classes as text. Raises an error for values that cannot be written.
simple <- function(value) {
  if (inherits(value, "AsIs")) {
    class(value) <- setdiff(class(value), "AsIs")
    # `I()` keeps a single value as a list of one, as in other JSON writers.
    return(if (is.atomic(value) && length(value) == 1L) as.list(value) else simple(value))
  }
  if (inherits(value, "POSIXlt")) {
    return(as.POSIXct(value))
  }
  if (is.data.frame(value)) {
    return(rows.of.frame(value))
  }
  if (inherits(value, "sfg")) {
    return(geometry(value))
  }
  if (isS4(value) || (is.list(value) && is.object(value) && !inherits(value, transparent))) {
    text <- own.text(value)
    return(if (is.null(text)) unwritable(value) else text)
  }
  if (is.language(value)) {
    return(paste(deparse(value), collapse = " "))
  }
  if (is.pairlist(value) && !is.null(value)) {
    value <- as.list(value)
  }
  if (!is.null(value) && !is.list(value) && !is.atomic(value)) {
    unwritable(value)
  }
  value
}

# Classes of lists that are written as plain lists.
transparent <- c("longshore_list", "list", "vctrs_list_of", "blob", "arrow_list", "arrow_binary")

# Applies the same to all elements.
deep <- function(value) {
  value <- simple(value)
  if (is.list(value)) {
    kept <- attributes(value)[c("names", "dim", "dimnames")]
    value <- lapply(unclass(value), deep)
    attributes(value) <- kept[!vapply(kept, is.null, NA)]
  }
  value
}

# The text of a class by its own `as.character` method, or NULL. Parts of its content would be wrong, and `format`
# abbreviates.
own.text <- function(value) {
  method <- own.method(value)
  text <- if (!is.null(method)) tryCatch(as.vector(method(value)), error = function(error) NULL)
  if (!is.character(text)) {
    return(NULL)
  }
  text[text == "NA" & is.na.safe(value, length(text))] <- NA
  text
}

own.method <- function(value) {
  generic <- "as.character"
  if (isS4(value)) {
    found <- tryCatch(methods::selectMethod(generic, class(value), optional = TRUE), error = function(error) NULL)
    if (methods::is(found, "MethodDefinition") && !identical(as.character(found@defined[[1L]]), "ANY")) {
      return(found)
    }
  }
  for (class in if (isS4(value)) methods::is(value) else class(value)) {
    found <- utils::getS3method(generic, class, optional = TRUE)
    if (!is.null(found)) {
      return(found)
    }
  }
  NULL
}

is.na.safe <- function(value, length) {
  missing <- tryCatch(suppressWarnings(is.na(value)), error = function(error) FALSE)
  if (is.logical(missing) && length(missing) == length) as.vector(missing) else rep(FALSE, length)
}

# Geometry of the package sf, as well-known text with all digits.
geometry <- function(value) {
  if (!requireNamespace("sf", quietly = TRUE)) {
    unwritable(why = "geometry needs the package sf to be written")
  }
  as.vector(utils::getFromNamespace("st_as_text", "sf")(value, digits = 17L))
}

rows.of.frame <- function(frame) {
  columns <- lapply(frame, function(column) {
    if (inherits(column, "POSIXlt")) column <- as.POSIXct(column)
    if (is.data.frame(column)) rows.of.frame(column) else column
  })
  lapply(seq_len(nrow(frame)), function(row) lapply(columns, function(column) column[[row]]))
}

unwritable <- function(value, why = NULL) {
  if (is.null(why)) {
    why <- paste0("a value of class ", class(value)[1L], " cannot be written: make text or plain values of it")
  }
  stop(structure(class = c("longshore_unwritable", "error", "condition"), list(message = why, call = NULL)))
}

json <- function(value) {
  value <- simple(value)
  if (is.null(value)) {
    return("null")
  }
  if (is.raw(value)) {
    return(quoted(hex(value)))
  }
  items <- if (is.list(value)) vapply(unclass(value), json, "", USE.NAMES = FALSE) else atoms(value)$json
  if (length(dim(value)) > 0L) {
    return(json.array(items, dim(value), dimnames(value)))
  }
  if (!is.list(value) && length(items) == 1L && is.null(names(value))) {
    return(items)
  }
  container(items, names(value))
}

# Arrays, nested by dimension: a matrix is a list of its rows. Named dimensions become objects.
json.array <- function(items, dim, dimnames) {
  if (length(dim) > 1L) {
    row <- (seq_along(items) - 1L) %% dim[1L] + 1L
    items <- vapply(seq_len(dim[1L]), function(index) {
      json.array(items[row == index], dim[-1L], dimnames[-1L])
    }, "")
  }
  container(items, if (!is.null(dimnames)) dimnames[[1L]])
}

container <- function(items, names) {
  if (is.null(names)) {
    return(paste0("[", paste(items, collapse = ","), "]"))
  }
  if (!length(items)) {
    return("{}")
  }
  unnamed <- is.na(names) | names == ""
  names[unnamed] <- seq_along(names)[unnamed]
  if (anyDuplicated(names)) {
    unwritable(why = paste0("it has two values of the name '", names[anyDuplicated(names)], "'"))
  }
  paste0("{", paste0(quoted(names), ":", items, collapse = ","), "}")
}

# Values of an atomic vector as text, and as JSON. NA is NA in the former and null in the latter.
atoms <- function(values) {
  kind <- family(values)
  text <- switch(kind,
    text = enc2utf8(as.character(values)),
    logical = ifelse(as.vector(values), "true", "false"),
    number = ,
    integer64 = unwrap(native$json_numbers(plain.numbers(values, kind))),
    complex = complex.text(values),
    moments(values, kind)
  )
  shown <- if (kind == "logical") {
    text
  } else if (kind %in% c("number", "integer64")) {
    ifelse(text %in% c("NaN", "Infinity", "-Infinity"), quoted(text), text)
  } else {
    quoted(text)
  }
  shown[is.na(text)] <- "null"
  list(text = as.vector(text), json = as.vector(shown))
}

# Numbers without attributes; only bit64's integers keep their class.
plain.numbers <- function(values, kind = "number") {
  attributes(values) <- NULL
  if (kind == "integer64") class(values) <- "integer64"
  values
}

complex.text <- function(values) {
  parts <- lapply(list(Re(values), Im(values)), function(part) {
    unwrap(native$json_numbers(plain.numbers(as.double(part))))
  })
  text <- paste0(parts[[1L]], ifelse(startsWith(parts[[2L]], "-"), "", "+"), parts[[2L]], "i")
  text[is.na(values)] <- NA_character_
  text
}

# Dates, instants, times of day and durations by ISO 8601.
moments <- function(values, kind) {
  numbers <- if (kind == "span") seconds.of(values) else plain.numbers(values)
  text <- unwrap(native$json_moments(as.double(numbers), kind))
  if (anyNA(text) && any(is.na(text) & !is.na(numbers))) {
    unwritable(why = paste0("the ", kind, " ", numbers[is.na(text) & !is.na(numbers)][1L], " is too far from 1970"))
  }
  if (kind == "time" && !is.null(zone <- attr(values, "tzone")[1L]) && !(zone %in% c("", "UTC", "GMT"))) {
    text[!is.na(text)] <- paste0(text[!is.na(text)], "Z")
  }
  text
}

seconds.of <- function(values) {
  if (is.logical(values)) {
    return(as.double(values))
  }
  scale <- c(secs = 1, mins = 60, hours = 3600, days = 86400, weeks = 604800)
  units <- attr(values, "units")
  plain.numbers(values) * if (is.null(units)) 1 else scale[[units]]
}

hex <- function(bytes) paste(as.character(as.vector(bytes)), collapse = "")

quoted <- function(text) if (length(text)) unwrap(native$json_strings(as.vector(text))) else character()
