from omniscope.api import OmniscopeApi
import numpy as np
import pandas as pd

omniscope_api = OmniscopeApi()

# read the records associated to the first block input
input_data = omniscope_api.read_input_records(input_number=0)

# read the value of the options
number_clusters = omniscope_api.get_option("numberClusters")
random_seed = omniscope_api.get_option("randomSeed")
fields = omniscope_api.get_option("fields")

data = input_data[fields].dropna()
X = data.values.astype(float)
X = (X - X.mean(axis=0)) / X.std(axis=0)

np.random.seed(random_seed)
centres = X[np.random.choice(len(X), number_clusters, replace=False)]
for iteration in range(100):
    distances = np.linalg.norm(X[:, None] - centres[None], axis=2)
    labels = distances.argmin(axis=1)
    moved = np.array(
        [X[labels == k].mean(axis=0) if (labels == k).any() else centres[k] for k in range(number_clusters)]
    )
    omniscope_api.update_message(f"iteration {iteration}")
    omniscope_api.update_progress((iteration + 1) / 100)
    if np.allclose(moved, centres):
        break
    centres = moved

# number the clusters by size, the largest first
order = pd.Series(labels).value_counts().index
names = {label: position for position, label in enumerate(order)}
output_data = input_data.copy()
output_data["Cluster"] = pd.Series(labels, index=data.index).map(names)

if output_data is not None:
    omniscope_api.write_output_records(output_data, output_number=0)
omniscope_api.close()
