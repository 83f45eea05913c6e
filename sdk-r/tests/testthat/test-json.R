message.of <- function(code) tryCatch(code, longshore_unwritable = conditionMessage)

test_that("values of a column that is text are strings as they are, the rest as JSON", {
  expect_equal(as.text("as it is"), "as it is")
  expect_equal(as.text(NULL), NA_character_)
  expect_equal(as.text(NA), NA_character_)
  expect_equal(as.text(NA_character_), NA_character_)
  expect_equal(as.text(NaN), "NaN")
  expect_equal(as.text(1.5), "1.5")
  expect_equal(as.text(TRUE), "true")
  expect_equal(as.text(list()), "[]")
  expect_equal(as.text(character()), "[]")
  expect_equal(as.text(c(1, NA, Inf, -Inf, NaN)), "[1,null,\"Infinity\",\"-Infinity\",\"NaN\"]")
  expect_equal(as.text(c("a", "b\"c")), "[\"a\",\"b\\\"c\"]")
  expect_equal(as.text(list(a = 1:2, b = list(c = NULL))), "{\"a\":[1,2],\"b\":{\"c\":null}}")
  expect_equal(as.text(as.Date("2024-02-29")), "2024-02-29")
  expect_equal(as.text(as.raw(c(0, 255))), "00ff")
})

test_that("numbers have the shortest digits that read back", {
  numbers <- c(0.1, 1 / 3, 1e5, 100000L, 1e15, 123456789012, 1e300, 5e-324, -0.5, .Machine$double.xmax)
  expect_equal(json(numbers[1:6]), "[0.1,0.3333333333333333,100000,100000,1000000000000000,123456789012]")
  expect_identical(as.numeric(jsonlite::fromJSON(json(numbers), bigint_as_char = FALSE)), numbers)
  expect_equal(json(c(100000L, NA)), "[100000,null]")
  expect_equal(json(bit64::as.integer64(c("9007199254740993", NA))), "[9007199254740993,null]")
  expect_equal(as.text(bit64::as.integer64(NA)), NA_character_)
  expect_equal(json(complex(real = 0.1, imaginary = -2)), "\"0.1-2i\"")
})

test_that("times have all their digits, by ISO 8601", {
  expect_equal(json(as.Date(c("0800-01-01", "9999-12-31", NA))), "[\"0800-01-01\",\"9999-12-31\",null]")
  expect_equal(json(as.POSIXct("2024-07-01 12:00:00.25", tz = "UTC")), "\"2024-07-01T12:00:00.25\"")
  expect_equal(json(as.POSIXct("2024-07-01 12:00", tz = "Europe/Berlin")), "\"2024-07-01T10:00:00Z\"")
  expect_equal(json(list(a = as.POSIXlt("2024-07-01", tz = "UTC"))), "{\"a\":\"2024-07-01T00:00:00\"}")
  expect_equal(json(as.difftime(1.5, units = "mins")), "\"PT90S\"")
  expect_equal(json(as.difftime(-0.25, units = "secs")), "\"-PT0.25S\"")
  clock <- structure(c(3723.5, 86400), class = c("hms", "difftime"), units = "secs")
  expect_equal(json(clock), "[\"01:02:03.5\",\"PT86400S\"]")
  expect_match(message.of(json(as.Date(Inf, origin = "1970-01-01"))), "too far from 1970")
})

test_that("names make objects, and one value is a list of one where it is asked to be", {
  expect_equal(json(stats::setNames(list(), character())), "{}")
  expect_equal(json(c(a = 1, b = NA)), "{\"a\":1,\"b\":null}")
  expect_equal(json(list(1, b = 2)), "{\"1\":1,\"b\":2}")
  expect_match(message.of(json(list(a = 1, a = 2))), "two values of the name 'a'")
  expect_equal(json(I("a")), "[\"a\"]")
  boxed <- list(tags = I("a"), one = "a", bytes = as.raw(1:2))
  expect_equal(json(boxed), "{\"tags\":[\"a\"],\"one\":\"a\",\"bytes\":\"0102\"}")
  expect_equal(json(factor("x", levels = c("y", "x"))), "\"x\"")
})

test_that("tables, matrices and counts have a form of their own", {
  expect_equal(json(data.frame(a = 1:2, b = c("x", NA))), "[{\"a\":1,\"b\":\"x\"},{\"a\":2,\"b\":null}]")
  expect_equal(json(matrix(1:4, 2)), "[[1,3],[2,4]]")
  expect_equal(json(matrix(1:2, 1, dimnames = list("r", c("p", "q")))), "{\"r\":{\"p\":1,\"q\":2}}")
  expect_equal(json(array(1:8, c(2, 2, 2))), "[[[1,5],[3,7]],[[2,6],[4,8]]]")
  expect_equal(json(table(c("a", "b", "a"))), "{\"a\":2,\"b\":1}")
})

test_that("objects are what they say of themselves, or refused", {
  expect_equal(json(numeric_version("1.2.10")), "\"1.2.10\"")
  expect_equal(json(quote(a + b)), "\"a + b\"")
  expect_match(message.of(json(sum)), "a value of class function cannot be written: make text or plain values of it")
  expect_match(message.of(json(structure(list(call = 1), class = "model"))), "class model cannot be written")
  expect_match(message.of(json(list(1, new.env()))), "class environment cannot be written")
})

test_that("JSON is what a reader of JSON takes it for", {
  values <- list("tab\tnew\nline", "bell \a and \x01", "日本語", "back\\slash", c(x = 0.1, y = 1e-20))
  for (value in values) {
    expect_equal(unlist(jsonlite::fromJSON(json(as.list(value)))), unname(value), ignore_attr = TRUE)
  }
})
