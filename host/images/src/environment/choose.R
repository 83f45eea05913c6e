# Which packages are installed for requirements such as `dplyr>=1.1,<2`: of each the newest version for this R that a
# repository has and that fits everything that needs it. They are fetched into a repository of their own. For the scripts of
# images and of local libraries, which follow this and `repositories.R`.

# How many versions of a package are fetched to find one for this R.
attempts <- 12L

# How often a choice is made or made again: packages have a few dozen dependencies, of which few are chosen twice.
steps <- 3000L

# The names of the packages of requirements.
names.of <- function(texts) sub("[<>=!].*$", "", texts)

# Requirements as a table: a row for each bound of a version, and one without an operator for each name.
read.requirements <- function(texts, by = "the block") {
  rows <- lapply(texts, function(text) {
    name <- names.of(text)
    bounds <- strsplit(substring(text, nchar(name) + 1L), ",", fixed = TRUE)[[1L]]
    data.frame(
      name = name, operator = c("", sub("[0-9].*$", "", bounds)), version = c("0", sub("^[<>=!]+", "", bounds)),
      by = by, stringsAsFactors = FALSE
    )
  })
  do.call(rbind, c(list(data.frame(name = character(), operator = character(), version = character(), by = character())), rows))
}

# What the fields of a DESCRIPTION need, in the same form, without R itself.
needs.of <- function(description, fields) {
  texts <- unlist(strsplit(unlist(description[intersect(fields, names(description))]), ",", fixed = TRUE))
  texts <- gsub("[[:space:]()]", "", texts)
  read.requirements(texts[nzchar(texts)], label.of(description))
}

label.of <- function(description) paste0("`", description[["Package"]], "` ", description[["Version"]])

# Whether a version fits the rows of a table. R compares: 1.10 is after 1.9, and 1.1, 1.1-0 and 1.1.0 are the same.
fits <- function(version, rows) {
  version <- numeric_version(version)
  compare <- function(operator, bound) operator == "" || do.call(operator, list(version, numeric_version(bound)))
  all(as.logical(mapply(compare, rows$operator, rows$version)))
}

# The installed packages with their versions; those that R finds first.
installed.versions <- function() {
  all <- installed.packages()
  all <- all[!duplicated(rownames(all)), , drop = FALSE]
  structure(all[, "Version"], names = rownames(all))
}

# The texts of requirements that the installed packages do not meet.
unmet <- function(texts, there = installed.versions()) {
  met <- function(text) {
    rows <- read.requirements(text)
    rows$name[1L] %in% names(there) && fits(there[[rows$name[1L]]], rows)
  }
  texts[!as.logical(vapply(texts, met, TRUE))]
}

# A table of requirements of one package as a text.
as.requirement <- function(rows) {
  rows <- unique(rows[rows$operator != "", c("operator", "version"), drop = FALSE])
  paste0(rows$operator, rows$version, collapse = ",")
}

# What `read` gets from an address; nothing where it is not there.
read.from <- function(address, read) {
  tryCatch(
    suppressWarnings({
      connection <- url(address)
      on.exit(close(connection))
      read(connection)
    }),
    error = function(condition) NULL
  )
}

# The versions of a package in the archive of a repository, the newest first: as its folder lists them, or its index.
archived <- function(repository, package) {
  contrib <- contrib.url(repository, "source")
  folder <- paste0(contrib, "/Archive/", package)
  files <- if (startsWith(repository, "file:")) {
    list.files(sub("^file:(//)?", "", folder))
  } else {
    listed <- read.from(paste0(folder, "/"), function(connection) readLines(connection, warn = FALSE))
    unlist(regmatches(listed, gregexpr("[A-Za-z][A-Za-z0-9.]*_[0-9][0-9.-]*[.]tar[.]gz", listed)))
  }
  if (!length(files)) {
    index <- read.from(paste0(contrib, "/Meta/archive.rds"), function(connection) readRDS(gzcon(connection)))
    files <- if (is.list(index)) basename(rownames(index[[package]]))
  }
  files <- as.character(files)
  start <- paste0(package, "_")
  versions <- unique(sub("[.]tar[.]gz$", "", substring(files[startsWith(files, start)], nchar(start) + 1L)))
  versions <- versions[grepl("^[0-9]+([.-][0-9]+)*$", versions)]
  versions[order(numeric_version(versions), decreasing = TRUE)]
}

