# What of the named packages is missing, what must be compiled for it, and installing it: `install.R missing|plan|install
# PACKAGE ...`, in the folder of the build. The file `versions`, where there is one, says which versions. For a lock of
# another tool, which `LONGSHORE_LOCK` names: which of them are there in another version or not at all (`differing`), getting
# these (`fetch`) and installing them (`exact`). `repositories.R` comes before it.

arguments <- commandArgs(trailingOnly = TRUE)
mode <- arguments[1L]
wanted <- arguments[-1L]
# Packages that nobody declared, but the script names: it may do without.
optional <- strsplit(Sys.getenv("LONGSHORE_OPTIONAL"), " ", fixed = TRUE)[[1L]]
library.folder <- "/usr/local/lib/R/site-library"
dir.create(library.folder, FALSE, TRUE)
.libPaths(c(library.folder, .libPaths()))

options(
  # Several at a time are installed by make.
  Ncpus = if (nzchar(Sys.which("make"))) max(1L, parallel::detectCores(), na.rm = TRUE) else 1L,
  timeout = 300
)

installed <- function() rownames(installed.packages())
missing.of <- function(packages) packages[!(packages %in% installed())]
tell <- function(what, ...) cat(sprintf("longshore-%s: %s\n", what, paste0(...)), file = stderr())

available <- function() {
  unreachable <- NULL
  found <- lapply(repositories, function(repository) {
    tryCatch(
      available.packages(contrib.url(repository, "source"), filters = c("R_version", "OS_type", "duplicates")),
      warning = function(condition) {
        unreachable <<- c(unreachable, repository)
        NULL
      }
    )
  })
  if (length(unreachable)) {
    words <- paste0("the repository ", paste0("`", unreachable, "`", collapse = ", "), " cannot be reached for the packages ",
                    paste0("`", wanted, "`", collapse = ", "))
    if (!all(wanted %in% optional)) {
      tell("reason", words)
      quit(status = 1L)
    }
    # Networks come back: it is tried again in ten minutes.
    tell("note", words, ": a script that needs them fails")
    tell("lacking", "600")
  }
  found <- do.call(rbind, found[vapply(found, NROW, 0L) > 0L])
  if (is.null(found)) found else found[!duplicated(found[, "Package"]), , drop = FALSE]
}

needed <- function(packages, known) {
  all <- tools::package_dependencies(packages, known, recursive = TRUE)
  missing.of(unique(c(packages, unlist(all))))
}

# Gets the exact version of a package, from the repository's own folder or its archive.
fetch <- function(package, version, folder) {
  file <- sprintf("%s_%s.tar.gz", package, version)
  for (repository in sub("/$", "", repositories)) {
    for (place in c(file.path("src/contrib", file), file.path("src/contrib/Archive", package, file))) {
      got <- tryCatch(
        download.file(file.path(repository, place), file.path(folder, file), quiet = TRUE) == 0L,
        error = function(condition) FALSE, warning = function(condition) FALSE
      )
      if (got) {
        return(invisible())
      }
    }
  }
  lock <- Sys.getenv("LONGSHORE_LOCK")
  others <- if (file.exists("others")) read.table("others", col.names = c("name", "version"), colClasses = "character")
  of.debian <- others$version[others$name == package]
  tell("reason", "no repository has `", package, "` in the version ", version, " that ",
       if (nzchar(lock)) paste0("`", lock, "`") else "the lock", " names",
       if (length(of.debian)) paste0("; Debian has ", of.debian[1L], ": lock that version, or list the package without one"))
  quit(status = 1L)
}

# The rows of `versions` whose packages are not there in this version.
differing <- function(versions) {
  there <- installed.packages()
  there <- there[match(versions$name, rownames(there)), "Version"]
  same <- mapply(function(one, other) !is.na(one) && package_version(one) == package_version(other), there, versions$version)
  versions[!as.logical(same), , drop = FALSE]
}

# The repository of the exact packages that were fetched.
locked <- function() file.path(getwd(), "locked")

# Installs exact versions: as a repository of their own they are put in their order.
install.versions <- function(versions) {
  repository <- file.path(tempdir(), "locked")
  contrib <- file.path(repository, "src", "contrib")
  dir.create(contrib, recursive = TRUE)
  for (row in seq_len(nrow(versions))) fetch(versions$name[row], versions$version[row], contrib)
  tools::write_PACKAGES(contrib)
  install.packages(versions$name, lib = library.folder, repos = paste0("file://", repository), quiet = TRUE)
}

read.versions <- function() read.table("versions", col.names = c("name", "version"), colClasses = "character")

if (mode == "missing") {
  writeLines(missing.of(wanted))
} else if (mode == "differing") {
  rows <- differing(read.versions())
  writeLines(paste(rows$name, rows$version))
} else if (mode == "fetch") {
  rows <- differing(read.versions())
  wanted <- rows$name
  available()
  contrib <- file.path(locked(), "src", "contrib")
  dir.create(contrib, recursive = TRUE)
  for (row in seq_len(nrow(rows))) fetch(rows$name[row], rows$version[row], contrib)
  tools::write_PACKAGES(contrib)
  known <- available.packages(paste0("file://", contrib), filters = list())
  writeLines(rows$name[rows$name %in% known[known[, "NeedsCompilation"] %in% "yes", "Package"]], "compile")
} else if (mode == "exact") {
  rows <- differing(read.versions())
  repository <- paste0("file://", locked())
  # All of it from this one repository: what the lock does not list must be there already.
  install.packages(rows$name, lib = library.folder, repos = repository, dependencies = FALSE, quiet = TRUE)
  failed <- differing(rows)$name
  if (length(failed)) {
    tell("reason", "of the R packages these could not be installed: ", paste0("`", failed, "`", collapse = ", "))
    quit(status = 1L)
  }
} else if (mode == "plan") {
  known <- available()
  nowhere <- setdiff(wanted, rownames(known))
  lacking <- setdiff(nowhere, optional)
  if (length(lacking)) {
    tell("reason", "no repository has ", paste0("`", lacking, "`", collapse = ", "))
    quit(status = 1L)
  }
  if (length(nowhere) && !is.null(known)) {
    # Packages come seldom: it is tried again in a day.
    tell("lacking", "86400")
    tell("note", "no repository has the R package", if (length(nowhere) > 1L) "s", " ",
         paste0("`", nowhere, "`", collapse = ", "), ": a script that needs it fails")
  }
  packages <- if (is.null(known)) character() else intersect(needed(intersect(wanted, rownames(known)), known), rownames(known))
  compiled <- packages[known[packages, "NeedsCompilation"] %in% "yes"]
  writeLines(compiled, "compile")
} else {
  versions <- if (file.exists("versions")) read.versions()
  known <- suppressMessages(available())
  present <- intersect(wanted, rownames(known))
  if (is.null(versions)) {
    if (length(present)) {
      install.packages(present, lib = library.folder, repos = repositories, dependencies = NA, quiet = TRUE)
    }
  } else {
    install.versions(versions[!(versions$name %in% installed()), , drop = FALSE])
  }
  failed <- missing.of(present)
  if (length(failed)) {
    tell("reason", "of the R packages these could not be installed: ", paste0("`", failed, "`", collapse = ", "))
    quit(status = 1L)
  }
}
