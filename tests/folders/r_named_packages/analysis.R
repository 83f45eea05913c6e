# library(notthis)
library(longshore)
library(data.table)
if (!requireNamespace("jsonlite", quietly = TRUE)) stop("no jsonlite")

api <- longshore.api()
table <- zoo::na.locf(read.input.records(api))
close(api, "library(northat)")
