test_that("it has every function of longshore that scripts call, and no other but its own", {
  ours <- setdiff(getNamespaceExports("omniscope.api"), "omniscope.api")
  # `run.snippet` is for the host.
  expect_setequal(ours, setdiff(getNamespaceExports("longshore"), "run.snippet"))
  for (name in ours) {
    expect_identical(getExportedValue("omniscope.api", name), getExportedValue("longshore", name))
  }
})

test_that("closing the run is closing longshore's", {
  expect_identical(getS3method("close", "longshore_api"), getFromNamespace("close.longshore_api", "longshore"))
})
