# The steps of a build that installs R packages: `install.R STEP REQUIREMENT ...`, in the folder of the build. Which of the
# requirements are not met (`missing`), which of them Debian's packages meet (`offers`), fetching the others (`fetch`), which
# says what must be compiled, and installing these (`install`). With a lock, which `LONGSHORE_LOCK` names, nothing is
# installed but the requirements. `repositories.R` and `choose.R` come before it.

arguments <- commandArgs(trailingOnly = TRUE)
step <- arguments[1L]
wanted <- arguments[-1L]
names.wanted <- names.of(wanted)
# Packages that nobody declared, but the script names: it may do without.
optional <- strsplit(Sys.getenv("LONGSHORE_OPTIONAL"), " ", fixed = TRUE)[[1L]]
lock <- Sys.getenv("LONGSHORE_LOCK")
library.folder <- "/usr/local/lib/R/site-library"
dir.create(library.folder, FALSE, TRUE)
.libPaths(c(library.folder, .libPaths()))

options(
  # Several at a time are installed by make.
  Ncpus = if (nzchar(Sys.which("make"))) max(1L, parallel::detectCores(), na.rm = TRUE) else 1L,
  timeout = 300
)

tell <- function(what, ...) cat(sprintf("longshore-%s: %s\n", what, paste0(...)), file = stderr())

give.up <- function(...) {
  tell("reason", ...)
  quit(status = 1L)
}

quoted <- function(texts) paste0("`", texts, "`", collapse = ", ")

# The indices of the repositories, named by their addresses.
read.indices <- function() {
  unreachable <- NULL
  indices <- lapply(repositories, function(repository) {
    tryCatch(
      available.packages(contrib.url(repository, "source"), filters = c("R_version", "OS_type", "duplicates")),
      warning = function(condition) {
        unreachable <<- c(unreachable, repository)
        NULL
      }
    )
  })
  if (length(unreachable)) {
    words <- paste0("the repository ", quoted(unreachable), " cannot be reached for the packages ", quoted(wanted))
    if (!all(names.wanted %in% optional)) give.up(words)
    # Networks come back: it is tried again in ten minutes.
    tell("note", words, ": a script that needs them fails")
    tell("lacking", "600")
  }
  names(indices) <- repositories
  indices[lengths(indices) > 0L]
}

# The version of Debian's package of an R package, without what Debian adds to it; nothing where it has none.
of.debian <- function(name) {
  said <- suppressWarnings(system2("apt-cache", c("policy", paste0("r-cran-", tolower(name))), stdout = TRUE, stderr = FALSE))
  version <- sub("^  Candidate: ", "", grep("^  Candidate: ", said, value = TRUE))
  version <- sub("-[^-]*$", "", sub("^[0-9]+:", "", version))
  version <- sub("[+~.](dfsg|ds|repack|really).*$", "", version)
  version[grepl("^[0-9]+([.-][0-9]+)*$", version)]
}

# Words for versions of Debian's that do not fit.
others <- function(names) {
  known <- if (file.exists("others")) read.table("others", col.names = c("name", "version"), colClasses = "character")
  known <- known[known$name %in% names, , drop = FALSE]
  if (NROW(known)) {
    paste0("; Debian has ", paste0(if (NROW(known) > 1L) paste0("`", known$name, "` "), known$version, collapse = ", "))
  }
}

if (step == "missing") {
  writeLines(unmet(wanted))
} else if (step == "offers") {
  versions <- lapply(names.wanted, of.debian)
  fit <- as.logical(mapply(function(text, version) length(version) && fits(version, read.requirements(text)), wanted, versions))
  if (any(fit)) writeLines(paste0("r-cran-", tolower(names.wanted[fit])))
  other <- !fit & lengths(versions) > 0L
  writeLines(paste(names.wanted[other], unlist(versions[other])), "others")
} else if (step == "fetch") {
  indices <- read.indices()
  got <- choose(wanted, indices, "fetched", nzchar(lock))
  lacking <- setdiff(intersect(got$absent, names.wanted), optional)
  if (nzchar(lock) && length(lacking)) {
    first <- names.wanted == lacking[1L]
    give.up(
      "no repository has `", lacking[1L], "` in the version ", sub("^.*==", "", wanted[first][1L]), " that ", lock, " names",
      others(lacking[1L]), ": lock a version that there is, or list the package without one"
    )
  }
  if (length(got$unfit)) {
    give.up(paste(got$unfit, collapse = "; "), others(got$absent), ": ask for a version that there is, or add a repository that has it")
  }
  if (length(lacking)) give.up("no repository has ", quoted(wanted[names.wanted %in% lacking]), others(lacking))
  nowhere <- intersect(got$absent, optional)
  if (length(nowhere) && length(indices)) {
    # Packages come seldom: it is tried again in a day.
    tell("lacking", "86400")
    tell("note", "no repository has the R package", if (length(nowhere) > 1L) "s", " ", quoted(nowhere), ": a script that needs it fails")
  }
  if (length(got$broken)) tell("note", got$broken)
  has.sources <- function(one) any(startsWith(untar(one[["File"]], list = TRUE), paste0(one[["Package"]], "/src/")))
  compiled <- vapply(got$chosen, function(one) !("Built" %in% names(one)) && has.sources(one), TRUE)
  writeLines(as.character(names(got$chosen)[as.logical(compiled)]), "compile")
  exact <- vapply(got$chosen, function(one) paste0(one[["Package"]], "==", one[["Version"]]), "")
  writeLines(as.character(exact), "chosen")
} else {
  chosen <- readLines("chosen")
  if (length(chosen)) install.chosen("fetched", library.folder, quiet = TRUE)
  failed <- unmet(chosen)
  if (length(failed)) {
    give.up("of the R packages these could not be installed: ", quoted(sub("==.*$", "", failed)))
  }
}
