column <- function(...) plain.column(list(...), "x")

test_that("single values are a plain column", {
  expect_equal(column(1L, NULL, 3L), c(1L, NA, 3L))
  expect_equal(column(1L, 2.5), c(1, 2.5))
  expect_equal(column("a", factor("b"), NA), c("a", "b", NA))
  expect_equal(column(as.Date("2024-01-01"), NA), as.Date(c("2024-01-01", NA)))
  expect_equal(column(bit64::as.integer64("9007199254740993"), NULL), bit64::as.integer64(c("9007199254740993", NA)))
  minute <- as.difftime(1, units = "mins")
  expect_equal(column(minute, as.difftime(1, units = "secs")), as.difftime(c(60, 1), units = "secs"))
  expect_equal(column(NULL, NA), c(NA, NA))
  expect_equal(column(), logical())
})

test_that("vectors are lists", {
  expect_equal(column(1:2, NULL, 3L, integer()), nested("list", c(2L, NA, 1L, 0L), 1:3))
  expect_equal(column(c(1, NA), NA), nested("list", c(2L, NA), c(1, NA)))
  expect_equal(column(c("a", "b"), NA_character_), nested("list", c(2L, NA), c("a", "b")))
  expect_equal(column(list(), list()), nested("list", c(0L, 0L), logical()))
  expect_equal(column(I("a"), c("b", "c")), nested("list", c(1L, 2L), c("a", "b", "c")))
  expect_equal(column(list(factor("a"), NULL), list("b")), nested("list", c(2L, 1L), c("a", NA, "b")))
  spans <- column(list(as.difftime(1, units = "mins")), list())
  expect_equal(spans, nested("list", c(1L, 0L), as.difftime(60, units = "secs")))
})

test_that("times of several zones are instants", {
  first <- as.POSIXct("2024-01-01 12:00", tz = "Europe/Berlin")
  second <- as.POSIXct("2024-01-01 12:00", tz = "Asia/Tokyo")
  expect_equal(attr(column(first, first), "tzone"), "Europe/Berlin")
  expect_equal(attr(column(first, second), "tzone"), "Etc/UTC")
  expect_equal(as.numeric(column(first, second)), as.numeric(c(first, second)))
})

test_that("bytes are bytes", {
  expect_equal(column(as.raw(1:2), NULL, raw()), nested("bytes", list(as.raw(1:2), NULL, raw())))
  expect_equal(column(as.raw(1), NA), nested("bytes", list(as.raw(1), NULL)))
  expect_equal(column(list(as.raw(1)), list()), nested("list", c(1L, 0L), nested("bytes", list(as.raw(1)))))
})

test_that("lists with the same names are structures", {
  expected <- nested("struct", c(TRUE, FALSE, TRUE), c("a", "b"), list(c(1, NA, 3), c("x", NA, "y")))
  expect_equal(column(list(a = 1, b = "x"), NULL, list(b = "y", a = 3)), expected)
  expect_equal(column(c(a = 1, b = 2)), nested("struct", TRUE, c("a", "b"), list(1, 2)))
  deep <- column(list(l = list(1:2), o = list(p = "x")), list(l = list(), o = NULL))
  inner <- nested("list", c(1L, 0L), nested("list", 2L, 1:2))
  expect_equal(deep[[4]][[1]], inner)
  expect_equal(deep[[4]][[2]], nested("struct", c(TRUE, FALSE), "p", list(c("x", NA))))
  frames <- column(data.frame(a = 1:2), data.frame(a = integer()))
  expect_equal(frames, nested("list", c(2L, 0L), nested("struct", c(TRUE, TRUE), "a", list(1:2))))
})

test_that("what has nothing in common is text", {
  expect_equal(column(1:3, "one", NULL, list(a = 1, b = "x\"y")), c("[1,2,3]", "one", NA, "{\"a\":1,\"b\":\"x\\\"y\"}"))
  expect_equal(column(1, "two", TRUE), c("1", "two", "true"))
  expect_equal(column(stats::setNames(list(), character()), list(a = 1)), c("{}", "{\"a\":1}"))
  expect_equal(column(list(a = 1), list(b = 2)), c("{\"a\":1}", "{\"b\":2}"))
  expect_equal(column(list(1, "a"), list(2)), c("[1,\"a\"]", "[2]"))
  expect_equal(column("a", list()), c("a", "[]"))
  expect_equal(column(as.raw(1), 1), c("01", "1"))
})

test_that("what was read is written by its shape while it has it", {
  read <- function(values, shape) structure(values, class = c("longshore_list", "list"), shape = shape)
  texts <- read(list("a", NULL, NA_character_, character()), list(list = character()))
  expect_equal(plain.column(texts, "x"), nested("list", c(1L, NA, 1L, 0L), c("a", NA)))
  expect_equal(plain.column(texts[c(1, 2)], "x"), nested("list", c(1L, NA), "a"))
  expect_equal(plain.column(texts[0], "x"), nested("list", integer(), character()))
  texts[[1]] <- 5
  expect_equal(plain.column(texts, "x"), c("5", NA, NA, "[]"))
  map <- read(list(c(a = 1L), stats::setNames(integer(), character()), NULL), list(map = integer()))
  expect_equal(plain.column(map, "x"), nested("map", c(1L, 0L, NA), "a", 1L))
  struct <- read(list(list(l = "a", n = NULL), NULL), list(struct = list(l = list(list = character()), n = raw())))
  expected <- list(nested("list", c(1L, NA), "a"), nested("bytes", list(NULL, NULL)))
  expect_equal(plain.column(struct, "x"), nested("struct", c(TRUE, FALSE), c("l", "n"), expected))
  frame <- data.frame(id = 1:2)
  frame$x <- texts[c(2, 4)]
  expect_equal(attr(frame[2:1, ]$x, "shape"), list(list = character()))
  expect_output(print(texts[2]), "NULL")
})
