# Runs blocks as an R program does: Rscript callers.R FOLDER, with the host's socket in LONGSHORE_RUNS_SERVER. Prints
# `done` at the end; whatever is wrong before stops it.

library(longshore)

folder <- commandArgs(TRUE)[1L]
script <- function(name, ...) {
  path <- file.path(folder, name)
  writeLines(c(...), path)
  path
}
run <- function(...) run.block(..., engine = "process", quiet = TRUE)
failing <- function(...) tryCatch(run(...), longshore_error = identity)

echo <- script(
  "echo.R", "library(longshore)", "api <- longshore.api()", "number <- 1",
  "while (!is.null(table <- read.input(api, number))) {", "  write.output.records(api, table, number)",
  "  number <- number + 1", "}", "cat('\u00f6 printed\\n')", "close(api, 'back')"
)
table <- data.frame(
  n = c(1L, NA, 3L), x = c(0.1, NaN, -Inf), word = c("a", NA, "\u00f6"), yes = c(TRUE, NA, FALSE),
  day = as.Date(c("2024-01-31", NA, "1969-12-31")),
  at = as.POSIXct(c("2024-01-31 12:00:00", NA, "1969-12-31 00:00:01"), tz = "UTC")
)
table$several <- list(1:2, NULL, 3L)

# Tables of each form go there and come back.
path <- file.path(folder, "table.csv")
write.csv(data.frame(n = 1:4), path, row.names = FALSE)
result <- run(echo, table, iris, path, matrix(1:4, 2, dimnames = list(NULL, c("a", "b"))), list(k = letters))
stopifnot(length(result$outputs) == 5L, identical(result$message, "back"), grepl("\u00f6 printed", result$log))
back <- result[[1L]]
for (name in setdiff(names(table), "several")) stopifnot(identical(back[[name]], table[[name]]))
stopifnot(identical(unclass(back$several)[[1L]], 1:2), is.null(unclass(back$several)[[2L]]))
stopifnot(all.equal(result[[2L]]$Sepal.Length, iris$Sepal.Length), nrow(result[[3L]]) == 4L)
stopifnot(identical(result[[5L]]$k, letters), identical(result$run.id, result$record$run_id))
stopifnot(grepl("5 rows|4 rows", paste(capture.output(print(result)), collapse = "")))

# Generated numbers and texts, some of them large.
set.seed(1)
for (rows in c(0L, 1L, 1000L, 200000L)) {
  generated <- data.frame(
    x = rnorm(rows), n = sample.int(.Machine$integer.max, rows),
    word = vapply(seq_len(rows), function(row) paste0("w", row %% 97L), "")
  )
  back <- run(echo, generated)[[1L]]
  stopifnot(identical(as.double(back$x), generated$x), identical(as.integer(back$n), generated$n))
  stopifnot(identical(as.character(back$word), generated$word))
}

# Options, named inputs, outputs with ids and as files.
block <- file.path(folder, "block")
dir.create(block)
writeLines(c(
  "name = \"Options\"", "language = \"r\"", "script = \"s.R\"",
  sprintf(
    "[[options]]\nname = \"%s\"\nkind = \"%s\"",
    c("k", "rate", "on", "words"), c("integer", "double", "boolean", "fields")
  ),
  "[[inputs]]\nname = \"sales\"", "[[outputs]]\nid = \"first\"", "[[outputs]]\nid = \"second\""
), file.path(block, "block.toml"))
writeLines(c(
  "library(longshore)", "api <- longshore.api()", "options <- get.options(api)",
  "cat(options$k, options$rate, options$on, options$words, commandArgs(TRUE), Sys.getenv('A'), '\\n')",
  "for (id in c('first', 'second')) write.output.records(api, read.input(api, 'sales'), id)"
), file.path(block, "s.R"))
target <- file.path(folder, "second.csv")
result <- run(
  block, k = 3, rate = 0.5, on = TRUE, words = c("n", "x"), inputs = list(sales = table[c("n", "x")]),
  outputs = list(second = target), arguments = "--fast", environment = c(A = "b"), memory = 2^30
)
stopifnot(identical(result$log, "3 0.5 TRUE n x --fast b \n"), identical(names(result$outputs), "first"))
stopifnot(nrow(result[["first"]]) == 3L, file.exists(target), result$record$limits$memory_bytes == 2^30)
missing <- tryCatch(result[["third"]], longshore_error = identity)
stopifnot(missing$kind == "value", grepl("it returned: first", conditionMessage(missing)))

