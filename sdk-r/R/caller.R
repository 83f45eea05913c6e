#' Run a block
#'
#' Runs a block through the resident host that `longshore serve` starts, and returns its tables. What the script prints
#' is printed as it comes, and its progress is shown in interactive sessions. An interrupt cancels the run.
#'
#' @param block the path of a block's folder or of a script.
#' @param ... inputs and options: arguments without a name are inputs, in order: tables as [write.output.records()]
#'   takes them, or paths of files; `NULL` leaves one out. Arguments with a name are options of the block.
#' @param inputs a list of further inputs, by their declared names.
#' @param options a list of further options, for names that this function has itself.
#' @param outputs paths of files to write outputs to, in order or by their ids. All other outputs are returned.
#' @param engine `"docker"`, or `"process"` if the host allows it.
#' @param image the image to run in.
#' @param network the network; none if it is left out.
#' @param mounts files and folders that the script sees at their own paths; `"/data:rw"` to write there.
#' @param arguments the script's arguments.
#' @param environment the script's environment variables, a named character vector.
#' @param memory the most bytes of memory.
#' @param timeout the most seconds for the script; 0 for no limit.
#' @param quiet whether to show nothing.
#' @param socket the host's socket; by default that of the variable `LONGSHORE_RUNS_SERVER`, or where `longshore serve`
#'   listens.
#' @return an object of class `longshore_result`. `result[[1]]` and `result[["id"]]` are outputs as data frames, with
#'   the columns that [read.input()] describes; `$outputs` has all of them, `$record` is the run's record, `$log` what
#'   the script printed, `$message` its final message, `$run.id` the run's id.
#' @section Errors: a condition of class `longshore_error` with the `kind` `"server"` if no host listens or it ends,
#'   `"request"` if the run cannot be made, `"run"` if it does not succeed; the latter has the script's traceback, and
#'   the fields `run.id`, `record` and `log`. `"value"` and `"data"` are for arguments and tables that cannot be sent.
#' @examples
#' \dontrun{
#' result <- longshore::run.block("blocks/clusters", iris, clusters = 3)
#' head(result[["clustered"]])
#' }
#' @export
run.block <- function(block, ..., inputs = list(), options = list(), outputs = NULL, engine = NULL, image = NULL,
                      network = NULL, mounts = NULL, arguments = NULL, environment = NULL, memory = NULL,
                      timeout = NULL, quiet = FALSE, socket = NULL) {
  given <- list(...)
  is.option <- if (is.null(names(given))) rep(FALSE, length(given)) else nzchar(names(given))
  options <- c(options, given[is.option])
  unnamed <- unname(given[!is.option])
  inputs <- c(unnamed, inputs)
  to <- c(as.list(seq_along(unnamed) - 1L), as.list(tail.names(inputs, length(unnamed))))
  is.given <- !vapply(inputs, is.null, NA)
  inputs <- inputs[is.given]
  to <- to[is.given]
  is.path <- vapply(inputs, function(input) is.character(input) && length(input) == 1L && is.null(dim(input)), NA)
  connected <- lapply(seq_along(inputs), function(index) {
    called <- paste("input", if (is.character(to[[index]])) to[[index]] else to[[index]] + 1L)
    table <- if (is.path[index]) list(path = inputs[[index]]) else list(memory = list(called = called))
    list(to = to[[index]], table = table)
  })
  tables <- lapply(inputs[!is.path], sealed)
  limits <- list(memory_bytes = memory, timeout_ms = if (!is.null(timeout)) round(timeout * 1000))
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
    network = network,
    mounts = lapply(as.character(mounts), function(path) {
      list(path = sub(":rw$", "", path), writable = grepl(":rw$", path))
    }),
    working_folder = getwd(),
    limits = Filter(Negate(is.null), limits)
  )
  if (!length(submission$limits)) submission$limits <- NULL
  submission <- json(deep(Filter(Negate(is.null), submission)))
  called <- unwrap(native$caller_start(server.socket(socket), submission, which(!is.path) - 1L, tables))
  follow(called, quiet)
}

tail.names <- function(inputs, count) names(inputs)[seq_along(inputs) > count]

# Waits for the end of a run. An interrupt cancels it, a second one kills it, a third one leaves a host that does not
# answer. However this is left, the run ends.
follow <- function(called, quiet) {
  has.ended <- FALSE
  on.exit(if (!has.ended) native$caller_cancel(called, FALSE))
  tables <- list()
  log <- character()
  errors <- character()
  interrupts <- 0L
  shown <- showing(quiet)
  repeat {
    next.one <- unwrap(native$caller_next(called, how()))
    if (is.null(next.one)) {
      fail("server", "the host ended before the run: its outcome is unknown")
    }
    switch(next.one[[1L]],
      waiting = {
        interrupts <- interrupts + 1L
        if (interrupts > 2L) fail("server", "the host does not answer: the outcome of the run is unknown")
        unwrap(native$caller_cancel(called, interrupts > 1L))
      },
      event = shown(next.one[[2L]]),
      log = {
        log <- c(log, next.one[[3L]])
        if (next.one[[2L]]) errors <- c(errors, next.one[[3L]])
        shown(list(event = "log", text = next.one[[3L]]))
      },
      other = tables <- c(tables, list(next.one[-1L])),
      rejected = {
        if (interrupts > 0L) interrupt()
        fail("request", paste(next.one[[2L]], collapse = "\n"), help = next.one[[3L]])
      },
      record = break
    )
  }
  has.ended <- TRUE
  if (interrupts > 0L) interrupt()
  conclude.run(next.one[[2L]], paste(log, collapse = ""), paste(errors, collapse = ""), tables)
}

