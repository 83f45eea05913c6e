kind <- function(code) tryCatch(code, longshore_error = function(error) error$kind)
message.of <- function(code) tryCatch(code, longshore_error = conditionMessage)

test_that("inputs and outputs are numbered from 1", {
  expect_equal(position(1, "inputs"), 0L)
  expect_equal(position(3L, "inputs"), 2L)
  for (wrong in list(0, -1, 1.5, NA, NA_character_, c("a", "b"), 1:2, 2^31, NULL)) {
    expect_equal(kind(position(wrong, "inputs")), "value")
  }
  expect_equal(position("sales", "inputs"), "sales")
  expect_equal(message.of(position(0, "outputs")), "outputs are numbered from 1, not 0")
})

test_that("tables of every kind become plain columns", {
  expect_equal(plain(data.frame(a = 1:2))$columns, list(1:2))
  expect_equal(plain(list(a = 1:2, b = c("x", "y")))$names, c("a", "b"))
  expect_equal(plain(tibble::tibble(a = 1:2))$rows, 2L)
  expect_equal(plain(data.table::data.table(a = 1:2, b = 3:4))$columns, list(1:2, 3:4))
  expect_equal(plain(matrix(1:4, 2, dimnames = list(NULL, c("p", "q"))))$names, c("p", "q"))
  expect_equal(plain(data.frame())$rows, 0L)
  expect_equal(plain(list())$columns, list())
  expect_equal(plain(data.frame(a = integer()))$columns, list(integer()))
})

test_that("what is no table is named", {
  expect_equal(
    message.of(plain(42)),
    paste(
      "cannot write numeric as a table: give a data frame, a named list of columns, a matrix,",
      "or a table of arrow or nanoarrow"
    )
  )
  expect_match(message.of(plain(mean)), "cannot write function as a table", fixed = TRUE)
  expect_equal(message.of(plain(list(a = 1:2, b = 1:3))), "column 'b' has 3 rows, and the first has 2")
  expect_match(message.of(plain(list(a = sum))), "column 'a' is of class function", fixed = TRUE)
})

test_that("repeated and missing names are made unique, with a warning", {
  expect_warning(names <- unique.names(c("a", "a", "a.1")), "'a' is there twice: written as 'a.2'")
  expect_equal(names, c("a", "a.2", "a.1"))
  expect_warning(names <- unique.names(c("", "")), "'' is there twice: written as '.1'")
  expect_equal(names, c("", ".1"))
  expect_equal(unique.names(c("x", NA)), c("x", "NA"))
})

test_that("counts, and results by group, are tables of their groups", {
  counts <- plain(table(kind = c("a", "b", "a", NA), useNA = "always"))
  expect_equal(counts$names, c("kind", "Freq"))
  expect_equal(counts$columns, list(c("a", "b", NA), c(2L, 1L, 1L)))
  expect_equal(plain(table(c("x", "y"), c("p", "p")))$names, c("Var1", "Var2", "Freq"))
  means <- plain(tapply(c(1, 2, 4), c("a", "a", "b"), mean))
  expect_equal(means$names, c("Var1", "value"))
  expect_equal(means$columns, list(c("a", "b"), c(1.5, 4)))
  expect_equal(kind(plain(array(1:3))), "value")
})

test_that("row names are written where they say something", {
  expect_equal(plain(mtcars[1:2, 1:2])$names, c("row.names", "mpg", "cyl"))
  expect_equal(plain(mtcars[1:2, ])$columns[[1]], c("Mazda RX4", "Mazda RX4 Wag"))
  taken <- data.frame(1:2, row.names = c("p", "q"))
  names(taken) <- "row.names"
  expect_equal(plain(taken)$names, c("row.names.1", "row.names"))
  # What is automatic says nothing, nor do rows that are there twice, nor names that a column has too.
  numbers <- data.frame(a = 1:3)
  expect_equal(plain(numbers[c(3, 1), , drop = FALSE])$names, "a")
  expect_equal(plain(numbers[c(1, 1), , drop = FALSE])$names, "a")
  parts <- Map(function(group) data.frame(group = group, a = 1), c(x = "x", y = "y"))
  expect_equal(plain(do.call(rbind, parts))$names, c("group", "a"))
  expect_equal(plain(as.data.frame(matrix(1:2, 2, dimnames = list(c("2001", "2002"), "v"))))$names, c("row.names", "v"))
  expect_equal(plain(tibble::tibble(a = 1))$names, "a")
  expect_equal(plain(mtcars[0, 1:2])$names, c("row.names", "mpg", "cyl"))
})
