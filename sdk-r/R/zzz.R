#' @useDynLib longshore, .registration = TRUE
#' @keywords internal
"_PACKAGE"

# The compiled part, by name. Every function returns a value or a failure; none raises.
native <- new.env(parent = emptyenv())
# The routine that shows a message; R loads it with the package.
message.routine <- NULL

.onLoad <- function(libname, pkgname) {
  registered <- getDLLRegisteredRoutines(getLoadedDLLs()[["longshore"]])$.Call
  for (name in names(registered)) {
    local({
      routine <- registered[[name]]
      assign(sub("^wrap__", "", name), function(...) .Call(routine, ...), envir = native)
    })
  }
  assign("message.routine", native$message_routine(), envir = parent.env(environment()))
}
