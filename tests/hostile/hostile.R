# What attempts in R share: what the host gave them, and programs that R starts for what it cannot do itself.
source("given.R")

# Starts a command of the shell's, and waits until it has done what it can: it makes the file `$DONE`, or ends.
stays <- function(command) {
  done <- tempfile()
  Sys.setenv(DONE = done)
  system(paste0("(", command, "; touch $DONE) &"))
  while (!file.exists(done)) Sys.sleep(0.05)
}
