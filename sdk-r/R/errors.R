# Raises a condition of class longshore_error, once nothing of Rust's is alive. It carries the script's own call.
fail <- function(kind, message) {
  condition <- structure(
    class = c(paste0("longshore_error_", kind), "longshore_error", "error", "condition"),
    list(message = message, call = script.call(), kind = kind)
  )
  stop(condition)
}

# The value of a call into Rust, or the condition that it failed with.
unwrap <- function(value) {
  if (!inherits(value, "longshore_failure")) {
    return(value)
  }
  if (identical(value$kind, "interrupted")) {
    interrupt()
  }
  fail(value$kind, value$message)
}

# The call of this package that the script made, or nothing where there is none.
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

# An interrupt that a wait in Rust has taken becomes what it would have been.
interrupt <- function() {
  condition <- structure(class = c("interrupt", "condition"), list(message = "", call = NULL))
  signalCondition(condition)
  invokeRestart("abort")
}

# Tells the host of an error that ends the script, and shows where it was. R has printed the error itself by then.
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

# From the script's first call to the one that failed, or to the one into this package.
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
