"""K-means over chosen fields of a table: the rows with their cluster, and one row for each cluster's centre.

Clusters are numbered from 1 in the order of their centres' first field, so that the same data and seed always give
the same table.
"""

import numpy
import pandas
from longshore.api import Api

RESTARTS = 8
ITERATIONS = 300


def first_centres(points, clusters, rng):
    """Chooses starting centres by k-means++: each new one is likely to be far from those that are there."""
    centres = [points[rng.integers(len(points))]]
    nearest = ((points - centres[0]) ** 2).sum(axis=1)
    while len(centres) < clusters:
        total = nearest.sum()
        if total == 0:
            raise ValueError(f"the rows have only {len(centres)} different points, fewer than {clusters} clusters")
        centres.append(points[rng.choice(len(points), p=nearest / total)])
        nearest = numpy.minimum(nearest, ((points - centres[-1]) ** 2).sum(axis=1))
    return numpy.array(centres)


def assign(points, centres):
    """The nearest centre of each point, and the squared distance to it."""
    distances = ((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
    return distances.argmin(axis=1), distances.min(axis=1)


def k_means(points, clusters, tolerance, rng, on_restart):
    """The best of several runs: (centres, cluster of each point, sum of squared distances)."""
    best = None
    for restart in range(RESTARTS):
        centres = first_centres(points, clusters, rng)
        for _ in range(ITERATIONS):
            labels, _ = assign(points, centres)
            members = [points[labels == cluster] for cluster in range(clusters)]
            moved = numpy.array([m.mean(axis=0) if len(m) else c for m, c in zip(members, centres)])
            step = numpy.abs(moved - centres).max()
            centres = moved
            if step <= tolerance:
                break
        labels, distances = assign(points, centres)
        if best is None or distances.sum() < best[2]:
            best = (centres, labels, distances.sum())
        on_restart(restart + 1)
    return best


def main(api):
    """Reads input 0, clusters it, and writes both outputs."""
    rows = api.read_input_records(0)
    if rows is None:
        api.abort("connect a table to input 0")
    fields = api.get_option("fields") or list(rows.select_dtypes("number").columns)
    for field in fields:
        if not pandas.api.types.is_numeric_dtype(rows[field]):
            api.abort(f"field `{field}` is not numeric")
    clusters = api.get_option("clusters")
    complete = rows[fields].notna().all(axis=1)
    points = rows.loc[complete, fields].to_numpy(dtype="float64")
    if len(points) < clusters:
        api.abort(f"{len(points)} complete rows are fewer than {clusters} clusters")

    offset, scale = numpy.zeros(len(fields)), numpy.ones(len(fields))
    if api.get_option("standardise"):
        offset, scale = points.mean(axis=0), points.std(axis=0)
        scale[scale == 0] = 1.0
    api.update_message(f"clustering {len(points)} rows by {', '.join(fields)}")
    centres, labels, inertia = k_means(
        (points - offset) / scale,
        clusters,
        api.get_option("tolerance"),
        numpy.random.default_rng(api.get_option("seed")),
        lambda done: api.update_progress(done / RESTARTS, f"restart {done} of {RESTARTS}"),
    )

    order = numpy.argsort(centres[:, 0], kind="stable")
    number = numpy.empty(clusters, dtype="int64")
    number[order] = numpy.arange(1, clusters + 1)

    clustered = rows.copy()
    clustered["cluster"] = pandas.Series(number[labels], index=rows.index[complete], dtype="Int64")
    if api.get_option("missing") == "drop":
        clustered = clustered[complete]

    summary = pandas.DataFrame({"cluster": numpy.arange(1, clusters + 1)})
    summary["rows"] = [int((number[labels] == cluster).sum()) for cluster in summary["cluster"]]
    for column, field in enumerate(fields):
        summary[field] = (centres[order, column] * scale[column] + offset[column]).round(3)
    compare = api.get_option("compare")
    if compare is not None:
        counts = pandas.crosstab(clustered["cluster"], clustered[compare].astype(str))
        for value in counts.columns:
            summary[f"{compare}: {value}"] = counts[value].reindex(summary["cluster"], fill_value=0).to_numpy()

    api.write_output_records(clustered, "clustered")
    api.write_output_records(summary, "centres")
    print(summary.to_string(index=False))
    api.close(f"{clusters} clusters of {len(points)} rows, inertia {inertia:.2f}")


if __name__ == "__main__":
    main(Api())
