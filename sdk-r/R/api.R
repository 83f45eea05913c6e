# The run's state. There is one per script; a package cannot be attached twice.
state <- new.env(parent = emptyenv())
state$api <- NULL

#' The script's run
#'
#' Connects to the script's run, once per script. The returned object gives access to inputs, options and outputs;
#' [close()] ends the run with success.
#'
#' Dry runs: if the environment variable `LONGSHORE_DRY_RUN` names a folder, as `longshore dry-run` sets one up, a
#' script started by hand reads its inputs and options from there, and writes its outputs there (`output-0.parquet`,
#' numbered from 0, or by their ids) when it succeeds. A dry run allows a new api after a final call, and in an
#' interactive session at any time; unfinished outputs are discarded.
#'
#' @return an object of class `longshore_api`, the first argument of every other function of this package.
#' @section Errors: a condition of class `longshore_error` with the `kind` `"not_in_run"` if the script was not started
#'   by Longshore, `"exists"` if the script has an api already, `"connection"` if the host cannot be reached,
#'   `"dry_run"` if the folder of a dry run cannot be used.
#' @examples
#' \dontrun{
#' library(longshore)
#' api <- longshore.api()
#' table <- read.input.records(api)
#' table$total <- table$price * table$amount
#' write.output.records(api, table)
#' close(api)
#' }
#' @export
longshore.api <- function() {
  if (!is.null(state$api) && !gives.way(state$api)) {
    fail("exists", "cannot create a second api: use the object that the first `longshore.api()` returned")
  }
  client <- unwrap(native$client_connect(Sys.getenv("LONGSHORE_SOCKET"), Sys.getenv("LONGSHORE_DRY_RUN")))
  facts <- unwrap(native$client_facts(client))
  api <- structure(
    list(client = client, facts = facts, process = Sys.getpid(), unknown = new.env(parent = emptyenv())),
    class = "longshore_api"
  )
  state$api <- api
  report.uncaught(api)
  reg.finalizer(state, function(state) native$client_end(client), onexit = TRUE)
  api
}

# Whether a new api may replace this one: in a dry run that has ended, or whose code is run piece by piece.
gives.way <- function(api) {
  (interactive() || native$client_concluded(api$client)) && native$client_replace_dry_run(api$client)
}

#' @export
print.longshore_api <- function(x, ...) {
  cat("<longshore api of '", x$facts$block_name, "', run ", x$facts$run_id, ">\n", sep = "")
  invisible(x)
}

#' Properties of the run
#'
#' @param api the run, as [longshore.api()] returns it.
#' @return `is.docker`: whether the script runs in a container; the others: one string each.
#' @name facts
NULL

#' @rdname facts
#' @export
is.docker <- function(api) check(api)$facts$container

#' @rdname facts
#' @export
file.name <- function(api) check(api)$facts$file_name

#' @rdname facts
#' @export
run.id <- function(api) check(api)$facts$run_id

#' @rdname facts
#' @export
block.name <- function(api) check(api)$facts$block_name

#' Options of the block
#'
#' @param api the run, as [longshore.api()] returns it.
#' @param name the option's name.
#' @return `get.option`: the option's value. Text, password, choice, file and field are one string, fields are a
#'   character vector, integer and double are one number, boolean is one logical. An unset option is `NULL`, an unset
#'   boolean `FALSE`. An unknown name gives `NULL` and one warning. `get.options`: all options, as a named list.
#' @export
get.option <- function(api, name) {
  check(api)
  if (!is.character(name) || length(name) != 1L || is.na(name)) {
    fail("value", "an option's name must be one string")
  }
  options <- api$facts$options
  if (!(name %in% names(options)) && !exists(name, envir = api$unknown, inherits = FALSE)) {
    assign(name, TRUE, envir = api$unknown)
    known <- if (length(options)) paste(names(options), collapse = ", ") else "none"
    warning("the block has no option '", name, "' (it has: ", known, ")", call. = FALSE)
  }
  options[[name, exact = TRUE]]
}

#' @rdname get.option
#' @export
get.options <- function(api) check(api)$facts$options

