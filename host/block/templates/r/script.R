# Sums a number for each value of a field.
library(longshore)

api <- longshore.api()
sales <- read.input.records(api)
if (is.null(sales)) abort(api, "connect a table to input 1")

group <- get.option(api, "group")
value <- get.option(api, "value")
totals <- aggregate(sales[value], sales[group], get.option(api, "measure"))
totals <- totals[order(-totals[[value]]), ]
if (!is.null(get.option(api, "top"))) totals <- head(totals, get.option(api, "top"))
if (get.option(api, "share")) totals$share <- totals[[value]] / sum(totals[[value]])

write.output.records(api, totals, "totals")
close(api, paste(nrow(totals), "groups out of", nrow(sales), "rows"))
