library(omniscope.api)
omni.api = omniscope.api()

orders = read.input.records(omni.api, input.number=1)
lookup = read.input.records(omni.api, input.number=2)
if (is.null(orders) || is.null(lookup)) abort(omni.api, "connect the orders, and the depots of the regions")

region = orders[[get.option(omni.api, "regionField")]]
depot = lookup[[get.option(omni.api, "depotField")]][match(region, lookup$region)]

known = c("north", "south")
lost = !(depot %in% known)
if (any(lost) && get.option(omni.api, "unknown") == "abort") {
  lapply(unique(region[lost]), function(r) abort(omni.api, paste("no depot delivers to", r)))
}

# the summary is the last output, and is written first
counts = table(factor(ifelse(lost, "returned", depot), levels=c(known, "returned")))
write.output.records(omni.api, data.frame(depot=names(counts), orders=as.integer(counts)), output.number="summary")
for (name in known) {
  if (any(depot %in% name)) {
    write.output.records(omni.api, orders[depot %in% name, ], output.number=name)
  }
}
if (any(lost)) {
  returned = orders[lost, ]
  returned$reason = factor(ifelse(is.na(region[lost]), "no region", "unknown region"))
  write.output.records(omni.api, returned, output.number="returned")
}
close(omni.api, sprintf("%d of %d orders are on their way", sum(!lost), nrow(orders)))
