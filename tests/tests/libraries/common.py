"""What scripts do with the packages of the image and with Python's own: each thing once, in a container as it is."""

import asyncio
import concurrent.futures
import ctypes
import fcntl
import http.server
import mmap
import multiprocessing
import os
import pty
import resource
import select
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import threading
import urllib.request
from multiprocessing import shared_memory
from pathlib import Path


def square(number):
    return number * number


def fill(name):
    block = shared_memory.SharedMemory(name=name)
    block.buf[:4] = b"full"
    block.close()


def frames():
    import numpy
    import pandas
    import polars
    import pyarrow
    import pyarrow.dataset
    import pyarrow.parquet

    numbers = numpy.random.default_rng(1).random((400, 400))
    assert numpy.allclose(numbers @ numpy.linalg.inv(numbers), numpy.eye(400), atol=1e-6)
    frame = pandas.DataFrame({"key": numpy.arange(200_000) % 7, "value": numpy.arange(200_000.0)})
    assert len(frame.groupby("key").value.mean()) == 7
    assert polars.from_pandas(frame).lazy().group_by("key").agg(polars.col("value").sum()).collect().height == 7
    with tempfile.TemporaryDirectory() as folder:
        table = pyarrow.Table.from_pandas(frame)
        pyarrow.parquet.write_to_dataset(table, folder, partition_cols=["key"])
        assert pyarrow.dataset.dataset(folder, partitioning="hive").to_table(use_threads=True).num_rows == 200_000
        frame.to_parquet(f"{folder}/x.parquet")
        assert polars.scan_parquet(f"{folder}/x.parquet").select(polars.len()).collect().item() == 200_000
        pyarrow.memory_map(f"{folder}/x.parquet").close()


def models():
    import numpy
    import scipy.optimize
    from sklearn.cluster import KMeans
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LinearRegression

    table = numpy.random.default_rng(1).random((2000, 5))
    assert (
        RandomForestClassifier(n_estimators=10, n_jobs=2).fit(table, table[:, 0] > 0.5).score(table, table[:, 0] > 0.5)
        > 0.9
    )
    assert len(set(KMeans(3, n_init=1).fit(table).labels_)) == 3
    assert numpy.allclose(LinearRegression().fit(table, table @ [1, 2, 3, 4, 5]).coef_, [1, 2, 3, 4, 5])
    assert abs(scipy.optimize.minimize_scalar(lambda x: (x - 2) ** 2).x - 2) < 1e-6


def figures():
    import matplotlib.pyplot as plt
    import pandas

    with tempfile.TemporaryDirectory() as folder:
        axes = pandas.DataFrame({"x": [1, 2, 3]}).plot()
        axes.set_title("words need the list of fonts: $\\sqrt{2}$")
        plt.show()
        for suffix in ["png", "svg", "pdf"]:
            axes.figure.savefig(f"{folder}/x.{suffix}")
            assert Path(f"{folder}/x.{suffix}").stat().st_size > 1000
    # The image has the list: it was not made now.
    assert not list(Path("/work").rglob("fontlist*"))


def sheets():
    import pandas

    with tempfile.TemporaryDirectory() as folder:
        frame = pandas.DataFrame({"city": ["Bern", "Zürich"], "people": [134_000, 421_000]})
        frame.to_excel(f"{folder}/x.xlsx", index=False)
        assert pandas.read_excel(f"{folder}/x.xlsx").equals(frame)


def queries():
    import duckdb
    import pandas
    import pyarrow

    frame = pandas.DataFrame({"key": [1, 1, 2], "value": [1.0, 2.0, 4.0]})
    table = pyarrow.Table.from_pandas(frame)
    assert duckdb.sql("select sum(value) from frame where key = 1").fetchall() == [(3.0,)]
    with tempfile.TemporaryDirectory() as folder:
        duckdb.sql("copy (select * from frame) to '" + folder + "/x.parquet'")
        assert duckdb.sql("select count(*) from '" + folder + "/x.parquet'").fetchall() == [(3,)]
    assert duckdb.from_arrow(table).filter("key = 2").to_df()["value"].tolist() == [4.0]


