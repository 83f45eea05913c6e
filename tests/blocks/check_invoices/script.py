import sys

from omniscope.api import OmniscopeApi

omniscope_api = OmniscopeApi()
invoices = omniscope_api.read_input_records(input_number=0)
if invoices is None or invoices.empty:
    omniscope_api.abort("there are no invoices")

mistakes = []
for field in omniscope_api.get_option("required") or []:
    for row in invoices.index[invoices[field].isna()]:
        mistakes.append({"row": row + 1, "mistake": f"{field} is missing"})
wrong = (invoices["net"] + invoices["tax"] - invoices["gross"]).abs() > 0.005
for row in invoices.index[wrong]:
    mistakes.append({"row": row + 1, "mistake": "net and tax are not gross"})

for mistake in mistakes:
    omniscope_api.error("row {row}: {mistake}".format(**mistake))
if len(mistakes) > omniscope_api.get_option("allowed"):
    omniscope_api.cancel(f"{len(mistakes)} mistakes in {len(invoices)} invoices")
    sys.exit()

omniscope_api.write_output_records(invoices, output_number=0)
if mistakes:
    import pandas

    omniscope_api.write_output_records(pandas.DataFrame(mistakes), output_number=1)
omniscope_api.commit()
