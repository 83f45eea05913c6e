"""What scripts do with packages that their block names: threads of compiled code, workers, plots."""


def square(number):
    return number * number


def joblib_workers():
    import joblib

    for backend in ["loky", "multiprocessing", "threading"]:
        with joblib.parallel_backend(backend):
            found = joblib.Parallel(n_jobs=2)(joblib.delayed(square)(number) for number in range(8))
        assert found == [number * number for number in range(8)], backend


def compiled():
    import numba
    import numpy

    @numba.njit(parallel=True)
    def total(table):
        sum = 0.0
        for place in numba.prange(len(table)):
            sum += table[place]
        return sum

    assert total(numpy.ones(100_000)) == 100_000


def plots():
    import plotly.graph_objects

    assert "plotly" in plotly.graph_objects.Figure(plotly.graph_objects.Scatter(y=[1, 2])).to_html()


def machine():
    import psutil

    assert psutil.Process().memory_info().rss > 0
    assert psutil.cpu_count() > 0
    assert psutil.virtual_memory().total > 0


if __name__ == "__main__":
    for check in [joblib_workers, compiled, plots, machine]:
        check()
        print("fine:", check.__name__)
