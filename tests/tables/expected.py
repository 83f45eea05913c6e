"""What becomes of each type: the one table of which docs/tables.md is written and by which the matrix is judged.

A row's first cell is the type, or a pattern of several: `{bits}`, `{unit}`, `{zone}`, ... stand for what the name has
there, in the other cells too. The first row that fits counts. A cell has up to three parts, between slashes: where no
value is missing, where some are, and for extremes; a part that is left out is the one before it. `=` is the type itself,
`error: TEXT` an error that names the column and says TEXT. What a value becomes needs no table: `agrees.py` knows which
forms hold all of it.
"""

import dataclasses
import functools
import re

# What a script gets. pandas 2 has objects of str where pandas 3 has `str`. Objects are named with their class.
READ = """
type | pyarrow | pandas | polars | R
null | = | object | Null | logical
bool | = | bool / object of bool | Boolean | logical
int64 | = | int64 / float64 / (beyond 2^53) Int64 | Int64 | integer / integer / (beyond 2^53) error: beyond what doubles hold
uint64 | = | uint64 / float64 / UInt64 | UInt64 | integer / integer / (beyond 2^53) error: beyond what doubles hold
int32 | = | int32 / float64 | Int32 | integer / integer / (the limit of int32 and beyond) numeric
uint32 | = | uint32 / float64 | UInt32 | integer / integer / (the limit of int32 and beyond) numeric
int{bits} | = | int{bits} / float64 | Int{bits} | integer
uint{bits} | = | uint{bits} / float64 | UInt{bits} | integer
halffloat | = | float16 | Float16 | numeric
float | = | float32 | Float32 | numeric
double | = | float64 | Float64 | numeric
decimal32(9, 2) | decimal128(9, 2) | object of Decimal | Decimal(9, 2) | numeric
decimal64(18, 2) | decimal128(18, 2) | object of Decimal | Decimal(18, 2) | numeric / numeric / (beyond a double's digits) character
decimal128(38, 10) | = | object of Decimal | Decimal(38, 10) | numeric / numeric / (beyond a double's digits) character
decimal256(76, 20) | = | object of Decimal | Decimal(38, 20) / Decimal(38, 20) / (beyond 38 digits) String | numeric / numeric / (beyond a double's digits) character
string | = | str | String | character
large_string | = | str | String | character / character / (with a NUL) error: NUL
string_view | string | str | String | character
binary | = | object of bytes | Binary | list
large_binary | = | object of bytes | Binary | list
binary_view | binary | object of bytes | Binary | list
fixed_size_binary[3] | = | object of bytes | Binary | list
date32[day] | = | datetime64[s] | Date | Date
date64[ms] | = | datetime64[s] | Datetime(ms) | Date
time64[ns] | = | object of time / object of time / (nanoseconds, no time of day) timedelta64[ns] | Time | hms
time{bits}[{unit}] | = | object of time | Time | hms
timestamp[s] | = | datetime64[s] | Datetime(ms) | POSIXct in UTC
timestamp[s, tz={zone}] | = | datetime64[s, {zone}] | Datetime(ms, '{zone in polars}') | POSIXct in {zone in R}
timestamp[ns] | = | datetime64[ns] | Datetime(ns) | POSIXct in UTC / POSIXct in UTC / (with nanoseconds) character
timestamp[ns, tz={zone}] | = | datetime64[ns, {zone}] | Datetime(ns, '{zone in polars}') | POSIXct in {zone in R} / POSIXct in {zone in R} / (with nanoseconds) character
timestamp[{unit}] | = | datetime64[{unit}] | Datetime({unit}) | POSIXct in UTC
timestamp[{unit}, tz={zone}] | = | datetime64[{unit}, {zone}] | Datetime({unit}, '{zone in polars}') | POSIXct in {zone in R}
duration[s] | = | timedelta64[s] | Duration(ms) | difftime
duration[{unit}] | = | timedelta64[{unit}] | Duration({unit}) | difftime
month_day_nano_interval | = | object of MonthDayNano | Struct({'months': Int32, 'days': Int32, 'nanoseconds': Int64}) | character
list_view<{item}> | list<item: {item}> | object of list | List(Int64) | list / list / (beyond 2^53) error: beyond what doubles hold
large_list_view<{item}> | large_list<item: {item}> | object of list | List(String) | list
large_list<{item}> | large_list<item: {item}> | object of list | List(String) | list
fixed_size_list<float>[3] | fixed_size_list<item: float>[3] | object of list | Array(Float32, shape=(3,)) | list
list<int64> | list<item: int64> | object of list | List(Int64) | list / list / (beyond 2^53) error: beyond what doubles hold
list<double> | list<item: double> | object of list | List(Float64) | list
list<bool> | list<item: bool> | object of list | List(Boolean) | list
list<binary> | list<item: binary> | object of list | List(Binary) | list
list<decimal128(38, 2)> | list<item: decimal128(38, 2)> | object of list | List(Decimal(38, 2)) | list
list<list<int64>> | list<item: list<item: int64>> | object of list | List(List(Int64)) | list
list<timestamp[s]> | list<item: timestamp[s]> | object of list | List(Datetime(ms)) | list
list<timestamp[us, tz={zone}]> | list<item: timestamp[us, tz={zone}]> | object of list | List(Datetime(us, '{zone in polars}')) | list
list<date64[ms]> | list<item: date64[ms]> | object of list | List(Datetime(ms)) | list
list<time32[s]> | list<item: time32[s]> | object of list | List(Time) | list
list<duration[ms]> | list<item: duration[ms]> | object of list | List(Duration(ms)) | list
list<dictionary<string>> | list<item: string> | object of list | List(String) | list
struct<a: int64, b: string> | = | object of dict | Struct({'a': Int64, 'b': String}) | list / list / (beyond 2^53) error: beyond what doubles hold
list<struct<a: int64, b: string>> | list<item: struct<a: int64, b: string>> | object of list | List(Struct({'a': Int64, 'b': String})) | list / list / (beyond 2^53) error: beyond what doubles hold
struct<l: list<int64>, s: struct<v: string_view>> | struct<l: list<item: int64>, s: struct<v: string>> | object of dict | Struct({'l': List(Int64), 's': Struct({'v': String})}) | list
map<string, int64> | = | object of Pairs | Map(String, Int64) | list / list / (beyond 2^53) error: beyond what doubles hold
map<int32, string> | = | object of Pairs | Map(Int32, String) | list
dictionary<{key}, int64> | int64 | int64 / float64 / (beyond 2^53) Int64 | Int64 | integer / integer / (beyond 2^53) error: beyond what doubles hold
dictionary<int32, timestamp[us, tz={zone}]> | timestamp[us, tz={zone}] | datetime64[us, {zone}] | Datetime(us, '{zone in polars}') | POSIXct in {zone in R}
dictionary<int8, large_string> | dictionary<values=large_string, indices=int32, ordered=0> | category | Categorical | character
dictionary{rest} | dictionary<values=string, indices=int32, ordered=0> | category | Categorical | character
run_end_encoded<{key}, string> | string | str | String | character
run_end_encoded<{key}, int64> | int64 | int64 / float64 / (beyond 2^53) Int64 | Int64 | integer / integer / (beyond 2^53) error: beyond what doubles hold
{mode}_union<int64, string> | {mode}_union<n: int64=0, t: string=1> | object of int, str | error: union | list / list / (beyond 2^53) error: beyond what doubles hold
extension<arrow.uuid> | = | object of UUID | String | character
extension<arrow.json> | = | str | Extension('arrow.json', String, '') | character
extension<arrow.bool8> | bool | bool / object of bool | Boolean | logical
extension<arrow.fixed_shape_tensor> | extension<arrow.fixed_shape_tensor[value_type=float, shape=[2,2]]> | object of list | Extension('arrow.fixed_shape_tensor', Array(Float32, shape=(4,)), '{"shape":[2,2]}') | list
extension<geoarrow.wkb> | binary | object of bytes | Extension('geoarrow.wkb', Binary, '{}') | list
"""

