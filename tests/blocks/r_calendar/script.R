library(omniscope.api)
omni.api = omniscope.api()
df = read.input.records(omni.api, input.number=1)
field = get.option(omni.api, "dateField")
format = get.option(omni.api, "format")
start = get.option(omni.api, "fiscalStart")

d = as.Date(df[[field]])
df$year = as.integer(strftime(d, "%Y"))
df$quarter = paste0("Q", (as.POSIXlt(d)$mon %/% 3) + 1)
df$week = strftime(d, "%V")
df$fiscal_year = df$year + ifelse(as.POSIXlt(d)$mon + 1 >= start & start > 1, 1L, 0L)
df$month_end = as.Date(sapply(d, function(x) if (is.na(x)) NA else
  seq(as.Date(strftime(as.Date(x, origin="1970-01-01"), "%Y-%m-01")), by="month", length.out=2)[2] - 1), origin="1970-01-01")
df$to_month_end = df$month_end - d
if (!is.null(format)) df$label = strftime(d, format)
df$label[is.na(d)] = NA

write.output.records(omni.api, df, output.number="calendar")
close(omni.api, "done")
