library(omniscope.api)
omni.api = omniscope.api()
input.data = read.input.records(omni.api, input.number=1)
field = get.option(omni.api, "textField")
pattern = get.option(omni.api, "pattern")
ignore = get.option(omni.api, "ignoreCase")

text = input.data[[field]]
text[is.na(text)] = ""
found = regmatches(text, gregexpr(pattern, text, ignore.case=ignore))
input.data$matches = lengths(found)
input.data$first = sapply(found, function(x) if (length(x)) x[1] else NA)
input.data$all = found
input.data$rest = trimws(gsub(pattern, "", text, ignore.case=ignore))
input.data$initials = vapply(strsplit(text, " +"), function(x) paste(toupper(substr(x, 1, 1)), collapse=""), "")

# a table of all matches, the most frequent first
counts = sort(table(tolower(unlist(found))), decreasing=TRUE)
write.output.records(omni.api, input.data, output.number=1)
if (length(counts) > 0) write.output.records(omni.api, as.data.frame(counts), output.number=2)
close(omni.api)
