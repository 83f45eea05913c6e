import json
from pathlib import Path

import pandas as pd
from omniscope.api import OmniscopeApi

from lookup import labels_of

omniscope_api = OmniscopeApi()
here = Path(__file__).resolve().parent

# a code book is two files of one stem: NAME.csv, and NAME.json that says how to read it
code_book = Path(omniscope_api.get_option("codeBook") or here / "books" / "iso.csv")
settings_file = code_book.with_suffix(".json")
if not settings_file.exists():
    omniscope_api.abort(f"there is no {settings_file.name} beside {code_book.name}")
with open(settings_file, encoding="utf-8") as file:
    settings = json.load(file)
codes = pd.read_csv(code_book, sep=settings["separator"], dtype=str, keep_default_na=False)

input_data = omniscope_api.read_input_records()
field = settings["field"]
labels = labels_of(input_data[field], codes)
if omniscope_api.get_option("keepCodes"):
    input_data.insert(list(input_data.columns).index(field) + 1, field + " label", labels)
else:
    input_data[field] = labels

omniscope_api.write_output_records(input_data, output_number="labelled")
omniscope_api.commit(f"{settings['title']}: {labels.notna().sum()} of {len(labels)}")
