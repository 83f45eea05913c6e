from omniscope.api import OmniscopeApi
import numpy as np
import pandas as pd

omniscope_api = OmniscopeApi()
df = omniscope_api.read_input_records(input_number=0)
target = omniscope_api.get_option("target")
predictors = omniscope_api.get_option("predictors")
ridge = omniscope_api.get_option("ridge")

try:
    complete = df.dropna(subset=[target] + predictors)
    if len(complete) <= len(predictors):
        omniscope_api.abort(f"{len(complete)} complete rows are too few for {len(predictors)} predictors")
    X = np.column_stack([np.ones(len(complete))] + [complete[name].astype("float64") for name in predictors])
    y = complete[target].to_numpy(dtype="float64")
    penalty = np.eye(X.shape[1]) * (ridge if ridge is not None else 0.0)
    penalty[0, 0] = 0
    beta = np.linalg.solve(X.T @ X + penalty, X.T @ y)
except Exception as error:
    # abort must not end here
    omniscope_api.abort("cannot fit: " + str(error))

fitted = X @ beta
residuals = y - fitted
r_squared = 1 - (residuals**2).sum() / ((y - y.mean()) ** 2).sum()

coefficients = pd.DataFrame({"term": ["(intercept)"] + predictors, "estimate": beta})
omniscope_api.write_output_records(coefficients, output_number="coefficients")
omniscope_api.write_output_records(complete.assign(fitted=fitted, residual=residuals), output_number="fitted")
omniscope_api.close(f"R squared is {r_squared:.3f}")
