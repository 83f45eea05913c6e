# /// script
# dependencies = ["data.table", "jsonlite"]
# ///
library(zoo)
