import os
import re
from collections import Counter
from omniscope.api import OmniscopeApi
import pandas as pd

omniscope_api = OmniscopeApi()

# the words that do not count: a file beside the script, unless there is an own one
stopwords_file = omniscope_api.get_option("stopwords") or "stopwords.txt"
with open(stopwords_file, encoding="utf-8") as lines:
    stopwords = set(lines.read().split())
assert os.path.exists(os.path.join(os.path.dirname(os.path.abspath(__file__)), "stopwords.txt"))

field = omniscope_api.get_option("textField")
input_data = omniscope_api.read_input_records(input_number=0)

words, lengths = Counter(), []
for position, text in enumerate(input_data[field].fillna("")):
    found = re.findall(r"\w+", text.lower())
    words.update(word for word in found if word not in stopwords)
    lengths.append(len(found))
    omniscope_api.update_progress(position / len(input_data), "counting words")

top = omniscope_api.get_option("top")
ranked = sorted(words.items(), key=lambda item: (-item[1], item[0]))[:top]
omniscope_api.write_output_records(pd.DataFrame(ranked, columns=["word", "count"]), output_number=0)

# the input once more, with the numbers of words
texts = omniscope_api.read_input_records(input_number=0)
texts["words"] = lengths
texts["unique"] = (
    texts[field].str.lower().str.findall(r"\w+").apply(lambda w: len(set(w)) if isinstance(w, list) else 0)
)
omniscope_api.write_output_records(texts, output_number=1)
omniscope_api.close()
