import re
from omniscope.api import OmniscopeApi

omniscope_api = OmniscopeApi()
contacts = omniscope_api.read_input_records(input_number=0)
country_code = omniscope_api.get_option("countryCode")

EMAIL = re.compile(r"^[\w.+-]+@[\w-]+(\.[\w-]+)+$")


def clean_phone(phone):
    if phone is None or phone != phone:
        return None
    digits = re.sub(r"[^\d+]", "", phone)
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    elif digits.startswith("0") and country_code:
        digits = country_code + digits[1:]
    return digits if re.match(r"^\+?\d{6,15}$", digits) else None


contacts["name"] = contacts["name"].str.strip().str.replace(r"\s+", " ", regex=True).str.title()
contacts["email"] = contacts["email"].str.lower().str.strip()
contacts["phone"] = contacts["phone"].apply(clean_phone)
contacts["domain"] = contacts["email"].str.extract(r"@(.+)$")

valid = contacts["email"].fillna("").apply(lambda email: bool(EMAIL.match(email)))
omniscope_api.write_output_records(contacts[valid], output_number="clean")
rejected = contacts[~valid].assign(reason="no email address")
omniscope_api.write_output_records(rejected, output_number="rejected")
if not valid.all():
    omniscope_api.error(f"{(~valid).sum()} contacts have no valid email address")
omniscope_api.close(f"{valid.sum()} of {len(contacts)} contacts are clean")
