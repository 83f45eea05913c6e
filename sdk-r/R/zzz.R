#' @useDynLib longshore, .registration = TRUE
#' @keywords internal
"_PACKAGE"

# The compiled part, by name. Every function answers with a value or a failure, and none of them raises.
native <- new.env(parent = emptyenv())

.onLoad <- function(libname, pkgname) {
  routines <- getDLLRegisteredRoutines(getLoadedDLLs()[["longshore"]])$.Call
  for (name in names(routines)) {
    local({
      routine <- routines[[name]]
      assign(sub("^wrap__", "", name), function(...) .Call(routine, ...), envir = native)
    })
  }
}
