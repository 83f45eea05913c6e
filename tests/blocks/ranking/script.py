from omniscope.api import OmniscopeApi
import pandas as pd

omniscope_api = OmniscopeApi()
df = omniscope_api.read_input_records(0)
by, group, best = [omniscope_api.get_option(name) for name in ("rankBy", "group", "best")]

grouped = df.groupby(group)[by] if group else df[by]
df["rank"] = grouped.rank(method="dense", ascending=False).astype("Int64")
df["percentile"] = grouped.rank(pct=True).round(2)
if best:
    df = df[df["rank"] <= best]

# the previous one of the group beside each
previous = df.sort_values("rank", kind="stable")[[by]]
previous = previous.groupby(df[group]).shift() if group else previous.shift()
both = pd.concat([df, previous], axis=1)
omniscope_api.write_output_records(both, output_number=0)
omniscope_api.close(str(len(both)))
