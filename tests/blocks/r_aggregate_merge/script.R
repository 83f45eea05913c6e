library(omniscope.api)
omni.api = omniscope.api()

# read the records of both inputs
sales = read.input.records(omni.api, input.number=1)
targets = read.input.records(omni.api, input.number=2)

group = get.option(omni.api, "groupField")
value = get.option(omni.api, "valueField")

totals = aggregate(sales[[value]], by=list(sales[[group]]), FUN=sum, na.rm=TRUE)
names(totals) = c(group, "total")
totals$mean = tapply(sales[[value]], sales[[group]], mean, na.rm=TRUE)[totals[[group]]]

output.data = totals
if (!is.null(targets)) {
  output.data = merge(totals, targets, by=group, all.x=TRUE)
  output.data$reached = output.data$total >= output.data$target
}

if (!is.null(output.data)) {
  write.output.records(omni.api, output.data, output.number=1)
}
close(omni.api)
