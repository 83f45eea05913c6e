message.of <- function(code) tryCatch(code, longshore_error = conditionMessage)

# Classes of S4 live as long as the test that makes them.
with.class <- function(name, representation, as.text, code) {
  methods::setClass(name, contains = "numeric", slots = representation, where = globalenv())
  if (!is.null(as.text)) methods::setMethod("as.character", name, as.text, where = globalenv())
  on.exit({
    if (!is.null(as.text)) methods::removeMethod("as.character", name, where = globalenv())
    methods::removeClass(name, where = globalenv())
  })
  code()
}

test_that("objects of S4 are text of their own, or refused", {
  with.class("Span", c(month = "numeric"), function(x, ...) paste0(x@month, "m ", x@.Data, "S"), function() {
    span <- methods::new("Span", c(0, 30), month = c(3, 1))
    expect_equal(plain.column(span, "s"), c("3m 0S", "1m 30S"))
    expect_equal(plain.column(list(span, 1:3), "s"), c("[\"3m 0S\",\"1m 30S\"]", "[1,2,3]"))
  })
  with.class("Silent", c(month = "numeric"), NULL, function() {
    silent <- methods::new("Silent", 0, month = 3)
    expect_match(message.of(plain.column(silent, "s")), "column 's': a value of class Silent cannot be written")
    expect_match(message.of(plain.column(list(1, silent), "s")), "column 's', row 2: a value of class Silent cannot")
  })
})

test_that("nanoseconds of nanotime keep their bits", {
  bits <- bit64::as.integer64(c("1700000000000000001", NA))
  column <- with.class("nanotime", c(zone = "character"), NULL, function() {
    plain.column(methods::new("nanotime", unclass(bits), zone = "x"), "n")
  })
  expect_identical(column, structure(as.vector(unclass(bits)), class = "nanotime"))
})

test_that("classes of lists that are no lists are text", {
  expect_equal(plain.column(numeric_version(c("1.2.10", "3")), "v"), c("1.2.10", "3"))
  expect_equal(plain.column(package_version("4.2.2"), "v"), "4.2.2")
  expect_equal(plain.column(structure(list("POINT (1 2)", NULL), class = "odd"), "v"), c("POINT (1 2)", NA))
  point <- structure(c(1, 2), class = c("XY", "POINT", "sfg"))
  if (requireNamespace("sf", quietly = TRUE)) {
    expect_equal(plain.column(list(point), "v"), "POINT (1 2)")
  } else {
    expect_match(message.of(plain.column(list(point), "v")), "column 'v', row 1: geometry needs the package sf")
  }
})

test_that("classes of numbers are their numbers", {
  labelled <- structure(c(1, 2), labels = c(no = 1, yes = 2), class = c("haven_labelled", "vctrs_vctr", "double"))
  expect_equal(as.vector(plain.column(labelled, "l")), c(1, 2))
  expect_equal(plain.column(as.raw(c(1, 255)), "r"), c(1L, 255L))
  expect_equal(plain.column(c(1 + 2i, NA), "c"), c("1+2i", NA))
  expect_equal(plain.column(as.POSIXlt("2024-01-01", tz = "UTC"), "t"), as.POSIXct("2024-01-01", tz = "UTC"))
})

test_that("a table in a column is a structure", {
  frame <- data.frame(a = 1:2)
  frame$inner <- data.frame(b = 3:4, c = c("x", NA))
  expect_equal(plain(frame)$columns[[2]], nested("struct", c(TRUE, TRUE), c("b", "c"), list(3:4, c("x", NA))))
  frame$inner <- matrix(1:4, 2)
  expect_equal(message.of(plain(frame)), "column 'inner' is itself a table: write its columns one by one")
})