conclude.run <- function(record, log, errors, tables) {
  if (!identical(record$outcome, "succeeded")) {
    message <- if (is.null(record$message)) gsub("_", " ", record$outcome) else record$message
    hints <- vapply(record$hints, function(hint) paste("hint:", if (is.list(hint)) hint$text else hint), "")
    text <- c(
      paste0("the run of `", record$block, "` did not succeed (", record$outcome, "): ", message),
      last.traceback(errors), hints, paste("run", record$run_id)
    )
    fail("run", paste(text[nzchar(text)], collapse = "\n\n"), run.id = record$run_id, record = record, log = log)
  }
  ids <- vapply(record$outputs, function(output) if (is.null(output$id)) NA_character_ else output$id, "")
  numbers <- vapply(record$outputs, function(output) output$index + 1, 0)
  place <- vapply(tables, function(table) table[[1L]] + 1, 0)
  outputs <- lapply(tables, function(table) data.frame.of(table[[2L]]))
  names(outputs) <- ids[match(place, numbers)]
  structure(
    list(
      outputs = outputs, numbers = place, record = record, log = log, message = record$message, run.id = record$run_id
    ),
    class = "longshore_result"
  )
}

# The last traceback on standard error, else its last lines.
last.traceback <- function(errors) {
  lines <- strsplit(sub("\\s+$", "", errors), "\n", fixed = TRUE)[[1L]]
  starts <- which(startsWith(lines, "Traceback"))
  lines <- if (length(starts)) lines[starts[length(starts)]:length(lines)] else utils::tail(lines, 12L)
  text <- paste(lines, collapse = "\n")
  if (nchar(text) > 4000L) paste0("...", substring(text, nchar(text) - 4000L)) else text
}

# Shows events: what the script prints, and in interactive sessions its progress.
showing <- function(quiet) {
  if (quiet) {
    return(function(event) NULL)
  }
  bar <- NULL
  function(event) {
    kind <- event$event
    if (identical(kind, "log")) {
      cat(event$text)
    } else if (identical(kind, "error")) {
      message("error: ", event$text)
    } else if (interactive() && identical(kind, "progress")) {
      if (is.null(bar)) bar <<- utils::txtProgressBar(style = 3L)
      utils::setTxtProgressBar(bar, min(max(event$fraction, 0), 1))
    } else if (interactive() && identical(kind, "message")) {
      message("  ", event$text)
    }
    invisible()
  }
}

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
  named <- if (is.null(names(outputs))) rep("", length(outputs)) else names(outputs)
  lapply(seq_along(outputs), function(index) {
    of <- if (nzchar(named[index])) named[index] else index - 1L
    list(of = of, table = list(path = one.path(outputs[[index]])))
  })
}

one.path <- function(path) {
  if (!is.character(path) || length(path) != 1L || is.na(path)) {
    fail("value", "a block, and the target of an output, is the path of a file or folder: one text")
  }
  enc2utf8(path.expand(path))
}

server.socket <- function(socket) {
  if (!is.null(socket)) {
    return(normalizePath(one.path(socket), mustWork = FALSE))
  }
  named <- Sys.getenv("LONGSHORE_RUNS_SERVER")
  if (!(named %in% c("", "auto", "none"))) {
    return(named)
  }
  unwrap(native$caller_socket(Sys.getenv("XDG_RUNTIME_DIR"), Sys.getenv("TMPDIR")))
}

#' @export
`[[.longshore_result` <- function(x, i, ...) {
  x <- unclass(x)
  if (is.character(i) && length(i) == 1L && i %in% c("outputs", "record", "log", "message", "run.id")) {
    return(x[[i]])
  }
  place <- if (is.character(i)) match(i, names(x$outputs)) else match(i, x$numbers)
  if (length(place) != 1L || is.na(place)) {
    there <- ifelse(is.na(names(x$outputs)), x$numbers, names(x$outputs))
    fail("value", paste0(
      "the run returned no output ", paste(format(i), collapse = " "), " (it returned: ",
      if (length(there)) paste(there, collapse = ", ") else "none", ")"
    ))
  }
  x$outputs[[place]]
}

#' @export
print.longshore_result <- function(x, ...) {
  parts <- unclass(x)
  there <- ifelse(is.na(names(parts$outputs)), parts$numbers, names(parts$outputs))
  rows <- vapply(parts$outputs, nrow, 0L)
  tables <- if (length(there)) paste0(there, ": ", rows, " rows", collapse = "; ") else "no tables"
  cat("<longshore result of '", parts$record$block, "': ", tables, "; run ", parts$run.id, ">\n", sep = "")
  invisible(x)
}
