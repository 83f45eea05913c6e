#' Run a block
#'
#' Runs a block through the resident host that `longshore serve` starts, and returns its tables. What the script prints
#' is printed as it comes, and its progress is shown in interactive sessions. An interrupt cancels the run.
#'
#' @param block the path of a block's folder or of a script.
#' @param ... inputs and options: arguments without a name are inputs, in order: tables as [write.output.records()]
#'   takes them, or paths of files, with their options as [table.path()]; `NULL` leaves one out. Arguments with a name
#'   are options of the block. Of `run.submit`: also the other arguments of `run.block`, but `quiet`.
#' @param inputs a list of further inputs, by their declared names.
#' @param options a list of further options, for names that this function has itself.
#' @param outputs paths of files to write outputs to, or what [table.path()] makes, in order or by their ids. All other
#'   outputs are returned.
#' @param engine `"docker"`, or `"process"` if the host allows it.
#' @param image the image to run in.
#' @param network the network; none if it is left out.
#' @param mounts files and folders that the script sees at their own paths; `"/data:rw"` to write there.
#' @param arguments the script's arguments.
#' @param environment the script's environment variables, a named character vector.
#' @param memory the most bytes of memory.
#' @param cpus the most processors.
#' @param pids the most processes and threads.
#' @param timeout the most seconds for the script; 0 for no limit.
#' @param as.of the day as of which packages are chosen.
#' @param constraints constraints on the versions of packages.
#' @param chunk.rows rows of a chunk, if the block transforms a stream.
#' @param bad.rows what happens to invalid rows of text inputs: `"fail"`, `"skip"` or `"keep"`.
#' @param partition a field: the block runs once for each of its values, and what the parts return is put together.
#' @param jobs parts that run at a time; by default one for each processor.
#' @param keep.going whether the others go on when a part fails.
#' @param allowed folders that mounts and files of options must be below.
#' @param keep a new folder to copy the script's working folder to.
#' @param hashes whether the record has hashes of code, data and environment.
#' @param quiet whether to show nothing.
#' @param socket the host's socket; by default that of the variable `LONGSHORE_RUNS_SERVER`, or where `longshore serve`
#'   listens.
#' @return an object of class `longshore_result`. `result[[1]]` and `result[["id"]]` are outputs as data frames, with
#'   the columns that [read.input()] describes; `$outputs` has all of them, `$record` is the run's record, `$log` what
#'   the script printed, `$message` its final message, `$run.id` the run's id.
#'
#'   `run.submit` returns at once, with a run that goes on: `run$result(timeout)` waits for its end, for so many seconds
#'   if they are given, and returns what `run.block` does; `run$done()` is whether it has ended, `run$cancel()` asks the
#'   script to end, `run$kill()` ends it at once. A run ends with its R session, and once nothing refers to it.
#' @section Errors: a condition of class `longshore_error` with the `kind` `"server"` if no host listens or it ends,
#'   `"request"` if the run cannot be made, `"timeout"` if `run$result(timeout)` has waited in vain, `"run"` if it does
#'   not succeed; the latter has the script's traceback, and
#'   the fields `run.id`, `record` and `log`. `"value"` and `"data"` are for arguments and tables that cannot be sent.
#' @examples
#' \dontrun{
#' result <- longshore::run.block("blocks/clusters", iris, clusters = 3)
#' head(result[["clustered"]])
#' run <- longshore::run.submit("blocks/clusters", longshore::table.path("a.csv", delimiter = ";"))
#' run$result(timeout = 60)
#' }
#' @export
run.block <- function(block, ..., inputs = list(), options = list(), outputs = NULL, engine = NULL, image = NULL,
                      network = NULL, mounts = NULL, arguments = NULL, environment = NULL, memory = NULL, cpus = NULL,
                      pids = NULL, timeout = NULL, as.of = NULL, constraints = NULL, chunk.rows = NULL, bad.rows = NULL,
                      partition = NULL, jobs = NULL, keep.going = FALSE, allowed = NULL, keep = NULL, hashes = FALSE,
                      quiet = FALSE, socket = NULL) {
  sent <- submission.of(
    block, ..., inputs = inputs, options = options, outputs = outputs, engine = engine, image = image,
    network = network, mounts = mounts, arguments = arguments, environment = environment, memory = memory,
    cpus = cpus, pids = pids, timeout = timeout, as.of = as.of, constraints = constraints, chunk.rows = chunk.rows,
    bad.rows = bad.rows, partition = partition, jobs = jobs, keep.going = keep.going, allowed = allowed, keep = keep,
    hashes = hashes
  )
  story <- started(sent, socket)
  follow(story, showing(quiet), interrupt.cancels = TRUE)
}