# Files with formats and options, parts of a table, and what else a run may be given.
odd <- file.path(folder, "odd.txt")
writeLines(c("sum of sales", "region;amount;note", "north;1,5;x", "south;n/a;y"), odd)
sales <- table.path(
  odd, format = "csv", delimiter = ";", decimal = ",", skip = 1, missing = "n/a", types = c(note = "text")
)
target <- table.path(file.path(folder, "odd.out"), format = "csv", delimiter = "|", columns = NULL)
result <- run(echo, sales, sales, outputs = target, hashes = TRUE, pids = 100, keep = file.path(folder, "kept"))
stopifnot(identical(result[[2L]]$amount, c(1.5, NA)), dir.exists(file.path(folder, "kept")))
stopifnot(identical(readLines(file.path(folder, "odd.out"), n = 2L), c("region|amount|note", "north|1.5|x")))
stopifnot(nzchar(result$record$code_hash), result$record$limits$pids == 100)
totals <- script(
  "totals.R", "library(longshore)", "api <- longshore.api()", "table <- read.input(api)",
  "if (table$region[1] == 'west') stop('no west')",
  "write.output.records(api, data.frame(region = table$region[1], amount = sum(table$amount)))"
)
regions <- data.frame(region = c("north", "south", "north"), amount = c(1, 2, 3))
parts <- run(totals, regions, partition = "region", jobs = 2)[[1L]]
stopifnot(identical(as.character(parts$region), c("north", "south")), identical(as.double(parts$amount), c(4, 2)))
regions$region[2L] <- "west"
failed <- failing(totals, regions, partition = "region", keep.going = TRUE, outputs = file.path(folder, "some.csv"))
stopifnot(failed$kind == "run", identical(readLines(file.path(folder, "some.csv")), c("region,amount", "north,4.0")))
bad <- file.path(folder, "bad.csv")
writeLines(c("n,word", "1,a", "2", "3,c"), bad)
stopifnot(nrow(run(echo, bad, bad.rows = "skip")[[1L]]) == 2L)
for (wrong in list(
  failing(echo, chunk.rows = 0), failing(echo, jobs = 2), failing(echo, pids = "many"),
  tryCatch(table.path("a", ";"), longshore_error = identity)
)) {
  stopifnot(wrong$kind == "value")
}
unknown <- failing(echo, table.path(bad, delimeter = ";"))
stopifnot(unknown$kind == "request", grepl("unknown field `delimeter`", conditionMessage(unknown), fixed = TRUE))

# An argument reaches every key that a submission can have, but open files, and blocks that are sent along.
keys <- function(text) unique(unlist(regmatches(text, gregexpr("\"[a-z_]+\":", text))))
vectors <- readLines(commandArgs(TRUE)[2L])
messages <- grep("^message = .*\"type\":\"submit\"", vectors, value = TRUE)
known <- keys(messages[!grepl("priority", messages, fixed = TRUE)])
sent <- longshore:::submission.of(
  "b", table.path("x", format = "csv", delimiter = ";"), data.frame(n = 1), inputs = list(named = table.path("y")),
  options = list(k = 1), outputs = list(table.path("z", format = "csv", delimiter = ";")), engine = "docker",
  image = "i", network = "bridge", mounts = "/data:rw", arguments = "-a", environment = c(A = "b"), memory = 2^30,
  cpus = 1.5, pids = 64, timeout = 60, as.of = as.Date("2023-06-01"), constraints = "numpy<2", chunk.rows = 10,
  bad.rows = "skip", partition = "region", jobs = 2, keep.going = TRUE, allowed = "/data", keep = "kept", hashes = TRUE
)
left <- setdiff(known, keys(sent$submission))
own <- c("type", "open", "recorded", "text", "files", "name", "script")
stopifnot(length(known) > 30L, setequal(left, paste0("\"", own, "\":")))
stopifnot(setequal(
  names(formals(run.block)), c(names(formals(longshore:::submission.of)), "quiet", "socket")
))

