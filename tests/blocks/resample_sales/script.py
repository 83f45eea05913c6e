from omniscope.api import OmniscopeApi
import pandas as pd
from datetime import timedelta

omniscope_api = OmniscopeApi()
input_data = omniscope_api.read_input_records(input_number=0)

date_field = omniscope_api.get_option("dateField")
value_field = omniscope_api.get_option("valueField")
period = omniscope_api.get_option("period")
fill = omniscope_api.get_option("fillGaps")

rules = {"Day": "D", "Week": "W-SUN", "Month": "MS"}

input_data[date_field] = pd.to_datetime(input_data[date_field])
series = input_data.set_index(date_field)[value_field].sort_index()
resampled = series.resample(rules[period]).agg(["sum", "count"])
if not fill:
    resampled = resampled[resampled["count"] > 0]

output_data = resampled.reset_index()
output_data["days_since_start"] = (output_data[date_field] - output_data[date_field].min()) / timedelta(days=1)
output_data["change"] = output_data["sum"].pct_change()
output_data["weekday"] = output_data[date_field].dt.day_name().str[:3]

omniscope_api.write_output_records(output_data, output_number=0)
omniscope_api.close()
