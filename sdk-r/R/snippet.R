#' Run a snippet
#'
#' A snippet, the form of older blocks, has its inputs and outputs in variables. The first input is `input.data`, the
#' second `input.data.2`, and so on, with text as factors; an input without a connection has no variable. The values of
#' `output.data`, `output.data.2` and so on at the end are written. The host calls this function, with the snippet's
#' path and the numbers of the connected inputs, from 0, as the command's arguments. Those after `--` are the snippet's.
#'
#' @param arguments the command's arguments.
#' @return nothing.
#' @keywords internal
#' @export
run.snippet <- function(arguments = commandArgs(trailingOnly = TRUE)) {
  script <- arguments[1L]
  end <- match("--", arguments, nomatch = length(arguments) + 1L)
  show.arguments(arguments[seq_along(arguments) > end])
  api <- longshore.api()
  variables <- globalenv()
  for (number in as.integer(arguments[seq_len(end - 1L)][-1L])) {
    assign(numbered("input.data", number), with.factors(read.input.records(api, number + 1L)), envir = variables)
  }
  # An early end with success is an end. Found after the snippet's own variables, and before R's.
  leave <- function(save = "default", status = 0L, runLast = TRUE) {
    if (status == 0L) finish(api, variables)
    quit(save = "no", status = status, runLast = runLast)
  }
  attach(list(quit = leave, q = leave), name = "longshore:snippet", warn.conflicts = FALSE)
  withCallingHandlers(evaluate(script, variables), error = function(error) {
    # Whatever goes wrong in here, the script must not go on as if nothing had.
    on.exit(quit(save = "no", status = 1L, runLast = FALSE))
    tell(api, error, script, sys.calls())
  })
  finish(api, variables)
}

# Packages that read arguments call R's own function.
show.arguments <- function(own) {
  before <- commandArgs()
  before <- before[seq_len(match("--args", before, nomatch = length(before)))]
  shown <- function(trailingOnly = FALSE) if (trailingOnly) own else c(before, own)
  base <- baseenv()
  unlockBinding("commandArgs", base)
  assign("commandArgs", shown, envir = base)
  lockBinding("commandArgs", base)
}

finish <- function(api, variables) {
  for (number in snippet.outputs(variables)) write.snippet(api, numbered("output.data", number), number + 1L)
  commit(api)
}

write.snippet <- function(api, name, number) {
  data <- get(name, envir = globalenv(), inherits = FALSE)
  tryCatch(write.output.records(api, data, number), longshore_error_value = function(error) {
    fail("value", paste0(name, ": ", conditionMessage(error)))
  })
}

numbered <- function(start, number) if (number == 0L) start else paste0(start, ".", number + 1L)

with.factors <- function(table) {
  text <- vapply(table, is.character, NA)
  table[text] <- lapply(table[text], factor)
  table
}

# As in Rscript: evaluate one expression after the other, and print visible results.
evaluate <- function(script, variables) {
  # A byte order mark is no part of the snippet.
  connection <- file(script, encoding = "UTF-8-BOM")
  lines <- tryCatch(readLines(connection, warn = FALSE), finally = close(connection))
  expressions <- parse(text = lines, keep.source = TRUE, srcfile = srcfilecopy(script, lines), encoding = "UTF-8")
  for (.index in seq_along(expressions)) {
    state$line <- as.integer(attr(expressions, "srcref")[[.index]])[1L]
    state$call <- expressions[[.index]]
    .shown <- withVisible(eval(expressions[[.index]], variables))
    if (.shown$visible) print(.shown$value)
  }
}

# The numbers of the outputs, from 0, that have a variable.
snippet.outputs <- function(variables) {
  names <- ls(variables, pattern = "^output\\.data(\\.([2-9]|[1-9][0-9]+))?$")
  set <- vapply(names, function(name) !is.null(get(name, envir = variables, inherits = FALSE)), NA)
  numbers <- sub("^output\\.data\\.?", "", names[set])
  numbers[numbers == ""] <- "1"
  sort(as.integer(numbers)) - 1L
}

# Shows an error as R does, with the snippet's lines, and reports it to the host.
tell <- function(api, error, script, calls) {
  call <- conditionCall(error)
  driver <- quote(eval(expressions[[.index]], variables))
  start <- "Error: "
  if (!is.null(call) && !is.null(state$line) && !identical(call, driver)) {
    start <- paste0("Error in ", first.line(call), " : ")
  }
  message <- paste0(start, conditionMessage(error))
  cat(message, "\n", sep = "", file = stderr())
  show.lines(error, script, calls)
  native$client_uncaught(api$client, one.text(gsub("\\s*\n\\s*", " ", message)))
}

# The calls in the snippet, with their lines, from the outermost to the one that failed.
show.lines <- function(error, script, calls) {
  if (is.null(state$line)) {
    return(invisible())
  }
  references <- lapply(calls, attr, "srcref")
  ours <- vapply(references, function(reference) {
    !is.null(reference) && identical(attr(reference, "srcfile")$filename, script)
  }, NA)
  texts <- vapply(calls[ours], function(call) {
    # What R itself raises has the place of the call, and the condition has the call.
    raised <- identical(call[[1L]], quote(.handleSimpleError)) && !is.null(conditionCall(error))
    first.line(if (raised) conditionCall(error) else call)
  }, "")
  numbers <- vapply(references[ours], function(reference) as.integer(reference)[1L], 0L)
  lines <- sprintf("  %s:%d: %s", basename(script), c(state$line, numbers), c(first.line(state$call), texts))
  if (length(lines) > lines.max) {
    half <- lines.max %/% 2L
    lines <- c(utils::head(lines, half), "  ...", utils::tail(lines, half))
  }
  cat("Traceback, the latest call last:\n", paste0(lines, "\n"), sep = "", file = stderr())
}

# Maximum lines of a traceback: an endless recursion has thousands.
lines.max <- 40L

first.line <- function(call) deparse(call, nlines = 1L)[1L]
