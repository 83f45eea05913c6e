library(longshore)

api <- longshore.api()
close(api, paste(nrow(read.input.records(api)), "rows"))
