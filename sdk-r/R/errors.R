# Raises a condition of class longshore_error, after all Rust values are dropped. It has the script's call.
fail <- function(kind, message, ...) {
  condition <- structure(
    class = c(paste0("longshore_error_", kind), "longshore_error", "error", "condition"),
    list(message = message, call = script.call(), kind = kind, ...)
  )
  stop(condition)
}

# The value of a call into Rust, or its error as a condition.
unwrap <- function(value) {
  if (!inherits(value, "longshore_failure")) {
    return(value)
  }
  if (identical(value$kind, "interrupted")) {
    interrupt()
  }
  fail(value$kind, value$message)
}

# The script's call of this package, or NULL.
script.call <- function() {
  here <- environment(fail)
  for (index in seq_len(sys.nframe())) {
    called <- sys.function(index)
    if (identical(environment(called), here)) {
      return(sys.call(index))
    }
  }
  NULL
}

# Raises an interrupt that was caught during a wait in Rust.
interrupt <- function() {
  condition <- structure(class = c("interrupt", "condition"), list(message = "", call = NULL))
  signalCondition(condition)
  invokeRestart("abort")
}

# Reports an uncaught error to the host, and prints its location. R has already printed the error.
report.uncaught <- function(api) {
  previous <- getOption("error")
  options(error = function() {
    if (Sys.getpid() == api$process) {
      message <- sub("\nCalls: [^\n]*\\s*$", "", geterrmessage())
      message <- gsub("\\s*\n\\s*", " ", sub("\\s+$", "", message))
      calls <- sys.calls()
      functions <- lapply(seq_len(sys.nframe()), sys.function)
      # An error in here would let the script go on. Where the host is gone, what was printed is all there is to give.
      try({
        native$client_uncaught(api$client, one.text(message))
        show.traceback(calls, functions)
      }, silent = TRUE)
    }
    if (is.null(previous)) {
      quit(save = "no", status = 1L, runLast = FALSE)
    }
    if (is.function(previous)) previous() else eval(previous, globalenv())
  })
}

# The calls from the script's first to the one that failed, or to the one into this package.
show.traceback <- function(calls, functions) {
  ours <- vapply(functions, function(called) identical(environment(called), environment(fail)), NA)
  # The last is the handler itself.
  shown <- calls[seq_len(min(which(ours), length(calls) - 1L))]
  raised <- vapply(shown, function(call) deparse(call[[1L]], nlines = 1L)[1L], "")
  shown <- shown[!(raised %in% c("stop", ".handleSimpleError", "h"))]
  if (length(shown) < 2L) {
    return(invisible())
  }
  lines <- vapply(shown, function(call) deparse(call, nlines = 1L)[1L], "")
  cat("Traceback, the latest call last:\n", file = stderr())
  cat(sprintf("  %d: %s\n", seq_along(lines), lines), sep = "", file = stderr())
}
