library(omniscope.api)
omni.api = omniscope.api()
data = read.input.records(omni.api, input.number=1)
formula = get.option(omni.api, "formula")
level = get.option(omni.api, "level")

model = tryCatch(lm(as.formula(formula), data=data), error=function(e) {
  abort(omni.api, paste("the model cannot be fitted:", conditionMessage(e)))
})
s = summary(model)
coefficients = as.data.frame(s$coefficients)
coefficients = cbind(term=rownames(coefficients), coefficients)

predicted = as.data.frame(predict(model, data, interval="prediction", level=level))
predicted$residual = NA
predicted[names(residuals(model)), "residual"] = residuals(model)

write.output.records(omni.api, cbind(data, predicted), output.number="predictions")
write.output.records(omni.api, coefficients, output.number="coefficients")
print(s)
close(omni.api, sprintf("adjusted R squared %.4f", s$adj.r.squared))
