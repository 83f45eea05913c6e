test_that("outside a run the error says how to start one", {
  error <- tryCatch(longshore.api(), longshore_error = identity)
  expect_s3_class(error, "longshore_error_not_in_run")
  expect_equal(error$kind, "not_in_run")
  expect_match(conditionMessage(error), "`longshore run SCRIPT`", fixed = TRUE)
  expect_equal(conditionCall(error), quote(longshore.api()))
})

test_that("everything but the first call needs an api", {
  error <- tryCatch(read.input.records(NULL), longshore_error = identity)
  expect_equal(error$kind, "value")
  expect_equal(conditionMessage(error), "the first argument must be the run, as longshore.api() returns it")
})

test_that("a host that is not there is named", {
  withr <- Sys.getenv("LONGSHORE_SOCKET", NA)
  Sys.setenv(LONGSHORE_SOCKET = "/nowhere/host.sock")
  on.exit(if (is.na(withr)) Sys.unsetenv("LONGSHORE_SOCKET") else Sys.setenv(LONGSHORE_SOCKET = withr))
  error <- tryCatch(longshore.api(), longshore_error = identity)
  expect_equal(error$kind, "connection")
  expect_match(conditionMessage(error), "/nowhere/host.sock", fixed = TRUE)
})

test_that("no name of ours hides one of R's, and packages that scripts attach hide none of ours", {
  ours <- getNamespaceExports("longshore")
  for (package in c("base", "stats", "utils", "methods", "graphics", "grDevices", "data.table", "jsonlite")) {
    expect_equal(intersect(ours, getNamespaceExports(package)), character())
  }
})