# Fetches a file of a package, and reads its DESCRIPTION. Nothing where it is not there, or is not for this R.
fetched <- function(address, package, folder) {
  file <- file.path(folder, basename(address))
  got <- tryCatch(
    suppressWarnings(download.file(address, file, quiet = TRUE)) == 0L, error = function(condition) FALSE
  )
  description <- if (got) {
    tryCatch(
      {
        untar(file, file.path(package, "DESCRIPTION"), exdir = tempdir())
        read.dcf(file.path(tempdir(), package, "DESCRIPTION"))[1L, ]
      },
      error = function(condition) NULL, warning = function(condition) NULL
    )
  }
  if (!is.null(description) && is.for.this.r(description)) {
    return(c(description, File = file))
  }
  unlink(file)
  NULL
}

# Whether a package is for this R: a binary one was made by the same, apart from the last number of its version.
is.for.this.r <- function(description) {
  rows <- needs.of(description, c("Depends", "Imports"))
  made.by <- if ("Built" %in% names(description)) sub("^R ([0-9]+[.][0-9]+).*", "\\1", description[["Built"]])
  fits(format(getRversion()), rows[rows$name == "R", , drop = FALSE]) &&
    (is.null(made.by) || made.by == paste(unlist(getRversion())[1:2], collapse = "."))
}

# The newest version of a package within bounds, fetched; nothing where there is none.
newest <- function(package, rows, indices, folder) {
  place <- function(repository) contrib.url(repository, "source")
  file <- function(version) paste0(package, "_", version, ".tar.gz")
  tries <- 0L
  try.one <- function(address) {
    tries <<- tries + 1L
    fetched(address, package, folder)
  }
  for (repository in names(indices)) {
    versions <- unname(indices[[repository]][rownames(indices[[repository]]) == package, "Version"])
    for (version in versions[as.logical(vapply(versions, fits, TRUE, rows))]) {
      found <- try.one(file.path(place(repository), file(version)))
      if (!is.null(found)) {
        return(found)
      }
    }
  }
  # An exact version is where its name says, also in repositories that list no archive.
  exact <- unique(rows$version[rows$operator == "=="])
  for (version in exact[as.logical(vapply(exact, fits, TRUE, rows))]) {
    for (repository in names(indices)) {
      for (folder.of.it in c(place(repository), file.path(place(repository), "Archive", package))) {
        found <- fetched(file.path(folder.of.it, file(version)), package, folder)
        if (!is.null(found)) {
          return(found)
        }
      }
    }
  }
  for (repository in names(indices)) {
    versions <- archived(repository, package)
    for (version in versions[as.logical(vapply(versions, fits, TRUE, rows))]) {
      found <- if (tries < attempts) try.one(file.path(place(repository), "Archive", package, file(version)))
      if (!is.null(found)) {
        return(found)
      }
    }
  }
  NULL
}

# Why no version of a package can be had, with those that there are; nothing where it is in no repository and only the block
# needs it.
why.not <- function(package, own, indices, there) {
  has <- lapply(names(indices), function(repository) {
    current <- unname(indices[[repository]][rownames(indices[[repository]]) == package, "Version"])
    versions <- unique(c(current, utils::head(archived(repository, package), 5L)))
    if (length(versions)) paste0("`", repository, "` has ", paste(versions, collapse = ", "))
  })
  has <- c(unlist(has), if (package %in% names(there)) paste("R has", there[[package]]))
  whose <- unique(setdiff(own$by, "the block"))
  if (!length(has) && !length(whose)) {
    return(character())
  }
  paste0(
    "no repository has `", package, as.requirement(own), "` for R ", getRversion(),
    if (length(whose)) paste0(", which ", paste(whose, collapse = " and "), " needs"),
    if (length(has)) paste0(" (", paste(has, collapse = "; "), ")")
  )
}

