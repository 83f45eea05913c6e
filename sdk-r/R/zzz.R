#' @useDynLib longshore, .registration = TRUE
#' @keywords internal
"_PACKAGE"

# The compiled part, by name. Every function answers with a value or a failure, and none of them raises.
native <- new.env(parent = emptyenv())
# The same as routines, for calls that must cost little.
routines <- new.env(parent = emptyenv())

.onLoad <- function(libname, pkgname) {
  registered <- getDLLRegisteredRoutines(getLoadedDLLs()[["longshore"]])$.Call
  for (name in names(registered)) {
    local({
      routine <- registered[[name]]
      short <- sub("^wrap__", "", name)
      assign(short, routine, envir = routines)
      assign(short, function(...) .Call(routine, ...), envir = native)
    })
  }
}
