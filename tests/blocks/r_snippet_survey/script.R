# input.data: one row for each answer; its texts are factors
stopifnot(is.factor(input.data$group), is.factor(input.data$answer))
if (nlevels(input.data$answer) < 2) stop("all answers are the same")

counts = as.data.frame(table(group=input.data$group, answer=input.data$answer), responseName="count")
counts$share = ave(counts$count, counts$group, FUN=function(n) n / sum(n))
output.data = counts[order(counts$group, counts$answer), ]

if (exists("input.data.2")) {
  # labels for the groups, as a second table
  labels = merge(data.frame(group=levels(input.data$group)), input.data.2, all.x=TRUE)
  output.data.2 = labels[is.na(labels$label), "group", drop=FALSE]
}
summary(input.data)
