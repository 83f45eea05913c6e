#' Transform a stream
#'
#' For blocks with `mode = "stream"`: calls a function with each chunk of the input, in order, until it ends, and
#' appends what it returns to the output. An input without rows is one empty data frame. The first table that is
#' returned fixes names and types; later ones are converted where nothing is lost.
#'
#' @param api the run, as [longshore.api()] returns it.
#' @param fn takes a data frame of at most the run's chunk size, 65,536 rows unless asked otherwise, and returns a table
#'   of any number of rows, in any form that [write.output.records()] takes.
#' @return nothing.
#' @section Errors: a condition of class `longshore_error` with the `kind` `"mode"` if the block runs in the mode
#'   `batch` or the stream has passed already, `"value"` if `fn` is no function or returns `NULL` or anything else that
#'   is no table, `"input"` if the input cannot be read, `"output"` if what is returned differs from what was returned
#'   before (it names the chunk, from 1), `"ended"` after [commit()] or [close()].
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
