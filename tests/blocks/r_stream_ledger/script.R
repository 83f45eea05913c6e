library(omniscope.api)
omni.api = omniscope.api()
rate = get.option(omni.api, "rate")
every = get.option(omni.api, "every")
limit = get.option(omni.api, "limit")

# what goes on from one chunk to the next
rows = 0
balance = 0
chunks = 0

process.stream(omni.api, function(input.data) {
  chunks <<- chunks + 1
  amount = ifelse(input.data$currency == "USD", input.data$amount / rate, input.data$amount)
  amount[is.na(amount)] = 0
  n = nrow(input.data)
  output.data = data.frame(row=rows + seq_len(n), input.data, eur=amount, balance=balance + cumsum(amount))
  if (!is.null(limit)) {
    over = which(output.data$balance > limit)
    if (length(over) > 0) abort(omni.api, paste("row", output.data$row[over[1]], "is over the limit"))
  }
  rows <<- rows + n
  balance <<- balance + sum(amount)
  output.data[output.data$row %% every == 0, ]
})
cat(chunks, "chunks\n")
close(omni.api, sprintf("%.2f EUR in %d rows", balance, as.integer(rows)))
