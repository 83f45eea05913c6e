library(omniscope.api)
library(jsonlite)
omni.api = omniscope.api()

names = c("text", "password", "integer", "double", "boolean", "choice", "file", "field", "fields")
describe = function(name) {
  value = get.option(omni.api, name)
  if (is.null(value)) return(data.frame(option=name, class="NULL", length=0L, value=NA_character_))
  if (name == "file") value = readLines(value, n=1)
  if (name == "password") value = nchar(value)
  data.frame(option=name, class=class(value)[1], length=length(value), value=as.character(toJSON(value, auto_unbox=TRUE)))
}
described = do.call(rbind, lapply(names, describe))
updateMessage(omni.api, paste(sum(described$class != "NULL"), "options are set"))
write.output.records(omni.api, described, output.number=1)

fields = get.option(omni.api, "fields")
data = read.input.records(omni.api, 1)
for (field in fields) {
  update.message(omni.api, field)
  write.output.records(omni.api, data.frame(field=field, value=as.character(data[[field]])), output.number=2)
}
close(omni.api, get.option(omni.api, "text"))
