# The repositories that R packages are installed from, for the scripts of images and of local libraries, which follow this.
# They are the lines of `LONGSHORE_CRAN`; without any, those that R itself is set up with.
repositories <- strsplit(Sys.getenv("LONGSHORE_CRAN"), "\n", fixed = TRUE)[[1L]]
repositories <- repositories[nzchar(repositories)]
if (!length(repositories)) {
  profile <- file.path(R.home("etc"), "Rprofile.site")
  if (file.exists(profile)) try(sys.source(profile, new.env()), silent = TRUE)
  repositories <- setdiff(unname(getOption("repos")), "@CRAN@")
}
# Repositories that have binaries for Linux choose them by this.
options(HTTPUserAgent = sprintf(
  "R/%s R (%s)", getRversion(), paste(getRversion(), R.version$platform, R.version$arch, R.version$os)
), warn = 1)

