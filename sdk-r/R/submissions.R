#' A file of a table
#'
#' The path of a file for an input or an output of [run.block()], with its format and options.
#'
#' @param path the file's path.
#' @param ... how it is read or written, such as `delimiter = ";"` and `columns = c("a", "b")`: the reading or writing
#'   options of its format.
#' @param format its format, such as `"csv"`, if its suffix does not imply it.
#' @return an object of class `longshore_path`.
#' @examples
#' table.path("sales.txt", format = "csv", delimiter = ";", decimal = ",")
#' @export
table.path <- function(path, ..., format = NULL) {
  options <- Filter(Negate(is.null), list(...))
  if (length(options) && (is.null(names(options)) || !all(nzchar(names(options))))) {
    fail("value", "the options of a file have names, such as `delimiter = \";\"`")
  }
  structure(list(path = one.path(path), format = format, options = options), class = "longshore_path")
}

# What is sent for a file: `key` is the key of its options, `read` or `write`.
path.keys <- function(file, key) {
  if (!inherits(file, "longshore_path")) file <- table.path(file)
  options <- lapply(names(file$options), function(name) path.option(name, file$options[[name]]))
  names(options) <- names(file$options)
  keys <- list(table = list(path = file$path), format = file$format)
  if (length(options)) keys[[key]] <- options
  Filter(Negate(is.null), keys)
}

# Options that are lists also if they have one value.
lists.of.words <- c("missing", "true", "false", "columns")

path.option <- function(name, value) {
  if (name == "types") {
    return(as.list(value))
  }
  if (name %in% lists.of.words && is.character(value)) as.list(value) else option.value(value)$json
}

# What is sent for a run: the submission, the positions of inputs that are tables, and these.
submission.of <- function(block, ..., inputs = list(), options = list(), outputs = NULL, engine = NULL, image = NULL,
                          network = NULL, mounts = NULL, arguments = NULL, environment = NULL, memory = NULL,
                          cpus = NULL, pids = NULL, timeout = NULL, as.of = NULL, constraints = NULL,
                          chunk.rows = NULL, bad.rows = NULL, partition = NULL, jobs = NULL, keep.going = FALSE,
                          allowed = NULL, keep = NULL, hashes = FALSE) {
  given <- list(...)
  is.option <- if (is.null(names(given))) rep(FALSE, length(given)) else nzchar(names(given))
  options <- c(options, given[is.option])
  unnamed <- unname(given[!is.option])
  inputs <- c(unnamed, inputs)
  to <- c(as.list(seq_along(unnamed) - 1L), as.list(tail.names(inputs, length(unnamed))))
  is.given <- !vapply(inputs, is.null, NA)
  inputs <- inputs[is.given]
  to <- to[is.given]
  is.path <- vapply(inputs, function(input) {
    inherits(input, "longshore_path") || (is.character(input) && length(input) == 1L && is.null(dim(input)))
  }, NA)
  connected <- lapply(seq_along(inputs), function(index) {
    if (is.path[index]) {
      return(c(list(to = to[[index]]), path.keys(inputs[[index]], "read")))
    }
    called <- paste("input", if (is.character(to[[index]])) to[[index]] else to[[index]] + 1L)
    list(to = to[[index]], table = list(memory = list(called = called)))
  })
  submission <- list(
    block = list(path = one.path(block)),
    inputs = connected,
    outputs = output.targets(outputs),
    others = TRUE,
    options = lapply(seq_along(options), function(index) list(names(options)[index], option.value(options[[index]]))),
    arguments = as.list(as.character(arguments)),
    environment = lapply(seq_along(environment), function(index) {
      list(names(environment)[index], as.character(environment[[index]]))
    }),
    engine = engine,
    image = image,
    as_of = if (!is.null(as.of)) as.character(as.of),
    constraints = as.list(as.character(constraints)),
    network = network,
    mounts = lapply(as.character(mounts), function(path) {
      list(path = sub(":rw$", "", path), writable = grepl(":rw$", path))
    }),
    allowed = lapply(as.character(allowed), one.path),
    keep = if (!is.null(keep)) one.path(keep),
    working_folder = getwd(),
    limits = Filter(Negate(is.null), list(
      memory_bytes = memory, cpus = cpus, pids = count("pids", pids),
      timeout_ms = if (!is.null(timeout)) round(timeout * 1000)
    )),
    chunk_rows = count("chunk.rows", chunk.rows),
    partition = parts(partition, jobs, keep.going),
    bad_rows = bad.rows,
    hashes = isTRUE(hashes)
  )
  if (!length(submission$limits)) submission$limits <- NULL
  list(
    submission = json(deep(Filter(Negate(is.null), submission))),
    positions = which(!is.path) - 1L,
    tables = lapply(inputs[!is.path], sealed)
  )
}

parts <- function(partition, jobs, keep.going) {
  if (is.null(partition)) {
    if (!is.null(jobs) || isTRUE(keep.going)) fail("value", "`jobs` and `keep.going` are for runs with `partition`")
    return(NULL)
  }
  jobs <- if (is.null(jobs)) native$caller_processors() else jobs
  list(field = as.character(partition), jobs = count("jobs", jobs), keep_going = isTRUE(keep.going))
}

count <- function(name, value) {
  if (is.null(value)) {
    return(NULL)
  }
  is.one <- is.numeric(value) && length(value) == 1L && !is.na(value)
  if (!is.one || value < 1 || value >= 2^32 || value != round(value)) {
    fail("value", paste0("`", name, "` is a whole number from 1"))
  }
  as.double(value)
}

tail.names <- function(inputs, count) names(inputs)[seq_along(inputs) > count]

# A table in shared memory.
sealed <- function(data) {
  if (inherits(data, c("ArrowTabular", "RecordBatchReader", "nanoarrow_array_stream"))) {
    return(unwrap(native$caller_stream(as.stream(data))))
  }
  table <- plain(data)
  unwrap(native$caller_table(table$names, unname(table$columns), as.double(table$rows)))
}

option.value <- function(value) {
  if (is.list(value) || !is.atomic(value)) {
    fail("value", "an option is a text, a number, a logical or a vector of texts: give tables without a name")
  }
  if (inherits(value, c("Date", "POSIXt")) || is.factor(value)) value <- as.character(value)
  list(json = if (length(value) == 1L) unname(value) else as.list(unname(value)))
}

output.targets <- function(outputs) {
  if (inherits(outputs, "longshore_path")) outputs <- list(outputs)
  named <- if (is.null(names(outputs))) rep("", length(outputs)) else names(outputs)
  lapply(seq_along(outputs), function(index) {
    of <- if (nzchar(named[index])) named[index] else index - 1L
    c(list(of = of), path.keys(outputs[[index]], "write"))
  })
}

one.path <- function(path) {
  if (!is.character(path) || length(path) != 1L || is.na(path)) {
    fail("value", "a block, and the target of an output, is the path of a file or folder: one text")
  }
  enc2utf8(path.expand(path))
}
