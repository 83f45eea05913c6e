library(omniscope.api)
omni.api = omniscope.api()
data = read.input.records(omni.api)
id = get.option(omni.api, "idFields")
direction = get.option(omni.api, "direction")

if (direction == "wide") {
  name = setdiff(names(data), id)[1]
  out = reshape(data, idvar=id, timevar=name, direction="wide", sep="_")
} else {
  measures = get.option(omni.api, "measures")
  if (is.null(measures)) measures = setdiff(names(data), id)
  out = reshape(data, varying=measures, v.names="value", timevar="variable", times=measures, idvar=id, direction="long")
  out$variable = factor(out$variable, levels=measures)
  out = out[order(out$variable, decreasing=FALSE), c(id, "variable", "value")]
}
write.output.records(omni.api, out, output.number=1)
updateMessage(omni.api, paste(dim(out), collapse=" x "))
close(omni.api)
