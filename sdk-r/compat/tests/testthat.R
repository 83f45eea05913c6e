library(testthat)
library(omniscope.api)

test_check("omniscope.api")