#' @rdname run.block
#' @export
run.submit <- function(block, ..., socket = NULL) {
  story <- started(submission.of(block, ...), socket)
  run <- list(
    result = function(timeout = NULL) follow(story, showing(TRUE), timeout),
    done = function() unwrap(native$caller_done(story$called)),
    cancel = function() invisible(unwrap(native$caller_cancel(story$called, FALSE))),
    kill = function() invisible(unwrap(native$caller_cancel(story$called, TRUE)))
  )
  structure(run, class = "longshore_run")
}

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

# Starts a run, and keeps what is known of it: its story.
started <- function(sent, socket) {
  story <- new.env(parent = emptyenv())
  story$called <- unwrap(native$caller_start(server.socket(socket), sent$submission, sent$positions, sent$tables))
  story$tables <- list()
  story$log <- character()
  story$errors <- character()
  story$interrupts <- 0L
  story
}

tail.names <- function(inputs, count) names(inputs)[seq_along(inputs) > count]

# Waits for the end of a run, and returns its result. Where interrupts cancel it, a second one kills it, a third one
# leaves a host that does not answer, and however this is left, the run ends.
follow <- function(story, shown, timeout = NULL, interrupt.cancels = FALSE) {
  on.exit(if (interrupt.cancels && is.null(story$end)) native$caller_cancel(story$called, FALSE))
  deadline <- if (is.null(timeout)) Inf else as.double(Sys.time()) + timeout
  while (is.null(story$end)) {
    seconds <- max(0, min(deadline - as.double(Sys.time()), 1e9))
    happened <- unwrap(native$caller_next(story$called, seconds, how()))
    if (identical(happened[[1L]], "nothing")) {
      if (is.finite(deadline)) fail("timeout", paste("the run has not ended within", timeout, "seconds"))
    } else if (identical(happened[[1L]], "waiting")) {
      if (!interrupt.cancels) interrupt()
      interrupted.again(story)
    } else {
      hear(story, happened, shown)
    }
  }
  if (interrupt.cancels && story$interrupts > 0L) interrupt()
  story$end()
}

# A further interrupt of a run that ends with it.
interrupted.again <- function(story) {
  story$interrupts <- story$interrupts + 1L
  if (story$interrupts > 2L) fail("server", "the host does not answer: the outcome of the run is unknown")
  unwrap(native$caller_cancel(story$called, story$interrupts > 1L))
}

# Adds what happened to the story. `end` returns the result, or raises.
hear <- function(story, happened, shown) {
  switch(if (is.null(happened)) "end" else happened[[1L]],
    event = shown(happened[[2L]]),
    log = {
      story$log <- c(story$log, happened[[3L]])
      if (happened[[2L]]) story$errors <- c(story$errors, happened[[3L]])
      shown(list(event = "log", text = happened[[3L]]))
    },
    dropped = {
      story$log <- c(story$log, paste("...", happened[[2L]], "events and pieces of the log are left out ...\n"))
    },
    other = story$tables <- c(story$tables, list(happened[-1L])),
    rejected = story$end <- function() {
      fail("request", paste(happened[[2L]], collapse = "\n"), help = happened[[3L]])
    },
    record = {
      result <- tryCatch(
        conclude.run(
          happened[[2L]], paste(story$log, collapse = ""), paste(story$errors, collapse = ""), story$tables
        ),
        longshore_error = identity
      )
      story$end <- function() if (inherits(result, "longshore_error")) stop(result) else result
    },
    end = fail("server", "the host ended before the run: its outcome is unknown")
  )
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

#' @export
print.longshore_run <- function(x, ...) {
  cat("<longshore run, ", if (x$done()) "ended" else "going on", ">\n", sep = "")
  invisible(x)
}
