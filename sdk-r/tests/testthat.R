library(testthat)
library(longshore)

test_check("longshore")
