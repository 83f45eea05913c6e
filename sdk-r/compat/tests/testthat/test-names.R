test_that("it has every function of longshore, and no other but its own", {
  ours <- setdiff(getNamespaceExports("omniscope.api"), "omniscope.api")
  expect_setequal(ours, getNamespaceExports("longshore"))
  for (name in ours) {
    expect_identical(getExportedValue("omniscope.api", name), getExportedValue("longshore", name))
  }
})

test_that("closing the run is closing longshore's", {
  expect_identical(getS3method("close", "longshore_api"), getFromNamespace("close.longshore_api", "longshore"))
})
