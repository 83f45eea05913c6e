test_that("it has every function of longshore that scripts call, and no other but its own", {
  ours <- setdiff(getNamespaceExports("omniscope.api"), "omniscope.api")
  # `run.snippet` is for the host, `run.block` for programs outside of runs.
  expect_setequal(ours, setdiff(getNamespaceExports("longshore"), c("run.snippet", "run.block")))
  for (name in ours) {
    expect_identical(getExportedValue("omniscope.api", name), getExportedValue("longshore", name))
  }
})

test_that("closing the run is closing longshore's", {
  expect_identical(getS3method("close", "longshore_api"), getFromNamespace("close.longshore_api", "longshore"))
})