# Installed packages that work now, and not with what was chosen: their names, with texts that say why.
broken.by <- function(chosen, there) {
  all <- installed.packages()
  all <- all[!duplicated(rownames(all)) & !(rownames(all) %in% names(chosen)), , drop = FALSE]
  texts <- lapply(rownames(all), function(name) {
    rows <- needs.of(all[name, !is.na(all[name, ])], c("Depends", "Imports"))
    rows <- rows[rows$operator != "" & rows$name %in% intersect(names(chosen), names(there)), , drop = FALSE]
    breaks <- vapply(seq_len(nrow(rows)), function(row) {
      own <- rows[row, , drop = FALSE]
      fits(there[[own$name]], own) && !fits(chosen[[own$name]][["Version"]], own)
    }, TRUE)
    own <- rows[breaks, , drop = FALSE][1L, ]
    if (any(breaks)) {
      paste0(own$by, " needs `", own$name, own$operator, own$version, "`, not ", label.of(chosen[[own$name]]))
    }
  })
  names(texts) <- rownames(all)
  unlist(texts)
}

# Chooses packages and fetches them into `folder`. The result has their descriptions (`chosen`), the names that no repository
# has (`absent`), texts that say why others cannot be had (`unfit`), and a text about installed packages that will no longer work
# (`broken`): if they are listed, in `LONGSHORE_LISTED`, the choice is unfit. `alone`: nothing but the requirements
# themselves.
choose <- function(texts, indices, folder, alone = FALSE) {
  there <- installed.versions()
  dir.create(folder, FALSE, TRUE)
  rows <- read.requirements(texts)
  chosen <- list()
  absent <- unfit <- character()
  queue <- unique(rows$name)
  for (step in seq_len(steps)) {
    if (!length(queue)) break
    package <- queue[1L]
    queue <- queue[-1L]
    own <- rows[rows$name == package, , drop = FALSE]
    version <- if (package %in% names(chosen)) chosen[[package]][["Version"]] else there[package]
    if (package %in% c("R", absent) || !is.na(version) && fits(version, own)) next
    if (package %in% names(chosen)) {
      # What the version that does not fit needs counts no more.
      unlink(chosen[[package]][["File"]])
      rows <- rows[rows$by != label.of(chosen[[package]]), , drop = FALSE]
    }
    found <- newest(package, own, indices, folder)
    if (is.null(found)) {
      unfit <- c(unfit, why.not(package, own, indices, there))
      absent <- c(absent, package)
      chosen[[package]] <- NULL
      next
    }
    chosen[[package]] <- found
    if (alone) next
    fields <- c("Depends", "Imports", if (!("Built" %in% names(found))) "LinkingTo")
    more <- needs.of(found, fields)
    rows <- rbind(rows, more)
    queue <- c(queue, setdiff(unique(more$name), "R"))
  }
  broken <- if (length(chosen)) broken.by(chosen, there)
  listed <- names(broken) %in% names.of(strsplit(Sys.getenv("LONGSHORE_LISTED"), " ", fixed = TRUE)[[1L]])
  others <- if (!all(listed)) paste("packages of this R will not work:", paste(broken[!listed], collapse = "; "))
  list(chosen = chosen, absent = absent, unfit = c(unfit, unname(broken[listed])), broken = others)
}

# Installs what was chosen into a library, in its order.
install.chosen <- function(folder, library, ...) {
  repository <- file.path(dirname(normalizePath(folder)), "repository")
  contrib <- contrib.url(repository, "source")
  dir.create(contrib, FALSE, TRUE)
  files <- list.files(folder, "[.]tar[.]gz$", full.names = TRUE)
  file.rename(files, file.path(contrib, basename(files)))
  tools::write_PACKAGES(contrib, type = "source")
  packages <- sub("_.*", "", basename(files))
  install.packages(packages, library, repos = paste0("file://", repository), type = "source", ...)
}
