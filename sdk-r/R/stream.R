#' Transform a stream
#'
#' For blocks with `mode = "stream"`: calls a function with each chunk of the input, in order, until the input ends, and
#' appends the returned table to the output. An input without rows is one empty data frame. The first returned table
#' sets names and types; later ones are converted if this loses nothing.
#'
#' @param api the run, as [longshore.api()] returns it.
#' @param fn takes a data frame of at most the run's chunk size (default: 65,536 rows), and returns a table with any
#'   number of rows, in any form that [write.output.records()] accepts.
#' @return nothing.
#' @section Errors: a condition of class `longshore_error` with the `kind` `"mode"` if the block runs in the mode
#'   `batch` or the stream has been processed already, `"value"` if `fn` is not a function or returns `NULL` or another
#'   value that is not a table, `"input"` if the input cannot be read, `"output"` if a returned table differs from
#'   earlier ones (the message has the chunk, from 1), `"ended"` after [commit()] or [close()].
#' @examples
#' \dontrun{
#' process.stream(api, function(chunk) chunk[chunk$amount > 0, ])
#' }
#' @export
process.stream <- function(api, fn) {
  here(api)
  if (!is.function(fn)) {
    fail("value", paste0("process.stream takes a function, not ", class(fn)[1L]))
  }
  chunks <- unwrap(native$client_chunks(api$client))
  number <- 0L
  warned <- new.env(parent = emptyenv())
  while (!is.null(chunk <- data.frame.of(unwrap(native$chunks_next(chunks, how())), warned))) {
    number <- number + 1L
    made <- fn(chunk)
    if (is.null(made)) {
      fail("value", paste0(
        "the function given to process.stream returned NULL for chunk ", number,
        ": it must return a table, one without rows where there is nothing to write"
      ))
    }
    written <- append.table(api, made, NULL)
    if (inherits(written, "longshore_failure") && written$kind == "output") {
      written$message <- paste0("chunk ", number, ": ", written$message)
    }
    unwrap(written)
  }
  invisible()
}