def workers():
    for method in ["fork", "spawn", "forkserver"]:
        with multiprocessing.get_context(method).Pool(2) as pool:
            assert pool.map(square, range(10)) == [number * number for number in range(10)], method
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        assert list(pool.map(square, [3])) == [9]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(square, range(100))) == 328_350
    with multiprocessing.get_context("fork").Manager() as manager:
        shared = manager.dict()
        shared["a"] = 1
        assert dict(shared) == {"a": 1}
    block = shared_memory.SharedMemory(create=True, size=1 << 20)
    child = multiprocessing.get_context("spawn").Process(target=fill, args=(block.name,))
    child.start()
    child.join()
    assert bytes(block.buf[:4]) == b"full"
    block.close()
    block.unlink()


def processes():
    assert subprocess.check_output(["sh", "-c", "echo a | tr a b"], text=True) == "b\n"
    assert os.system("true") == 0
    child = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 3"], {})
    watched = os.pidfd_open(child)
    assert select.select([watched], [], [], 30)[0]
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    os.killpg(child.pid, signal.SIGTERM)
    assert child.wait() == -signal.SIGTERM
    os.nice(1)
    os.sched_setaffinity(0, os.sched_getaffinity(0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    assert signal.sigwait([signal.SIGALRM]) == signal.SIGALRM


async def conversation():
    async def echo(reader, writer):
        writer.write(await reader.readline())
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    writer.write(b"hello\n")
    assert await reader.readline() == b"hello\n"
    writer.close()
    server.close()
    child = await asyncio.create_subprocess_exec("echo", "x", stdout=asyncio.subprocess.PIPE)
    assert (await child.communicate())[0] == b"x\n"


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"page")

    def log_message(self, *_):
        pass


def loopback():
    asyncio.run(conversation())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    assert urllib.request.urlopen(f"http://localhost:{server.server_port}/").read() == b"page"
    import requests

    assert requests.get(f"http://127.0.0.1:{server.server_port}/").text == "page"
    server.shutdown()
    one, other = socket.socketpair()
    one.sendall(b"x")
    assert other.recv(1) == b"x"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here, socket.socket(socket.AF_INET6, socket.SOCK_STREAM):
        here.bind(("127.0.0.1", 0))
        here.sendto(b"y", here.getsockname())
        assert here.recv(9) == b"y"
    assert socket.getaddrinfo("localhost", 80)
    ssl.create_default_context()


def files():
    with tempfile.TemporaryDirectory() as folder:
        base = sqlite3.connect(f"{folder}/base.sqlite")
        assert base.execute("pragma journal_mode = wal").fetchone() == ("wal",)
        base.execute("create table t (a)")
        base.executemany("insert into t values (?)", [(number,) for number in range(1000)])
        base.commit()
        base.close()
        one = Path(folder) / "one"
        one.write_bytes(b"a" * 100_000)
        shutil.copy2(one, f"{folder}/two")
        shutil.copytree(folder, f"{folder}-copy")
        shutil.rmtree(f"{folder}-copy")
        os.link(one, f"{folder}/three")
        os.symlink(one, f"{folder}/four")
        os.mkfifo(f"{folder}/five")
        os.chmod(one, 0o600)
        os.utime(one, (1, 1))
        with open(one, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            with mmap.mmap(file.fileno(), 0) as mapped:
                mapped[0] = 98
                mapped.flush()
            os.posix_fallocate(file.fileno(), 0, 200_000)
            os.fsync(file.fileno())
    memory = os.memfd_create("x")
    os.write(memory, b"x")
    os.close(memory)
    inotify = ctypes.CDLL(None).inotify_init1(0)
    assert inotify >= 0
    os.close(inotify)
    with select.epoll():
        pass
    for end in pty.openpty():
        os.close(end)
    # A call from C back into Python takes memory that can be run.
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    numbers = (ctypes.c_int * 3)(3, 1, 2)
    ctypes.CDLL(None).qsort(numbers, 3, 4, compare(lambda one, other: one[0] - other[0]))
    assert list(numbers) == [1, 2, 3]


if __name__ == "__main__":
    for check in [frames, models, figures, sheets, queries, workers, processes, loopback, files]:
        check()
        print("fine:", check.__name__)
