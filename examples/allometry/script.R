library(longshore)

api <- longshore.api()
table <- read.input.records(api)
if (is.null(table)) abort(api, "connect a table to input 1")
x <- get.option(api, "x")
y <- get.option(api, "y")
group <- get.option(api, "group")
confidence <- get.option(api, "confidence")

for (name in c(x, y)) {
  if (!is.numeric(table[[name]])) abort(api, paste0("`", name, "` is no number"))
}
positive <- !is.na(table[[x]]) & !is.na(table[[y]]) & table[[x]] > 0 & table[[y]] > 0
rows <- table[positive, ]
groups <- if (is.null(group)) rep("all", nrow(rows)) else ifelse(is.na(rows[[group]]), "(none)", rows[[group]])
parts <- split(rows, groups)
update.message(api, paste0(nrow(rows), " of ", nrow(table), " rows in ", length(parts), " groups"))

# log y = log a + b log x: b says whether y grows faster (above 1) or slower than x.
fit <- function(part, name) {
  if (nrow(part) < 3) {
    return(NULL)
  }
  model <- lm(log(part[[y]]) ~ log(part[[x]]))
  interval <- confint(model, 2, level = confidence)
  data.frame(
    group = name, rows = nrow(part), factor = exp(coef(model)[[1]]), exponent = coef(model)[[2]],
    from = interval[[1]], to = interval[[2]], r_squared = summary(model)$r.squared
  )
}
fits <- do.call(rbind, Map(fit, parts, names(parts)))
if (is.null(fits)) abort(api, "no group has three rows with both measurements")
write.output.records(api, fits, "fits")

# The plot travels as a row of its own: a PNG as text, which any page shows behind `data:image/png;base64,`.
file <- tempfile(fileext = ".png")
png(file, width = 900, height = 600, res = 110, type = "cairo")
colours <- hcl.colors(max(length(parts), 2), "Dark 3")
colour <- function(group) colours[match(group, names(parts))]
plot(rows[[x]], rows[[y]], log = "xy", col = colour(groups), pch = 19, cex = 0.7, xlab = x, ylab = y)
for (index in seq_len(nrow(fits))) {
  over <- range(parts[[fits$group[index]]][[x]])
  at <- exp(seq(log(over[1]), log(over[2]), length.out = 50))
  lines(at, fits$factor[index] * at^fits$exponent[index], col = colour(fits$group[index]), lwd = 2)
}
legend("topleft", names(parts), col = colours, pch = 19, bty = "n")
invisible(dev.off())
bytes <- readBin(file, "raw", file.size(file))
write.output.records(api, data.frame(name = "allometry.png", png = jsonlite::base64_enc(bytes)), "plot")

print(fits, row.names = FALSE, digits = 3)
steepest <- fits[which.max(fits$exponent), ]
close(api, sprintf("%s grows fastest with %s in %s: exponent %.2f", y, x, steepest$group, steepest$exponent))
