library(zoo)
cat("done\n")
