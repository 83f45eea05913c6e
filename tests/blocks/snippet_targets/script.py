# input_data: sales by shop and month; input_data_2, if it is connected: the shops' targets
sales = input_data.groupby("shop", as_index=False)["amount"].sum()

try:
    targets = input_data_2
except NameError:
    targets = pandas.DataFrame({"shop": sales["shop"], "target": 100.0})

output_data = sales.merge(targets, on="shop", how="left")
output_data["met"] = output_data["amount"] >= output_data["target"]

missing = output_data[output_data["target"].isna()]
if len(missing):
    output_data_2 = missing[["shop"]]
    print("no target:", list(missing["shop"]))
