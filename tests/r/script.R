library(longshore)
source("tables.R")

api <- longshore.api()
torture <- get.option(api, "torture")
part <- get.option(api, "part")
invisible(loadNamespace("bit64"))
written <- written.table()
expected <- read.back(written)
update.message(api, part)
update.progress(api, 0.5)

# Garbage is collected at every allocation of the compiled part; what R does itself is R's.
if (torture) {
  compiled <- asNamespace("longshore")$native
  for (name in ls(compiled)) {
    local({
      routine <- compiled[[name]]
      assign(name, function(...) {
        gctorture(torture)
        on.exit(gctorture(FALSE))
        routine(...)
      }, envir = compiled)
    })
  }
}

if (part == "write") {
  write.output.records(api, written, "table")
  # Again, from views and in another order of columns.
  write.output.records(api, rev(written))
  failure <- tryCatch(write.output.records(api, 1), longshore_error = function(error) error$kind)
  message <- tryCatch(get.option(api, "nothing"), warning = conditionMessage)
  stopifnot(identical(failure, "value"), grepl("no option 'nothing'", message))
} else {
  read <- read.input.records(api)
  # What is read is looked at while garbage is collected: each element of text is made here.
  gctorture(torture)
  texts <- read$text[1:4]
  gctorture(FALSE)
  same <- vapply(names(expected), function(name) identical(read[[name]][1:4], expected[[name]]), NA)
  read$double[2] <- 7
  read$text[1] <- "changed"
  # A view is written as it is, and a column that was changed as it became.
  write.output.records(api, read[c("double", "text", "integer", "vectors", "structures")])
  batches <- read.input(api, as = "batches")
  rows <- 0
  while (!is.null(batch <- batches())) rows <- rows + nrow(batch)
  nothing <- read.input.records(api, 2)
  # The stream that the packages arrow and nanoarrow are given, taken back as from them.
  native <- asNamespace("longshore")$native
  stream <- structure(native$stream_allocate(), class = "nanoarrow_array_stream")
  connected <- native$client_read_stream(api$client, 0L, stream)
  write.output.records(api, stream, "streamed")
  used <- tryCatch(write.output.records(api, stream, "streamed"), longshore_error = conditionMessage)
  torture <- FALSE
  kept <- read.input.records(api)$double
  gc()
  sum <- sum(kept, na.rm = TRUE)
  stopifnot(identical(texts, expected$text), connected, grepl("already released", used))
  stopifnot(rows == 8, is.null(nothing), sum == 2 * sum(expected$double, na.rm = TRUE))
  stopifnot(identical(names(read), names(expected)), nrow(read) == 8)
  if (!all(same)) {
    name <- names(same)[!same][1]
    stop(name, " came back as ", deparse(read[[name]][1:4]), ", not as ", deparse(expected[[name]]))
  }
  options(longshore.views = FALSE)
  plain <- read.input.records(api)
  stopifnot(identical(plain[1:4, ], read.input.records(api)[1:4, ]))
}
close(api, paste(part, "done"))
