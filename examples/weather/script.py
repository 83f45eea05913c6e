"""Resamples daily values to months, forecasts them by additive Holt-Winters, and says how good that is.

The smoothing weights are chosen by a grid search on all but the last year; the last year checks them against the
simplest forecast there is, the same month a year ago.
"""

import itertools

import numpy
import pandas
from longshore.api import Api

SEASON = 12
GRID = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)


def holt_winters(values, weights, ahead):
    """One-step predictions for `values`, and a forecast of `ahead` more: additive trend and season."""
    alpha, beta, gamma = weights
    years = values[: len(values) // SEASON * SEASON].reshape(-1, SEASON)
    yearly = years.mean(axis=1)
    level, trend = yearly[0], (yearly[-1] - yearly[0]) / SEASON / max(len(years) - 1, 1)
    season = list((years - yearly[:, None]).mean(axis=0))
    fitted = numpy.full(len(values), numpy.nan)
    for month in range(SEASON, len(values)):
        before, last = level, season[month - SEASON]
        fitted[month] = level + trend + last
        level = alpha * (values[month] - last) + (1 - alpha) * (level + trend)
        trend = beta * (level - before) + (1 - beta) * trend
        season.append(gamma * (values[month] - level) + (1 - gamma) * last)
    forecast = [
        level + step * trend + season[len(values) - SEASON + (step - 1) % SEASON] for step in range(1, ahead + 1)
    ]
    return fitted, numpy.array(forecast)


def best_weights(values, on_step):
    """The weights with the smallest squared error of one-step predictions."""
    candidates = list(itertools.product(GRID, GRID, GRID))
    errors = []
    for step, weights in enumerate(candidates):
        fitted, _ = holt_winters(values, weights, 0)
        errors.append(numpy.nanmean((fitted - values) ** 2))
        on_step((step + 1) / len(candidates))
    return candidates[int(numpy.argmin(errors))]


def main(api):
    """Reads input 0, forecasts, and writes both outputs."""
    rows = api.read_input_records()
    if rows is None:
        api.abort("connect a daily series to input 0")
    date, value = api.get_option("date"), api.get_option("value")
    days = pandas.Series(rows[value].to_numpy(dtype="float64"), index=pandas.to_datetime(rows[date])).sort_index()
    how, ahead = api.get_option("how"), api.get_option("months")
    months = days.resample("MS").agg(how)
    if len(months) < 3 * SEASON or months.isna().any():
        api.abort(f"{len(months)} months with {int(months.isna().sum())} gaps: three whole years are needed")

    values = months.to_numpy()
    known, last_year = values[:-SEASON], values[-SEASON:]
    api.update_message("choosing the smoothing weights")
    weights = best_weights(known, api.update_progress)
    _, back_test = holt_winters(known, weights, SEASON)
    model_error = numpy.abs(back_test - last_year).mean()
    naive_error = numpy.abs(known[-SEASON:] - last_year).mean()
    fitted, forecast = holt_winters(values, weights, ahead)

    future = pandas.date_range(months.index[-1] + pandas.DateOffset(months=1), periods=ahead, freq="MS")
    observed = pandas.DataFrame({"month": months.index, "value": values, "fitted": fitted.round(3)})
    coming = pandas.DataFrame({"month": future, "forecast": forecast.round(3)})
    monthly = pandas.concat([observed, coming], ignore_index=True)
    monthly["value"] = monthly["value"].round(3)
    quality = pandas.DataFrame(
        {
            "measure": [
                "days",
                "missing days",
                "months",
                "alpha",
                "beta",
                "gamma",
                "error",
                "error of last year's value",
            ],
            "value": [
                float(len(days)),
                float((days.index[-1] - days.index[0]).days + 1 - days.index.nunique()),
                float(len(months)),
                *(float(weight) for weight in weights),
                round(float(model_error), 4),
                round(float(naive_error), 4),
            ],
        }
    )
    api.write_output_records(monthly, "monthly")
    api.write_output_records(quality, "quality")
    title = api.get_option("title") or value
    api.commit(f"{title}: {ahead} months, error {model_error:.2f}, against {naive_error:.2f} for last year's value")


if __name__ == "__main__":
    main(Api())
