import base64
import hashlib
import hmac
import sys
from omniscope.api import OmniscopeApi

omniscope_api = OmniscopeApi()
secret = omniscope_api.get_option("secret")
length = omniscope_api.get_option("length")
fields = omniscope_api.get_option("fields")
input_data = omniscope_api.read_input_records(input_number=0)

if fields is None:
    omniscope_api.update_message("no fields are chosen: the records go through as they are")
    fields = []

print("a secret of", len(secret), "characters", file=sys.stderr)


def pseudonym(value):
    digest = hmac.new(secret.encode("utf-8"), str(value).encode("utf-8"), hashlib.sha256).digest()
    return base64.b32encode(digest).decode("ascii")[:length].lower()


for field in fields:
    known = input_data[field].notna()
    input_data[field] = input_data[field].astype(object)
    input_data.loc[known, field] = input_data.loc[known, field].map(pseudonym)

omniscope_api.write_output_records(input_data, output_number=0)
omniscope_api.commit()
