from omniscope.api import OmniscopeApi
from decimal import Decimal
import pandas as pd

omniscope_api = OmniscopeApi()
df = omniscope_api.read_input_records(input_number=0)
chunk_size = omniscope_api.get_option("chunkSize")

# the whole table goes out in pieces, each appended to the one before
for start in range(0, len(df), chunk_size):
    chunk = df.iloc[start : start + chunk_size].copy()
    chunk["chunk"] = start // chunk_size
    omniscope_api.write_output_records(chunk, output_number=0)
    omniscope_api.update_message(f"{start + len(chunk)} of {len(df)} records")

# what is in each column, of whatever type: mixed objects become text
report = pd.DataFrame(
    {
        "field": df.columns,
        "missing": df.isna().sum().values,
        "example": [df[column].dropna().iloc[0] if df[column].notna().any() else None for column in df.columns],
        "share": [Decimal(int(df[column].notna().sum())) / len(df) for column in df.columns],
        "values": [sorted(set(df[column].dropna().astype(str)))[:2] for column in df.columns],
    }
)
omniscope_api.write_output_records(report, output_number=1)

# nothing written changes what is read
again = omniscope_api.read_input_records(input_number=0)
assert list(again.columns) == list(df.columns) and len(again) == len(df)
if not omniscope_api.get_option("quiet"):
    omniscope_api.close("checked " + ("in a container" if omniscope_api.is_docker() else "as a process"))
