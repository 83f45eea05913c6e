# The package longshore under the name that Omniscope scripts attach. It re-exports functions only.

#' The functions of longshore
#'
#' Each function is re-exported from the package longshore and documented there: [longshore::longshore.api()],
#' [longshore::read.input()], [longshore::write.output.records()], [longshore::get.option()],
#' [longshore::update.message()], [longshore::process.stream()], [longshore::commit()], [longshore::is.docker()].
#' `close` and `print` use the methods for the run.
#'
#' @docType package
#' @name omniscope.api-package
#' @aliases abort block.name cancel commit file.name get.option get.options is.docker longshore.api process.stream
#'   read.input read.input.records report.error run.id update.message update.progress updateMessage updateProgress
#'   write.output write.output.records
#' @keywords internal
#' @importFrom longshore abort
#' @export abort
#' @importFrom longshore block.name
#' @export block.name
#' @importFrom longshore cancel
#' @export cancel
#' @importFrom longshore commit
#' @export commit
#' @importFrom longshore file.name
#' @export file.name
#' @importFrom longshore get.option
#' @export get.option
#' @importFrom longshore get.options
#' @export get.options
#' @importFrom longshore is.docker
#' @export is.docker
#' @importFrom longshore longshore.api
#' @export longshore.api
#' @importFrom longshore process.stream
#' @export process.stream
#' @importFrom longshore read.input
#' @export read.input
#' @importFrom longshore read.input.records
#' @export read.input.records
#' @importFrom longshore report.error
#' @export report.error
#' @importFrom longshore run.id
#' @export run.id
#' @importFrom longshore update.message
#' @export update.message
#' @importFrom longshore update.progress
#' @export update.progress
#' @importFrom longshore updateMessage
#' @export updateMessage
#' @importFrom longshore updateProgress
#' @export updateProgress
#' @importFrom longshore write.output
#' @export write.output
#' @importFrom longshore write.output.records
#' @export write.output.records
NULL

#' The script's run, under its name for Omniscope scripts
#'
#' @return what [longshore::longshore.api()] returns.
#' @examples
#' \dontrun{
#' library(omniscope.api)
#' omni.api <- omniscope.api()
#' table <- read.input.records(omni.api, input.number = 1)
#' write.output.records(omni.api, table, output.number = 1)
#' close(omni.api)
#' }
#' @export
omniscope.api <- function() longshore::longshore.api()
