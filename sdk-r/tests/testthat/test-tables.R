kind <- function(code) tryCatch(code, longshore_error = function(error) error$kind)
message.of <- function(code) tryCatch(code, longshore_error = conditionMessage)

test_that("inputs and outputs are numbered from 1", {
  expect_equal(position(1, "inputs"), 0L)
  expect_equal(position(3L, "inputs"), 2L)
  for (wrong in list(0, -1, 1.5, NA, "1", 1:2, 2^31, NULL)) {
    expect_equal(kind(position(wrong, "inputs")), "value")
  }
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
  nested <- data.frame(a = 1:2)
  nested$inner <- data.frame(b = 1:2, c = 3:4)
  expect_equal(message.of(plain(nested)), "column 'inner' is itself a table: write its columns one by one")
  expect_match(message.of(plain(list(a = sum))), "column 'a' is of class function", fixed = TRUE)
})

test_that("repeated and missing names are made unique, with a warning", {
  expect_warning(names <- unique.names(c("a", "a", "a.1")), "'a' is there twice: written as 'a.2'")
  expect_equal(names, c("a", "a.2", "a.1"))
  expect_warning(names <- unique.names(c("", "")), "'' is there twice: written as '.1'")
  expect_equal(names, c("", ".1"))
  expect_equal(unique.names(c("x", NA)), c("x", "NA"))
})

test_that("values of list columns become text", {
  expect_equal(as.text("as it is"), "as it is")
  expect_equal(as.text(NULL), NA_character_)
  expect_equal(as.text(NA), NA_character_)
  expect_equal(as.text(1.5), "1.5")
  expect_equal(as.text(TRUE), "true")
  expect_equal(as.text(list()), "[]")
  expect_equal(as.text(character()), "[]")
  expect_equal(as.text(c(1, NA, Inf)), "[1,null,null]")
  expect_equal(as.text(c("a", "b\"c")), "[\"a\",\"b\\\"c\"]")
  expect_equal(as.text(list(a = 1:2, b = list(c = NULL))), "{\"a\":[1,2],\"b\":{\"c\":null}}")
  expect_equal(as.text(as.Date("2024-02-29")), "\"2024-02-29\"")
})

test_that("JSON of list columns is JSON", {
  values <- list("tab\tnew\nline", "bell \a and \x01", "日本語", "back\\slash", c(x = 0.1, y = 1e-20))
  for (value in values) {
    expect_equal(unlist(jsonlite::fromJSON(json(as.list(value)))), unname(value), ignore_attr = TRUE)
  }
})
