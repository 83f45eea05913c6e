import numpy as np
import pandas as pd
from omniscope.api import OmniscopeApi

omniscope_api = OmniscopeApi()
input_data = omniscope_api.read_input_records(input_number=0)
values = input_data[omniscope_api.get_option("valueField")].to_numpy(dtype="float64", na_value=np.nan)
degree = omniscope_api.get_option("degree")

steps = np.arange(len(values) + omniscope_api.get_option("steps"))
known = np.flatnonzero(~np.isnan(values))
if len(known) <= degree:
    omniscope_api.abort(f"a trend of degree {degree} needs {degree + 1} values, there are {len(known)}")

trend = np.polynomial.Polynomial.fit(known, values[known], degree)
output_data = pd.DataFrame({"step": steps, "actual": pd.Series(values).reindex(steps), "trend": trend(steps).round(6)})
output_data["ahead"] = output_data["step"] >= len(values)
omniscope_api.write_output_records(output_data, output_number=0)
omniscope_api.close()
