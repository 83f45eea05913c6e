from omniscope.api import OmniscopeApi
import numpy as np

omniscope_api = OmniscopeApi()
df = omniscope_api.read_input_records()

rows = omniscope_api.get_option("rows")
columns = omniscope_api.get_option("columns")
values = omniscope_api.get_option("values")
measure = omniscope_api.get_option("measure") or "sum"
totals = omniscope_api.get_option("totals")

if values is None:
    # no value chosen: count the records
    df["records"] = 1
    values, measure = ["records"], "sum"

pivot = df.pivot_table(index=rows, columns=columns, values=values, aggfunc=measure, fill_value=0)

# columns are years, or pairs of a value and a year: neither are strings
if len(values) == 1:
    pivot.columns = pivot.columns.droplevel(0)
pivot = pivot.reset_index()
if totals:
    pivot["total"] = pivot.select_dtypes(include=np.number).sum(axis=1)

omniscope_api.write_output_records(pivot)
omniscope_api.close()