# What comes back when the script writes the frame as it is: the Arrow type in an `.arrow` file.
BACK = """
type | from pyarrow | from pandas | from polars | from R
null | string | string | string | string
bool | = | bool | bool | bool
int64 | = | int64 / double / (beyond 2^53) int64 | int64 | int64
uint64 | = | uint64 / double / (beyond 2^53) uint64 | uint64 | int64
int32 | = | int32 / double | int32 | int64 / int64 / (the limit of int32 and beyond) double
uint32 | = | uint32 / double | uint32 | int64 / int64 / (the limit of int32 and beyond) double
int{bits} | = | int{bits} / double | int{bits} | int64
uint{bits} | = | uint{bits} / double | uint{bits} | int64
halffloat | = | halffloat | halffloat | double
float | = | float | float | double
double | = | double | double | double
decimal32(9, 2) | decimal128(9, 2) | decimal128 | decimal128(9, 2) | double
decimal64(18, 2) | decimal128(18, 2) | decimal128 | decimal128(18, 2) | double / double / (beyond a double's digits) large_string
decimal128(38, 10) | = | decimal128 | decimal128(38, 10) | double / double / (beyond a double's digits) large_string
decimal256(76, 20) | = | decimal128 / decimal128 / (beyond 38 digits) decimal256 | decimal128(38, 20) / decimal128(38, 20) / (beyond 38 digits) string | double / double / (beyond a double's digits) large_string
string | = | large_string | string | large_string
large_string | = | large_string | string | large_string
string_view | string | large_string | string | large_string
binary | = | binary | binary | large_binary
large_binary | = | binary | binary | large_binary
binary_view | binary | binary | binary | large_binary
fixed_size_binary[3] | = | binary | binary | large_binary
date32[day] | = | date32[day] | date32[day] | date32[day]
date64[ms] | = | date32[day] | timestamp[ms] | date32[day]
time64[ns] | = | time64[us] / time64[us] / (nanoseconds, no time of day) duration[ns] | time64[ns] | time64[us] / time64[us] / (with nanoseconds) time64[ns]
time{bits}[{unit}] | = | time64[us] | time64[ns] | time64[us]
timestamp[s] | = | timestamp[s] | timestamp[ms] | timestamp[us]
timestamp[s, tz={zone}] | = | timestamp[s, tz={zone}] | timestamp[ms, tz={zone in polars}] | timestamp[us, tz={zone back from R}]
timestamp[ns] | = | timestamp[ns] | timestamp[ns] | timestamp[us] / timestamp[us] / (with nanoseconds) large_string
timestamp[ns, tz={zone}] | = | timestamp[ns, tz={zone}] | timestamp[ns, tz={zone in polars}] | timestamp[us, tz={zone back from R}] / timestamp[us, tz={zone back from R}] / (with nanoseconds) large_string
timestamp[{unit}] | = | timestamp[{unit}] | timestamp[{unit}] | timestamp[us]
timestamp[{unit}, tz={zone}] | = | timestamp[{unit}, tz={zone}] | timestamp[{unit}, tz={zone in polars}] | timestamp[us, tz={zone back from R}]
duration[s] | = | duration[s] | duration[ms] | duration[us]
duration[ns] | = | duration[ns] | duration[ns] | duration[us] / duration[us] / (with nanoseconds) duration[ns]
duration[{unit}] | = | duration[{unit}] | duration[{unit}] | duration[us]
month_day_nano_interval | = | month_day_nano_interval | struct<months: int32, days: int32, nanoseconds: int64> | large_string
list_view<{item}> | list<item: {item}> | list<item: {item}> | large_list<item: {item}> | list<item: {item}>
large_list_view<{item}> | large_list<item: {item}> | list<item: large_string> | large_list<item: {item}> | list<item: large_string>
large_list<{item}> | large_list<item: {item}> | list<item: large_string> | large_list<item: {item}> | list<item: large_string>
fixed_size_list<float>[3] | fixed_size_list<item: float>[3] | list<item: float> / list<item: float> / (with missing ones in lists) list<item: double> | fixed_size_list<item: float>[3] | list<item: double>
list<list<int64>> | list<item: list<item: int64>> | list<item: list<item: int64>> | large_list<item: large_list<item: int64>> | list<item: list<item: int64>>
list<timestamp[s]> | list<item: timestamp[s]> | list<item: timestamp[us]> | large_list<item: timestamp[ms]> | list<item: timestamp[us]>
list<date64[ms]> | list<item: date64[ms]> | list<item: date32[day]> | large_list<item: timestamp[ms]> | list<item: date32[day]>
list<time32[s]> | list<item: time32[s]> | list<item: time64[us]> | large_list<item: time64[ns]> | list<item: time64[us]>
list<duration[ms]> | list<item: duration[ms]> | list<item: duration[us]> | large_list<item: duration[ms]> | list<item: duration[us]>
list<dictionary<string>> | list<item: string> | list<item: large_string> | large_list<item: string> | list<item: large_string>
list<struct<a: int64, b: string>> | list<item: struct<a: int64, b: string>> | list<item: struct<a: int64, b: large_string>> | large_list<item: struct<a: int64, b: string>> | list<item: struct<a: int64, b: large_string>>
list<decimal128(38, 2)> | list<item: decimal128> | list<item: decimal128> | large_list<item: decimal128> | list<item: double> / list<item: double> / (beyond a double's digits) list<item: large_string>
list<binary> | list<item: binary> | list<item: binary> | large_list<item: binary> | list<item: large_binary>
list<{item}> | list<item: {item}> | list<item: {item}> | large_list<item: {item}> | list<item: {item}>
struct<a: int64, b: string> | = | struct<a: int64, b: large_string> | = | struct<a: int64, b: large_string>
struct<l: list<int64>, s: struct<v: string_view>> | struct<l: list<item: int64>, s: struct<v: string>> | struct<l: list<item: int64>, s: struct<v: large_string>> | struct<l: large_list<item: int64>, s: struct<v: string>> | struct<l: list<item: int64>, s: struct<v: large_string>>
map<string, int64> | = | map<large_string, int64> | = | map<string, int64>
map<int32, string> | = | map<int64, large_string> | = | list<item: struct<key: int64, value: large_string>>
dictionary<{key}, int64> | int64 | int64 / double / (beyond 2^53) int64 | int64 | int64
dictionary<int32, timestamp[us, tz={zone}]> | timestamp[us, tz={zone}] | timestamp[us, tz={zone}] | timestamp[us, tz={zone}] | timestamp[us, tz={zone}]
dictionary<int8, large_string> | large_string | large_string | string | large_string
dictionary{rest} | string | large_string | string | large_string
run_end_encoded<{key}, string> | string | large_string | string | large_string
run_end_encoded<{key}, int64> | int64 | int64 / double / (beyond 2^53) int64 | int64 | int64
{mode}_union<int64, string> | {mode}_union<n: int64=0, t: string=1> | large_string | (not read) | large_string
extension<arrow.uuid> | = | large_string | string | large_string
extension<arrow.json> | = | large_string | = | large_string
extension<arrow.bool8> | bool | bool | bool | bool
extension<arrow.fixed_shape_tensor> | extension<arrow.fixed_shape_tensor[value_type=float, shape=[2,2]]> | list<item: list<item: float>> | extension<arrow.fixed_shape_tensor[value_type=float, shape=[2,2]]> | list<item: double>
extension<geoarrow.wkb> | binary | binary | binary | large_binary
"""


