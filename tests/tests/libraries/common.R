# What scripts do with R's own packages and those of the image: each thing once, in a container as it is.

checks <- list(
  algebra = function() {
    set.seed(1)
    numbers <- matrix(rnorm(160000), 400)
    stopifnot(max(abs(numbers %*% solve(numbers) - diag(400))) < 1e-6)
  },
  workers = function() {
    cluster <- parallel::makeCluster(2)
    on.exit(parallel::stopCluster(cluster))
    stopifnot(identical(unlist(parallel::parLapply(cluster, 1:6, function(n) n^2)), (1:6)^2))
    stopifnot(identical(unlist(parallel::mclapply(1:6, function(n) n^2, mc.cores = 2)), (1:6)^2))
    forked <- parallel::makeForkCluster(2)
    stopifnot(length(parallel::clusterCall(forked, Sys.getpid)) == 2)
    parallel::stopCluster(forked)
  },
  tables = function() {
    table <- data.table::data.table(group = rep(1:7, 1000), value = runif(7000))
    data.table::setDTthreads(2)
    stopifnot(nrow(table[, lapply(.SD, mean), by = "group"]) == 7)
    file <- tempfile(fileext = ".csv")
    data.table::fwrite(table, file)
    stopifnot(nrow(data.table::fread(file)) == 7000)
    stopifnot(jsonlite::fromJSON("[1,2]")[2] == 2)
    saveRDS(table, file)
    stopifnot(nrow(readRDS(file)) == 7000)
  },
  frames = function() {
    suppressMessages(library(dplyr))
    table <- tibble(group = rep(c("a", "b"), 50), day = lubridate::ymd("2026-01-31") + 1:100, value = 1:100)
    found <- table |> filter(value > 10) |> group_by(group) |> summarise(mean = mean(value))
    stopifnot(identical(found$group, c("a", "b")), identical(found$mean, c(55, 56)))
    wide <- tidyr::pivot_wider(table, id_cols = "day", names_from = "group", values_from = "value")
    stopifnot(identical(names(wide), c("day", "a", "b")), nrow(wide) == 100)
    stopifnot(identical(stringr::str_to_title("zürich"), "Zürich"))
    stopifnot(identical(bit64::as.integer64("9007199254740993") + 1L, bit64::as.integer64("9007199254740994")))
  },
  figures = function() {
    library(ggplot2)
    plot <- ggplot(data.frame(x = 1:20, y = (1:20)^2), aes(x, y)) + geom_point() +
      geom_smooth(method = "lm", formula = y ~ x) + labs(title = "words need fonts")
    for (suffix in c("png", "pdf", "svg")) {
      file <- tempfile(fileext = paste0(".", suffix))
      if (suffix == "svg") {
        svg(file)
        print(plot)
        dev.off()
      } else {
        ggsave(file, plot, width = 4, height = 3, dpi = 100)
      }
      stopifnot(file.size(file) > 1000)
    }
  },
  processes = function() {
    stopifnot(system("exit 3") == 3, identical(system("echo a | tr a b", intern = TRUE), "b"))
    stopifnot(identical(system2("echo", "x", stdout = TRUE), "x"))
    lines <- readLines(opened <- pipe("echo y"))
    close(opened)
    stopifnot(identical(lines, "y"))
  },
  plots = function() {
    for (type in c("cairo", "cairo-png")) {
      file <- tempfile(fileext = ".png")
      png(file, type = type)
      plot(1:10, main = "words need fonts")
      dev.off()
      stopifnot(file.size(file) > 1000)
    }
    for (device in c("pdf", "svg", "postscript")) {
      file <- tempfile()
      get(device)(file)
      plot(1:10)
      dev.off()
      stopifnot(file.size(file) > 1000)
    }
  }
)

failed <- FALSE
for (name in names(checks)) {
  result <- tryCatch(checks[[name]](), error = identity)
  if (inherits(result, "error")) {
    failed <- TRUE
    cat("failed:", name, conditionMessage(result), "\n")
  } else {
    cat("fine:", name, "\n")
  }
}
quit(status = failed)
