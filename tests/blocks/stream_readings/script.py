from omniscope.api import OmniscopeApi

omni_api = OmniscopeApi()
value_field = omni_api.get_option("valueField")
lowest = omni_api.get_option("lowest")
highest = omni_api.get_option("highest")
unit = omni_api.get_option("unit")

if lowest > highest:
    omni_api.abort(f"the lowest value {lowest:g} is above the highest {highest:g}")

kept = dropped = 0


def clean(input_data):
    global kept, dropped
    good = input_data[value_field].between(lowest, highest)
    output_data = input_data[good].copy()
    for column in output_data.select_dtypes(include="object"):
        output_data[column] = output_data[column].str.strip().str.lower()
    output_data["unit"] = unit
    kept += len(output_data)
    dropped += len(input_data) - len(output_data)
    omni_api.update_message(f"{kept} kept, {dropped} dropped")
    return output_data


omni_api.process_stream(clean)
omni_api.close(f"{kept} kept, {dropped} dropped")
