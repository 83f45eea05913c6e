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
  table$list <- list(1:3, "one", NULL, list(a = 1, b = "x\"y"))
  table
}

read.back <- function(written) {
  table <- as.list(written)
  table$latin1 <- enc2utf8(table$latin1)
  table$factor <- as.character(table$factor)
  table$broken <- as.POSIXct(table$broken)
  table$span <- as.difftime(as.double(table$span) * 60, units = "secs")
  table$list <- c("[1,2,3]", "one", NA, "{\"a\":1,\"b\":\"x\\\"y\"}")
  table
}