# Runs that go on.
waiting <- script("waiting.R", "cat('on its way\\n')", "flush(stdout())", "Sys.sleep(600)")
one <- run.submit(waiting, engine = "process")
two <- run.submit(echo, iris, engine = "process")
stopifnot(nrow(two$result(timeout = 120)[[1L]]) == 150L, two$done(), identical(two$result()$message, "back"))
late <- tryCatch(one$result(timeout = 0.2), longshore_error = identity)
stopifnot(late$kind == "timeout", !one$done(), grepl("going on", capture.output(print(one))))
one$cancel()
ended <- tryCatch(one$result(timeout = 120), longshore_error = identity)
stopifnot(ended$kind == "run", ended$record$outcome == "interrupted", one$done())
again <- tryCatch(one$result(), longshore_error = identity)
stopifnot(identical(conditionMessage(again), conditionMessage(ended)))
# One that nothing refers to ends.
gone <- run.submit(waiting, engine = "process", arguments = "--gone")
rm(gone)
invisible(gc())

# Errors.
broken <- failing(script(
  "broken.R", "longshore::longshore.api()", "f <- function() stop(\"no price\")", "g <- function() f()", "g()"
))
stopifnot(broken$kind == "run", grepl("no price", conditionMessage(broken)))
stopifnot(grepl("Traceback, the latest call last", conditionMessage(broken), fixed = TRUE))
stopifnot(nzchar(broken$run.id), broken$record$outcome == "failed", grepl(broken$run.id, conditionMessage(broken)))
python <- failing(script("broken.py", "raise ValueError('no price')"))
stopifnot(python$kind == "run", grepl("Traceback (most recent call last)", conditionMessage(python), fixed = TRUE))
refused <- failing(file.path(folder, "nothing.R"))
stopifnot(refused$kind == "request", grepl("does not exist", conditionMessage(refused)))
gone <- tryCatch(run.block(echo, socket = file.path(folder, "no.sock")), longshore_error = identity)
stopifnot(gone$kind == "server", grepl("`longshore serve`", conditionMessage(gone), fixed = TRUE))
for (wrong in list(failing(echo, sum), failing(echo, k = list(1)), failing(3))) stopifnot(wrong$kind == "value")

# An interrupt cancels the run, and R goes on.
slow <- script("slow.R", "cat('on its way\\n')", "Sys.sleep(600)")
pid <- Sys.getpid()
system(paste0("(sleep 3; kill -INT ", pid, ") >/dev/null 2>&1 &"))
before <- Sys.time()
ended <- tryCatch(run(slow), interrupt = function(condition) "interrupted")
stopifnot(identical(ended, "interrupted"), difftime(Sys.time(), before, units = "secs") < 120)

# A host that does not answer is an error within seconds, and an interrupt ends the wait before.
silent <- commandArgs(TRUE)[3L]
hanging <- tryCatch(run.block(slow, socket = silent), longshore_error = identity)
stopifnot(hanging$kind == "server", grepl("the host does not answer", conditionMessage(hanging), fixed = TRUE))
system(paste0("(sleep 1; kill -INT ", pid, ") >/dev/null 2>&1 &"))
before <- Sys.time()
ended <- tryCatch(run.block(slow, socket = silent), interrupt = function(condition) "interrupted")
stopifnot(identical(ended, "interrupted"), difftime(Sys.time(), before, units = "secs") < 4)

cat("done\n")
