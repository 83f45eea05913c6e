library(omniscope.api)
library(data.table)

omni.api = omniscope.api()
dt = as.data.table(read.input.records(omni.api, input.number=1))
by.field = get.option(omni.api, "byField")
value = get.option(omni.api, "valueField")
window = get.option(omni.api, "window")

setorderv(dt, c(by.field, "day"))
dt[, rolling := frollmean(get(value), window, align="right"), by=by.field]
dt[, previous := shift(get(value)), by=by.field]
dt[, change := get(value) - previous]
dt[, first := .I == min(.I), by=by.field]

# group by group, appended one to the other
for (part in split(dt, by=by.field)) {
  write.output.records(omni.api, part, output.number=1)
  update.progress(omni.api, 0.5)
}
summary = dt[, .(n=.N, last=get(value)[.N], days=max(day) - min(day)), by=by.field]
write.output.records(omni.api, summary, output.number=2)
close(omni.api)
