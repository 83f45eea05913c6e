#' Run a chain of blocks
#'
#' Runs blocks whose tables pass from one to the next in memory, each in a container of its own, through the resident
#' host that `longshore serve` starts. Nothing is returned or written unless all steps succeed. What scripts print is
#' printed as it comes. An interrupt cancels the chain.
#'
#' @param steps a list of blocks: paths of folders or scripts, or what `chain.step` makes of them. The first output of
#'   each passes to the first input of the next.
#' @param connect the connections instead, such as `c("split:0=left", "split:1=right", "left=join:0")`, as the command
#'   has them: a step with an output, by its id or its number from 0, and a step with an input, by its name or its
#'   number from 0; both are 0 if they are left out.
#' @param ... of `run.chain`: arguments of [run.block()] for all steps, such as `engine` and `memory`; those of a step
#'   itself precede. Of `chain.step`: inputs that come from outside of the chain, and options and other arguments as of
#'   [run.block()]. `NULL` leaves an input out, such as one that another step's table passes to.
#' @param quiet whether to show nothing.
#' @param socket the host's socket, as of [run.block()].
#' @param block the path of a block's folder or of a script.
#' @param name the step's name, by which connections and results call it; by default that of its block.
#' @return an object of class `longshore_result`, as of [run.block()], with the outputs of the last step; `$steps` is a
#'   list of the results of all steps, by their names. `chain.submit` returns at once, with a run as of [run.submit()].
#' @section Errors: as of [run.block()]; those of a step name it.
#' @examples
#' \dontrun{
#' chain <- list(longshore::chain.step("clean.py", iris), "total.R", longshore::chain.step("report.py", top = 3))
#' result <- longshore::run.chain(chain)
#' head(result[[1]])
#' result$steps$total$log
#' }
#' @export
run.chain <- function(steps, connect = NULL, ..., quiet = FALSE, socket = NULL) {
  follow(chain.story(steps, connect, list(...), socket), showing(quiet), interrupt.cancels = TRUE)
}

#' @rdname run.chain
#' @export
chain.submit <- function(steps, connect = NULL, ..., socket = NULL) {
  running(chain.story(steps, connect, list(...), socket))
}

#' @rdname run.chain
#' @export
chain.step <- function(block, ..., name = NULL) {
  if (!is.null(name) && !(is.character(name) && length(name) == 1L && !is.na(name))) {
    fail("value", "the name of a step is one text")
  }
  structure(list(name = name, given = list(one.path(block), ...)), class = "longshore_step")
}

# What a step has for itself alone.
of.one.step <- c("block", "...", "inputs", "options", "outputs")

# Starts a chain.
chain.story <- function(steps, connect, settings, socket) {
  if (!is.list(steps)) steps <- as.list(steps)
  common <- setdiff(names(formals(submission.of)), of.one.step)
  unknown <- if (is.null(names(settings))) settings else setdiff(names(settings), common)
  if (length(unknown)) {
    fail("value", paste0(
      "settings of all steps have names (", paste(common, collapse = ", "), "); what else a step has is given to ",
      "`chain.step`"
    ))
  }
  steps <- lapply(steps, function(step) if (inherits(step, "longshore_step")) step else chain.step(step))
  sent <- lapply(steps, function(step) {
    do.call(submission.of, c(step$given, settings[setdiff(names(settings), names(step$given))]))
  })
  runs <- vapply(seq_along(steps), function(index) {
    name <- steps[[index]]$name
    paste0("{", if (!is.null(name)) paste0("\"name\":", json(name), ","), "\"run\":", sent[[index]]$submission, "}")
  }, "")
  connections <- if (is.null(connect)) in.a.row(length(steps)) else lapply(connect, connection.of)
  text <- paste0("{\"steps\":[", paste(runs, collapse = ","), "],\"connections\":", json(connections), "}")
  story.of(native$caller_chain(
    server.socket(socket), text, rep(seq_along(sent) - 1L, lengths(lapply(sent, `[[`, "tables"))),
    as.integer(unlist(lapply(sent, `[[`, "positions"))), as.list(do.call(c, lapply(sent, `[[`, "tables")))
  ))
}

in.a.row <- function(count) {
  lapply(seq_len(max(count - 1L, 0L)), function(to) list(from = to - 1L, output = 0L, to = to, input = 0L))
}

# Reads `STEP[:OUTPUT]=STEP[:INPUT]`.
connection.of <- function(text) {
  ends <- if (is.character(text) && length(text) == 1L) strsplit(text, "=", fixed = TRUE)[[1L]]
  if (length(ends) != 2L) fail("value", paste0("a connection is a text STEP[:OUTPUT]=STEP[:INPUT], not ", json(text)))
  from <- chain.end(ends[1L])
  to <- chain.end(ends[2L])
  list(from = from[[1L]], output = from[[2L]], to = to[[1L]], input = to[[2L]])
}

chain.end <- function(text) {
  text <- trimws(text)
  name <- sub(":.*", "", text)
  place <- substring(text, nchar(name) + 2L)
  list(name, if (!nzchar(place)) 0L else if (grepl("^[0-9]{1,9}$", place)) as.integer(place) else place)
}

# The result of a chain: that of its last step, with those of all.
chain.result <- function(record, log, tables) {
  lines <- strsplit(log, "(?<=\n)", perl = TRUE)[[1L]]
  of <- vapply(tables, function(table) table[[3L]], 0)
  steps <- lapply(seq_along(record$steps), function(index) {
    step <- record$steps[[index]]
    begin <- paste0("[", step$name, "] ")
    own <- lines[startsWith(lines, begin)]
    run.result(step, paste(substring(own, nchar(begin) + 1L), collapse = ""), tables[of == index - 1])
  })
  names(steps) <- vapply(record$steps, function(step) step$name, "")
  whole <- unclass(steps[[length(steps)]])
  whole[c("record", "log", "run.id")] <- list(record, log, record$run_id)
  whole["message"] <- list(record$message)
  whole$steps <- steps
  structure(whole, class = "longshore_result")
}
