# A table of everything that a data frame can hold, and what must come back when it is written and read.

written.table <- function() {
  table <- data.frame(row.names = 1:4)
  table$integer <- c(1L, NA, .Machine$integer.max, -.Machine$integer.max)
  table$double <- c(1.5, -0.25, 0, 1e300)
  table$missing <- c(NA, NaN, Inf, -Inf)
  table$large <- c(2^31, -2^40, 2^53, NA)
  table$logical <- c(TRUE, FALSE, NA, TRUE)
  table$text <- c("plain", "", NA, "日本語 😀 \"quoted\"\n")
  table$latin1 <- c("caf\xe9", "\xfc", "z", NA)
  Encoding(table$latin1) <- "latin1"
  table$factor <- factor(c("b", "a", NA, "b"), levels = c("b", "a", "unused"))
  table$date <- as.Date(c("2024-02-29", "1969-12-31", NA, "9999-12-31"))
  table$time <- as.POSIXct(c("2024-07-01 12:00:00.25", "1969-12-31 23:59:59", NA, "2100-01-01"), tz = "UTC")
  table$zoned <- as.POSIXct(c("2024-07-01 12:00", "2024-12-01 12:00", NA, "2024-03-31 03:00"), tz = "Europe/Berlin")
  table$broken <- as.POSIXlt(c("2024-07-01 12:00:00", NA, "2024-01-01", "2000-02-29"), tz = "UTC")
  table$span <- as.difftime(c(1, 90, NA, -2.5), units = "mins")
  table$integer64 <- bit64::as.integer64(c("9007199254740993", "-9223372036854775807", NA, "1"))
  table$clock <- structure(c(0, 86399.999999, NA, 3723.5), class = c("hms", "difftime"), units = "secs")
  table$nanoseconds <- as.difftime(c(1e-9, 90, NA, -2.5), units = "secs")
  table$list <- list(1:3, "one", NULL, list(a = 1, b = "x\"y"))
  table$bytes <- list(as.raw(0:2), raw(), NULL, as.raw(255))
  table$vectors <- list(c("a", NA), character(), NULL, "日本語")
  table$structures <- list(
    list(l = list(1:2, 3L), t = as.Date("2024-02-29")), list(l = list(), t = NA), NULL, list(l = NULL, t = NA)
  )
  table
}

read.back <- function(written) {
  table <- as.list(written)
  table$latin1 <- enc2utf8(table$latin1)
  table$factor <- as.character(table$factor)
  table$broken <- as.POSIXct(table$broken)
  table$span <- as.difftime(as.double(table$span) * 60, units = "secs")
  table$bytes <- known(table$bytes, raw())
  table$vectors <- known(table$vectors, list(list = character()))
  table$structures[[2]]$t <- table$structures[[4]]$t <- as.Date(NA)
  dates <- structure(double(), class = "Date")
  table$structures <- known(table$structures, list(struct = list(l = list(list = list(list = integer())), t = dates)))
  table$list <- c("[1,2,3]", "one", NA, "{\"a\":1,\"b\":\"x\\\"y\"}")
  table
}

# A list column as it is read: with what is in it.
known <- function(values, shape) structure(values, class = c("longshore_list", "list"), shape = shape)