#' Messages and progress
#'
#' Messages and progress are shown while the script runs. If many are sent in a short time, only the latest is shown, so
#' frequent calls are cheap. They do not change the outcome of the run.
#'
#' @param api,object the run, as [longshore.api()] returns it.
#' @param text,message one string.
#' @param ... not used.
#' @param fraction the progress, from 0 to 1.
#' @return nothing.
#' @section Errors: a condition of class `longshore_error` with the `kind` `"value"` if the fraction is not a
#'   finite number, `"connection"` if the host is gone.
#' @name messages
NULL

#' @rdname messages
#' @export
updateMessage <- function(api, text) {
  # Scripts call it in every turn of a loop, so it does nothing that it need not; to end with an assignment is the
  # quickest way to print nothing.
  shown <- if (is.null(.Call(message.routine, api, text))) NULL else show.message(api, text)
}

show.message <- function(api, text) {
  client <- here(api)$client
  text <- if (is.character(text) && length(text) == 1L) text else one.text(text)
  invisible(unwrap(native$client_message(client, text)))
}

#' @rdname messages
#' @export
updateProgress <- function(api, fraction, text = NULL) {
  here(api)
  if (!is.numeric(fraction) || length(fraction) != 1L) {
    fail("value", "progress must be one number from 0 to 1")
  }
  text <- if (!is.null(text)) one.text(text)
  invisible(unwrap(native$client_progress(api$client, as.double(fraction), text)))
}

# R treats these two as methods of `update`, which must have its arguments; `api` is accepted as a name too.

#' @rdname messages
#' @usage update.message(object, text, ..., api = object)
#' @rawNamespace export(update.message)
update.message <- function(object, text, ..., api = object) {
  shown <- if (missing(text)) {
    show.message(api, object)
  } else if (!is.null(.Call(message.routine, api, text))) {
    show.message(api, text)
  }
}

#' @rdname messages
#' @usage update.progress(object, fraction, text = NULL, ..., api = object)
#' @rawNamespace export(update.progress)
update.progress <- function(object, fraction, text = NULL, ..., api = object) {
  updateProgress(api, if (missing(fraction)) object else fraction, text)
}

#' @rdname messages
#' @export
report.error <- function(api, message) {
  invisible(unwrap(native$client_error(here(api)$client, one.text(message))))
}

#' Final calls
#'
#' The first final call decides the outcome; later ones have no effect. `commit` and `close` end the run with success,
#' and nothing can be read or written after them. `cancel` ends the run as cancelled and discards its outputs. After
#' these calls the script continues. `abort` fails the run with a message and ends the script at once, even inside
#' `tryCatch`.
#'
#' @param api,con the run, as [longshore.api()] returns it.
#' @param message a message to show, or `NULL`.
#' @param ... not used.
#' @return nothing.
#' @export
commit <- function(api, message = NULL) conclude(api, "commit", message)

#' @rdname commit
#' @export
close.longshore_api <- function(con, message = NULL, ...) conclude(con, "close", message)

#' @rdname commit
#' @export
cancel <- function(api, message = NULL) conclude(api, "cancel", message)

#' @rdname commit
#' @export
abort <- function(api, message = NULL) {
  conclude(api, "abort", message)
  quit(save = "no", status = 1L, runLast = FALSE)
}

conclude <- function(api, word, message) {
  here(api)
  message <- if (!is.null(message)) one.text(message)
  invisible(unwrap(native$client_conclude(api$client, word, message)))
}

check <- function(api) {
  if (!inherits(api, "longshore_api")) {
    fail("value", "the first argument must be the run, as longshore.api() returns it")
  }
  api
}

# A forked process shares the connection and must not use it.
here <- function(api) {
  if (check(api)$process != Sys.getpid()) {
    fail("value", "an api works only in the process that made it: return results there, and write them")
  }
  api
}

one.text <- function(text) {
  text <- enc2utf8(paste(as.character(text), collapse = " "))
  if (!validUTF8(text)) iconv(text, "UTF-8", "UTF-8", sub = "byte") else text
}
