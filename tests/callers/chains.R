# Runs chains as an R program does: Rscript chains.R FOLDER, with the host's socket in LONGSHORE_RUNS_SERVER. Prints
# `done` at the end; whatever is wrong before stops it.

library(longshore)

folder <- commandArgs(TRUE)[1L]
script <- function(name, ...) {
  path <- file.path(folder, name)
  writeLines(c(...), path)
  path
}
run <- function(...) run.chain(..., engine = "process", quiet = TRUE)
failing <- function(...) tryCatch(run(...), longshore_error = identity)

twice <- script(
  "twice.R", "library(longshore)", "api <- longshore.api()", "table <- read.input.records(api)",
  "table$n <- table$n * 2L", "cat(nrow(table), 'rows\\n')", "write.output.records(api, table)", "close(api, 'doubled')"
)
add <- script(
  "add.py", "from longshore.api import Api", "api = Api()", "table = api.read_input_records()", "table['n'] += 1",
  "api.write_output_records(table)", "api.close('added')"
)
join <- script(
  "join.R", "library(longshore)", "api <- longshore.api()",
  "write.output.records(api, rbind(read.input(api, 1), read.input(api, 2)))", "close(api)"
)
table <- data.frame(n = 1:3)

# One after another, across languages.
result <- run(list(chain.step(add, table), twice, add))
stopifnot(identical(as.integer(result[[1L]]$n), c(5L, 7L, 9L)))
stopifnot(identical(names(result$steps), c("add", "twice", "add-2")))
stopifnot(identical(result$message, "added"), identical(result$steps$twice$log, "3 rows\n"))
stopifnot(length(result$steps$add$outputs) == 0L, length(result$outputs) == 1L, length(result$record$steps) == 3L)
stopifnot(identical(result$run.id, result$record$run_id), !identical(result$run.id, result$steps$add$run.id))

# A graph, with names, files and a table from outside.
target <- file.path(folder, "out.csv")
steps <- list(
  all = chain.step(join, name = "all", outputs = target), chain.step(add, table, name = "first"),
  chain.step(twice, name = "second")
)
result <- run(steps, c("first=second", "second=all:0", "first:0=all:1"))
stopifnot(identical(readLines(target), c("n", "4", "6", "8", "2", "3", "4")), length(result$outputs) == 0L)
nothing <- tryCatch(result[[1L]], longshore_error = identity)
stopifnot(nothing$kind == "value", grepl("it returned: none", conditionMessage(nothing)))
result <- run(list(chain.step(add, table), chain.step(join, NULL, table)))
stopifnot(identical(as.integer(result[[1L]]$n), c(2L, 3L, 4L, 1L, 2L, 3L)))

# An output may be called like a part of the result.
block <- file.path(folder, "block")
dir.create(block)
writeLines(c(
  "name = \"b\"", "language = \"r\"", "script = \"s.R\"", "[[outputs]]\nid = \"steps\""
), file.path(block, "block.toml"))
file.copy(twice, file.path(block, "s.R"))
result <- run(list(chain.step(add, table), block))
stopifnot(identical(as.integer(result[["steps"]]$n), c(4L, 6L, 8L)), identical(names(result$steps), c("add", "block")))

# What is wrong is said before anything starts.
expected <- c(
  "wait for each other: a chain has no cycles" = list(failing(list(add, twice), c("add=twice", "twice=add"))),
  "step `join` is connected to no other" = list(failing(list(add, twice, join), "add=twice")),
  "there is no step `twise`: the steps are add, twice" = list(failing(list(add, twice), "add=twise")),
  "a chain has at most 64 steps, and this one has 65" = list(failing(rep(list(add), 65))),
  "a chain needs a step" = list(failing(list())),
  "step `nothing`" = list(failing(list(add, file.path(folder, "nothing.R"))))
)
for (text in names(expected)) {
  error <- expected[[text]]
  stopifnot(error$kind == "request", grepl(text, conditionMessage(error), fixed = TRUE))
}
for (wrong in list(
  failing(list(add, twice), "add"), failing(list(add, 3)), failing(list(add), inputs = list()),
  failing(list(chain.step(add, sum), twice)), tryCatch(chain.step(add, name = 3), longshore_error = identity)
)) {
  stopifnot(wrong$kind == "value")
}

# A step that fails ends the chain.
fails <- script("fails.py", "raise ValueError('no such thing')")
failed <- failing(list(chain.step(add, table), fails, twice))
stopifnot(failed$kind == "run", failed$record$outcome == "failed")
stopifnot(grepl("step `fails`: ValueError: no such thing", conditionMessage(failed), fixed = TRUE))
stopifnot(grepl("[fails] Traceback (most recent call last)", conditionMessage(failed), fixed = TRUE))

# One that goes on is cancelled.
waiting <- script("waiting.R", "cat('on its way\\n')", "flush(stdout())", "Sys.sleep(600)")
chain <- chain.submit(list(chain.step(add, table), waiting), engine = "process")
late <- tryCatch(chain$result(timeout = 0.2), longshore_error = identity)
stopifnot(late$kind == "timeout", !chain$done())
chain$cancel()
ended <- tryCatch(chain$result(timeout = 120), longshore_error = identity)
stopifnot(ended$kind == "run", ended$record$outcome == "interrupted", chain$done())

# In containers.
result <- run.chain(list(chain.step(add, table), twice, add), engine = "docker", quiet = TRUE)
stopifnot(identical(as.integer(result[[1L]]$n), c(5L, 7L, 9L)))

cat("done\n")