# What files hold of it: the type of an `.arrow` file again in Parquet; the first usual value as a cell of CSV and as JSON
# within NDJSON, and the types that such columns are read as. Parts as above; columns that are all missing are text.
FILES = """
type | Parquet | CSV | CSV is read as | NDJSON | NDJSON is read as
null | string | (empty) | string | null | string
bool | = | true | bool | true | bool
uint64 | = | 1 | int64 / int64 / (beyond int64) string | 1 | int64 / int64 / (beyond int64) string
int{bits} | = | 1 | int64 | 1 | int64
uint{bits} | = | 1 | int64 | 1 | int64
halffloat | = | 0.5 | double | 0.5 | double
float | = | 0.5 | double | 0.5 | double
double | = | 0.5 | double | 0.5 | double
decimal32(9, 2) | decimal128(9, 2) | 1.50 | double | 1.50 | double
decimal64(18, 2) | decimal128(18, 2) | 1.50 | double / double / (more digits than a double keeps) string | 1.50 | double / double / (more digits than a double keeps) string
decimal128(38, 10) | = | 1.5000000000 | double / double / (more digits than a double keeps) string | 1.5000000000 | double / double / (more digits than a double keeps) string
decimal256(76, 20) | = | 1.50000000000000000000 | double / double / (more digits than a double keeps) string | 1.50000000000000000000 | double / double / (more digits than a double keeps) string
string{rest} | string | a | string | "a" | string
large_string | = | a | string | "a" | string
large_binary | = | 00ff10 | string | "00ff10" | string
binary{rest} | binary | 00ff10 | string | "00ff10" | string
fixed_size_binary[3] | = | 00ff10 | string | "00ff10" | string
date32[day] | = | 2024-01-31 | date32[day] | "2024-01-31" | date32[day]
date64[ms] | date32[day] | 2024-01-31 | date32[day] | "2024-01-31" | date32[day]
time32[s] | time32[ms] | 03:04:05 | string | "03:04:05" | string
time{bits}[{unit}] | = | 03:04:05 | string | "03:04:05" | string
timestamp[s] | timestamp[ms] | 2024-05-06T07:08:09 | timestamp[us] | "2024-05-06T07:08:09" | timestamp[us]
timestamp[s, tz={zone}] | timestamp[ms, tz={zone}] | 2024-05-06T07:08:09Z | timestamp[us, tz=UTC] | "2024-05-06T07:08:09Z" | timestamp[us, tz=UTC]
timestamp[ms] | = | 2024-05-06T07:08:09.007 | timestamp[us] | "2024-05-06T07:08:09.007" | timestamp[us]
timestamp[ms, tz={zone}] | = | 2024-05-06T07:08:09.007Z | timestamp[us, tz=UTC] | "2024-05-06T07:08:09.007Z" | timestamp[us, tz=UTC]
timestamp[us] | = | 2024-05-06T07:08:09.000007 | timestamp[us] | "2024-05-06T07:08:09.000007" | timestamp[us]
timestamp[us, tz={zone}] | = | 2024-05-06T07:08:09.000007Z | timestamp[us, tz=UTC] | "2024-05-06T07:08:09.000007Z" | timestamp[us, tz=UTC]
timestamp[ns] | = | 2024-05-06T07:08:09.000007 | timestamp[us] / timestamp[us] / (with nanoseconds) timestamp[ns] | "2024-05-06T07:08:09.000007" | timestamp[us] / timestamp[us] / (with nanoseconds) timestamp[ns]
timestamp[ns, tz={zone}] | = | 2024-05-06T07:08:09.000007Z | timestamp[us, tz=UTC] / timestamp[us, tz=UTC] / (with nanoseconds) timestamp[ns, tz=UTC] | "2024-05-06T07:08:09.000007Z" | timestamp[us, tz=UTC] / timestamp[us, tz=UTC] / (with nanoseconds) timestamp[ns, tz=UTC]
duration[s] | = | PT91S | string | "PT91S" | string
duration[ms] | = | PT90.001S | string | "PT90.001S" | string
duration[us] | = | PT90.000001S | string | "PT90.000001S" | string
duration[ns] | = | PT90.000001S | string | "PT90.000001S" | string
month_day_nano_interval | error: Parquet cannot hold | P1M2DT3S | string | "P1M2DT3S" | string
list_view<int64> | list<item: int64> | [1,2,3] | string | [1,2,3] | list<item: int64>
large_list_view<string> | large_list<item: string> | ["a",""] | string | ["a",""] | list<item: string>
large_list<string> | large_list<item: string> | ["a",""] | string | ["a",""] | list<item: string>
fixed_size_list<float>[3] | fixed_size_list<item: float>[3] | [0.5,1.5,-2.0] | string | [0.5,1.5,-2.0] | list<item: double>
list<int64> | list<item: int64> | [1,2,3] | string | [1,2,3] | list<item: int64>
list<double> | list<item: double> | [0.1,0.3333333333333333] | string | [0.1,0.3333333333333333] | list<item: double>
list<bool> | list<item: bool> | [true,null] | string | [true,null] | list<item: bool>
list<binary> | list<item: binary> | ["00ff",""] | string | ["00ff",""] | list<item: string>
list<decimal128(38, 2)> | list<item: decimal128(38, 2)> | [1.50,null] | string | [1.50,null] | list<item: double> / list<item: double> / (more digits than a double keeps) list<item: string>
list<list<int64>> | list<item: list<item: int64>> | [[1],[]] | string | [[1],[]] | list<item: list<item: int64>>
list<timestamp[s]> | list<item: timestamp[ms]> | ["1970-01-01T00:00:45",null] | string | ["1970-01-01T00:00:45",null] | list<item: timestamp[us]>
list<timestamp[us, tz={zone}]> | list<item: timestamp[us, tz={zone}]> | ["1970-01-01T00:00:45Z",null] | string | ["1970-01-01T00:00:45Z",null] | list<item: timestamp[us, tz=UTC]>
list<date64[ms]> | list<item: date32[day]> | ["1970-02-15",null] | string | ["1970-02-15",null] | list<item: date32[day]>
list<time32[s]> | list<item: time32[ms]> | ["00:00:45",null] | string | ["00:00:45",null] | list<item: string>
list<duration[ms]> | list<item: duration[ms]> | ["PT45S",null] | string | ["PT45S",null] | list<item: string>
list<dictionary<string>> | list<item: string> | ["a","b","a"] | string | ["a","b","a"] | list<item: string>
struct<a: int64, b: string> | = | {"a":1,"b":"x"} | string | {"a":1,"b":"x"} | struct<a: int64, b: string>
list<struct<a: int64, b: string>> | list<item: struct<a: int64, b: string>> | [{"a":1,"b":"x"},{"a":null,"b":"y"}] | string | [{"a":1,"b":"x"},{"a":null,"b":"y"}] | list<item: struct<a: int64, b: string>>
struct<l: list<int64>, s: struct<v: string_view>> | struct<l: list<item: int64>, s: struct<v: string>> | {"l":[1,2],"s":{"v":"x"}} | string | {"l":[1,2],"s":{"v":"x"}} | struct<l: list<item: int64>, s: struct<v: string>>
map<string, int64> | = | {"a":1,"b":null} | string | {"a":1,"b":null} | struct<a: int64, b: string, c: int64> / struct<a: int64, b: string, c: int64> / struct<c: int64>
map<int32, string> | = | [{"key":1,"value":"a"},{"key":2,"value":null}] | string | [{"key":1,"value":"a"},{"key":2,"value":null}] | list<item: struct<key: int64, value: string>>
dictionary<{key}, int64> | int64 | 3 | int64 | 3 | int64
dictionary<int32, timestamp[us, tz={zone}]> | timestamp[us, tz={zone}] | 1970-01-01T00:00:00Z | timestamp[us, tz=UTC] | "1970-01-01T00:00:00Z" | timestamp[us, tz=UTC]
dictionary<int8, large_string> | large_string | b | string | "b" | string
dictionary with null among its values | string | a | string | "a" | string
dictionary{rest} | string | b | string | "b" | string
run_end_encoded<{key}, string> | string | a | string | "a" | string
run_end_encoded<{key}, int64> | int64 | 1 | int64 | 1 | int64
{mode}_union<int64, string> | error: Parquet cannot hold | error: CSV cannot hold | string | error: NDJSON cannot hold | string
extension<arrow.uuid> | = | 80000000-0000-0000-0000-000000000005 | string | "80000000-0000-0000-0000-000000000005" | string
extension<arrow.json> | = | {"a": 1} | string | "{\\"a\\": 1}" | string
extension<arrow.bool8> | bool | true | bool | true | bool
extension<arrow.fixed_shape_tensor> | extension<arrow.fixed_shape_tensor[value_type=float, shape=[2,2]]> | [1.0,2.0,0.5,4.0] | string | [1.0,2.0,0.5,4.0] | list<item: double>
extension<geoarrow.wkb> | binary | 0101000000000000000000f03f0000000000000040 | string | "0101000000000000000000f03f0000000000000040" | string
"""


