from omniscope.api import OmniscopeApi
import pandas as pd

omniscope_api = OmniscopeApi()
payments = omniscope_api.read_input_records(input_number=0)
rates = omniscope_api.read_input_records(input_number=1)
target = omniscope_api.get_option("targetCurrency")

if rates is None:
    omniscope_api.abort("connect the rates to the second input")

unknown = sorted(set(payments["currency"]) - set(rates["currency"]) - {target})
if unknown:
    omniscope_api.abort("there is no rate for " + ", ".join(unknown))

payments["date"] = pd.to_datetime(payments["date"])
rates["date"] = pd.to_datetime(rates["date"])
converted = pd.merge_asof(
    payments.reset_index().sort_values("date"),
    rates.sort_values("date"),
    on="date",
    by="currency",
    direction="backward",
)
converted["rate"] = converted["rate"].where(converted["currency"] != target, 1.0)
converted[f"amount_{target.lower()}"] = (converted["amount"] * converted["rate"]).round(2)
converted = converted.sort_values("index").drop(columns="index")

omniscope_api.write_output_records(converted, output_number=0)
omniscope_api.close()
