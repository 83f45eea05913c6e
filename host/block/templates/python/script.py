"""Sums a number for each value of a field."""

from longshore.api import Api

api = Api()
sales = api.read_input_records()
if sales is None:
    api.abort("connect a table to input 0")

group, value = api.get_option("group"), api.get_option("value")
totals = sales.groupby(group, as_index=False)[value].agg(api.get_option("measure"))
totals = totals.sort_values(value, ascending=False, kind="stable")
if api.get_option("top") is not None:
    totals = totals.head(api.get_option("top"))
if api.get_option("share"):
    totals["share"] = totals[value] / totals[value].sum()

api.write_output_records(totals, "totals")
api.close(f"{len(totals)} groups out of {len(sales)} rows")
