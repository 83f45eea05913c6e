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
  running(started(submission.of(block, ...), socket))
}

# A run that goes on.
running <- function(story) {
  run <- list(
    result = function(timeout = NULL) follow(story, showing(TRUE), timeout),
    done = function() unwrap(native$caller_done(story$called)),
    cancel = function() invisible(unwrap(native$caller_cancel(story$called, FALSE))),
    kill = function() invisible(unwrap(native$caller_cancel(story$called, TRUE)))
  )
  structure(run, class = "longshore_run")
}

# Starts a run, and keeps what is known of it: its story.
started <- function(sent, socket) {
  story.of(native$caller_start(server.socket(socket), sent$submission, sent$positions, sent$tables))
}

story.of <- function(called) {
  story <- new.env(parent = emptyenv())
  story$called <- unwrap(called)
  story$tables <- list()
  story$log <- character()
  story$errors <- character()
  story$interrupts <- 0L
  story
}

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
print.longshore_run <- function(x, ...) {
  cat("<longshore run, ", if (x$done()) "ended" else "going on", ">\n", sep = "")
  invisible(x)
}
