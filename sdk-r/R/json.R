# The one writer of JSON: what list columns hold that no nested type can. Owns how each kind of value is written as
# text; which columns are text at all is `nested.R`'s. Digits, quotes and times are the compiled part's.

# A value of a column that is text: strings and what JSON has for strings as they are, missing values as NA, the rest as
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

# Missing where a value is expected: nothing at all, or one NA.
is.missing <- function(value) {
  if (!is.atomic(value) || is.null(value) || length(value) != 1L || !is.null(names(value)) || is.raw(value)) {
    return(is.null(value))
  }
  if (inherits(value, "integer64")) {
    return(is.na(atoms(value)$text))
  }
  is.na(value) && !is.nan(as.vector(value))
}

# A value in the form that JSON and nested columns know: times broken into parts as instants, tables as lists of their
# rows, classes of their own as text. What cannot be written is refused.
simple <- function(value) {
  if (inherits(value, "AsIs")) {
    class(value) <- setdiff(class(value), "AsIs")
    # As for other writers of JSON, one value that is to stay a list of one.
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

# Classes of lists that are lists all the same.
transparent <- c("longshore_list", "list", "vctrs_list_of", "blob", "arrow_list", "arrow_binary")

# The same of all that is in it.
deep <- function(value) {
  value <- simple(value)
  if (is.list(value)) {
    kept <- attributes(value)[c("names", "dim", "dimnames")]
    value <- lapply(unclass(value), deep)
    attributes(value) <- kept[!vapply(kept, is.null, NA)]
  }
  value
}

# What a class says of itself, by a method for text of its own, or NULL: a part of what it holds would be a lie, and
# what `format` gives is made to be short.
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

# Arrays by their first dimension, and so on: a matrix is a list of its rows. Dimensions with names are objects.
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

# Numbers without what else they may have; only integers of bit64 are marked.
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

# Dates, instants, times of day and spans by ISO 8601.
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
