from omniscope.api import OmniscopeApi
import pandas as pd

omniscope_api = OmniscopeApi()

# read the orders, the customers, and the products if they are connected
orders = omniscope_api.read_input_records(input_number=0)
customers = omniscope_api.read_input_records(input_number=1)
products = omniscope_api.read_input_records(input_number=2)

if orders is None or customers is None:
    omniscope_api.abort("Connect orders to the first input and customers to the second")

keep = omniscope_api.get_option("keepUnmatched")

joined = pd.merge(orders, customers, how="left" if keep else "inner", on="customer_id", suffixes=("", "_customer"))
if products is not None:
    joined = joined.merge(products, how="left", left_on="product", right_on="code").drop(columns=["code"])
    joined["amount"] = joined["quantity"] * joined["price"]

unmatched = orders[~orders["customer_id"].isin(customers["customer_id"])]

# write the output records in the first and second output
omniscope_api.write_output_records(joined, output_number=0)
if len(unmatched) > 0:
    omniscope_api.write_output_records(unmatched, output_number=1)
omniscope_api.close()
