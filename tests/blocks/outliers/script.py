from omniscope.api import OmniscopeApi

api = OmniscopeApi()
df = api.read_input_records()
field = api.get_option("field")
method = api.get_option("method")
threshold = api.get_option("threshold")

values = df[field]
if method == "IQR":
    q1, q3 = values.quantile([0.25, 0.75])
    low, high = q1 - threshold * (q3 - q1), q3 + threshold * (q3 - q1)
else:
    low, high = values.mean() - threshold * values.std(), values.mean() + threshold * values.std()

df["is_outlier"] = (values < low) | (values > high)
print("limits are", low, high)

if not df["is_outlier"].any():
    # nothing to do downstream
    api.cancel("there are no outliers")
    raise SystemExit

api.write_output_records(df, 0)
api.write_output_records(df[df["is_outlier"]].drop(columns="is_outlier"), 1)
api.close()
