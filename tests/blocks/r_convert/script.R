library(omniscope.api)
omni.api = omniscope.api()

convert = function(values, units, target) {
  factor = factors$factor[match(units, factors$unit)]
  to = factors$factor[factors$unit == target]
  if (length(to) != 1) abort(omni.api, paste0("there is no unit '", target, "'"))
  values * factor / to
}

measured = read.input.records(omni.api, input.number=1)
factors = read.input.records(omni.api, input.number=2)
if (is.null(factors)) {
  # the table that comes with the block
  factors = read.csv("factors.csv", stringsAsFactors=FALSE)
}
target = get.option(omni.api, "target")
result = tryCatch(convert(measured$value, measured$unit, target), error=function(e) rep(NA, nrow(measured)))

unknown = unique(measured$unit[is.na(result) & !is.na(measured$value)])
if (length(unknown) > 0) {
  if (get.option(omni.api, "strict")) {
    cancel(omni.api, paste("unknown units:", paste(unknown, collapse=", ")))
  } else {
    warning("unknown units: ", paste(unknown, collapse=", "))
  }
}
measured[[paste0("value_", target)]] = result
write.output.records(omni.api, measured)
# reading once more after writing
stopifnot(identical(dim(read.input.records(omni.api, 1)), c(nrow(measured), 2L)))
commit(omni.api)
