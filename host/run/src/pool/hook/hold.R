# Holds an interpreter at the end of its start until its run is known, then removes every trace of itself. R runs this
# through `R_TESTS` before it attaches its packages, and has opened the script of its future run, which is empty so far and
# which it reads only after this: nothing of the script's own start is imitated.
local({
    folder <- dirname(Sys.getenv("R_TESTS"))
    Sys.unsetenv("R_TESTS")
    base <- baseenv()
    attach_packages <- base$.First.sys
    hold <- function() {
        attach_packages()
        # R would compile the loops below before it runs them once.
        compiles <- .Internal(enableJIT(0L))
        unlockBinding(".First.sys", base)
        assign(".First.sys", attach_packages, envir = base)
        lockBinding(".First.sys", base)
        report <- character()
        note <- function(condition) {
            report <<- c(report, paste("printed", gsub("\n", " ", conditionMessage(condition), fixed = TRUE)))
            restart <- if (inherits(condition, "warning")) "muffleWarning" else "muffleMessage"
            invokeRestart(restart)
        }
        packages <- readLines(file.path(folder, "preload"), warn = FALSE)
        for (number in seq_along(packages)) {
            failure <- tryCatch(
                {
                    withCallingHandlers(loadNamespace(packages[[number]]), warning = note, message = note)
                    NULL
                },
                error = function(error) gsub("\n", " ", conditionMessage(error), fixed = TRUE)
            )
            if (!is.null(failure)) {
                report <- c(report, paste("failed", number - 1L, failure))
                break
            }
        }
        if (exists(".Random.seed", envir = globalenv(), inherits = FALSE)) {
            report <- c(report, "printed the state of the random number generator")
        }
        ready <- file(file.path(folder, "ready"), "wb", raw = TRUE)
        writeLines(report, ready)
        close(ready)
        go <- file(file.path(folder, "go"), "rb", raw = TRUE)
        if (length(readBin(go, "raw", 1L)) == 0L) quit("no", 1L)
        close(go)
        path <- file.path(folder, "run")
        bytes <- readBin(path, "raw", file.size(path))
        ends <- which(bytes == as.raw(0L))
        begins <- c(1L, ends + 1L)
        for (entry in seq_along(ends)) {
            text <- rawToChar(bytes[begins[[entry]]:(ends[[entry]] - 1L)])
            kind <- substr(text, 1L, 1L)
            text <- substring(text, 2L)
            if (kind == "e") {
                at <- regexpr("=", text, fixed = TRUE)
                value <- list(substring(text, at + 1L))
                names(value) <- substr(text, 1L, at - 1L)
                do.call(Sys.setenv, value)
            } else if (kind == "u") {
                Sys.unsetenv(text)
            }
        }
        unlink(folder, recursive = TRUE)
        .Internal(enableJIT(compiles))
        invisible()
    }
    assign(".First.sys", hold, envir = base)
})
