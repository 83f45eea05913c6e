test_that("it has every function of longshore that scripts call, and no other but its own", {
  ours <- setdiff(getNamespaceExports("omniscope.api"), "omniscope.api")
  # `run.snippet` is for the host, those of callers for programs outside of runs.
  others <- c("run.snippet", "run.block", "run.submit", "run.chain", "chain.submit", "chain.step", "table.path")
  expect_setequal(ours, setdiff(getNamespaceExports("longshore"), others))
  for (name in ours) {
    expect_identical(getExportedValue("omniscope.api", name), getExportedValue("longshore", name))
  }
})

test_that("closing the run is closing longshore's", {
  expect_identical(getS3method("close", "longshore_api"), getFromNamespace("close.longshore_api", "longshore"))
})
