# Installs packages into a library of this machine, in one step; in containers `install.R` downloads and installs in steps
# of their own, with caches between them. Called with the library, the file to report to, and the packages;
# `repositories.R` is before it. The report has a line for each package that is in no repository, each repository that does
# not answer, and the package that failed: `unavailable x`, `unreachable x`, `failed x`. The first failure ends it, so that
# the last lines are that package's.
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

available <- do.call(rbind, lapply(repositories, index))
absent <- setdiff(wanted, rownames(available))
report("unavailable", absent)
wanted <- setdiff(wanted, absent)

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

if (length(wanted) > 0) {
  # A later repository has a package too that an earlier one has: the first counts.
  available <- available[!duplicated(rownames(available)), , drop = FALSE]
  withCallingHandlers(
    utils::install.packages(wanted, target, available = available, type = "source", dependencies = NA),
    warning = watched
  )
  for (package in wanted) {
    if (!file.exists(file.path(target, package, "DESCRIPTION"))) {
      give.up(package)
    }
  }
}
