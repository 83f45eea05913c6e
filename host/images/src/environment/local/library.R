# Installs packages into a library of this machine, in one step; in containers `install.R` downloads and installs in steps
# of their own. Called with the library, the file to report to, and the requirements; `repositories.R` and `choose.R` are
# before it. The report has a line for each package that is in no repository, each repository that does not answer, each
# package of which no version fits, the installed packages that will not work, and the package that failed:
# `unavailable x`, `unreachable x`, `unfit WORDS`, `broken WORDS`, `failed x`.
# The first failure ends it, so that the last lines are that package's.
arguments <- commandArgs(TRUE)
target <- arguments[1]
report <- function(what, names) cat(sprintf("%s %s\n", what, names), file = arguments[2], sep = "", append = TRUE)
wanted <- arguments[-(1:2)]

# A package of a few hundred megabytes takes minutes; the default is one.
options(repos = repositories, timeout = 600)

# What a repository has; nothing where it does not answer. It is asked for several forms of its index, and R warns of
# each that is not there; what counts is the warning that there is none at all.
index <- function(repository) {
  withCallingHandlers(
    available.packages(contrib.url(repository, "source")),
    warning = function(condition) {
      message(conditionMessage(condition))
      if (startsWith(conditionMessage(condition), "unable to access index for repository")) {
        report("unreachable", repository)
      }
      invokeRestart("muffleWarning")
    }
  )
}

give.up <- function(package) {
  report("failed", package)
  quit("no", 1)
}

# R says in a warning that a package failed, and goes on with the others.
watched <- function(condition) {
  text <- conditionMessage(condition)
  pattern <- "^(installation|download) of package .(\\S+). (had|failed).*"
  if (grepl(pattern, text)) {
    give.up(sub(pattern, "\\2", text))
  }
}

indices <- structure(lapply(repositories, index), names = repositories)
got <- choose(wanted, indices, file.path(getwd(), "fetched"), nzchar(Sys.getenv("LONGSHORE_LOCK")))
report("unavailable", intersect(names.of(wanted), got$absent))
report("unfit", got$unfit)
report("broken", got$broken)
if (!length(got$unfit) && length(got$chosen)) {
  withCallingHandlers(install.chosen(file.path(getwd(), "fetched"), target), warning = watched)
  for (package in names(got$chosen)) {
    if (!file.exists(file.path(target, package, "DESCRIPTION"))) {
      give.up(package)
    }
  }
}
