local({
  path <- commandArgs(trailingOnly = TRUE)[1L]
  if (!requireNamespace("knitr", quietly = TRUE)) {
    stop("cannot execute the document: the image has no package 'knitr'", call. = FALSE)
  }
  knitr::render_markdown()
  # What a chunk prints is shown when the chunk ends, and is in the document.
  for (kind in c("output", "message", "warning")) local({
    stream <- if (kind == "output") stdout() else stderr()
    plain <- knitr::knit_hooks$get(kind)
    hook <- function(x, options) {
      start <- if (is.character(options$comment)) paste0("(^|\n)", options$comment, " ?") else "()"
      cat(gsub(start, "\\1", x), file = stream)
      plain(x, options)
    }
    do.call(knitr::knit_hooks$set, stats::setNames(list(hook), kind))
  })
  knitr::opts_chunk$set(error = FALSE)
  knitr::knit(path, paste0(tools::file_path_sans_ext(path), ".md"), envir = globalenv(), quiet = TRUE)
  invisible()
})