LABEL = re.compile(r"^\(([^()]+)\) ")
"""What a part is for, before it."""


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of a table: its pattern, and its cells by their columns, each with three parts."""

    pattern: str
    cells: dict


@functools.cache
def table(text):
    """A table's rows."""
    header, *lines = [[cell.strip() for cell in line.split(" | ")] for line in text.strip().splitlines()]
    rows = []
    for line in lines:
        line = [cell.removesuffix("|").strip() for cell in line] + [""] * (len(header) - len(line))
        parts = [cell.split(" / ") for cell in line[1:]]
        cells = {name: [*part, *[part[-1]] * (3 - len(part))] for name, part in zip(header[1:], parts, strict=True)}
        rows.append(Row(line[0], cells))
    return rows


def expected(text, name, column):
    """A cell of the row that fits a type, as three parts."""
    row = row_of(text, name)
    names = re.fullmatch(_pattern(row), name).groupdict()
    parts = [LABEL.sub("", part) for part in row.cells[column]]
    return [name if part == "=" else _filled(part, names) for part in parts]


def row_of(text, name):
    """The first row that fits a type."""
    return next(row for row in table(text) if re.fullmatch(_pattern(row), name))


def part(variant):
    """Which part of a cell is meant for a column of `columns.table`."""
    return {"none": 0, "some": 1, "all": 1, "extremes": 2, "again": 2}[variant]


def _pattern(row):
    return re.sub(r"\\\{(\w+)\\\}", _any, re.escape(row.pattern))


def _any(name):
    """What a name in braces may stand for."""
    return f"(?P<{name[1]}>{ {'bits': r'[0-9]+', 'unit': r'[a-z]+', 'rest': '.*'}.get(name[1], '.+') })"


def _filled(text, names):
    if "zone" in names:
        # polars and R know offsets of whole hours by the names of POSIX, and others as UTC.
        known = {"+02:00": "Etc/GMT-2", "-03:30": "UTC"}.get(names["zone"], names["zone"])
        in_r = "Etc/UTC" if known == "UTC" else known
        names = {
            **names,
            "zone in polars": known,
            "zone in R": in_r,
            "zone back from R": "+02:00" if names["zone"] == "+02:00" else known,
        }
    return re.sub(r"\{(\w[\w ]*)\}", lambda found: names.get(found[1], found[0]), text)
