"""The cells of the matrix: tables of each type as files, read in each form, written back to each format.

Owns which cells there are, and how they are packed into runs; a cell's result is judged by `verdict.py`.
"""

import collections
import concurrent.futures
import dataclasses
import itertools

import columns
import files
from runs import INPUTS_MAX

READERS = ("pandas 3", "pandas 2", "polars", "arrow", "batches", "R")
FORMATS_IN = ("parquet", "arrow", "feather", "arrows", "arrows.gz", "csv", "csv.zst", "tsv", "ndjson", "ndjson.gz")
FORMATS_OUT = ("arrow", "arrows", "parquet", "csv", "tsv", "ndjson", "csv.gz", "ndjson.zst")
WORKERS = 2


@dataclasses.dataclass(frozen=True, order=True)
class Group:
    """A table of one type: its usual values, or its extremes."""

    column: str
    extremes: bool

    @property
    def stem(self):
        """A file's name for it."""
        marks = "".join(mark if mark.isalnum() else "_" for mark in self.column)
        return f"{marks}-{'extremes' if self.extremes else 'usual'}"


@dataclasses.dataclass
class Result:
    """One cell: what came of one table, one way."""

    group: Group
    way: tuple
    table: object
    """The table that went in, as pyarrow holds it."""
    seen: dict | None = None
    """What the script noted: columns, error, write error."""
    output: object = None
    """The file that came out."""
    refusal: str | None = None
    """What the command said, where the run did not succeed."""
    status: int = 0


def groups():
    """All tables."""
    made = columns.columns()
    usual = [Group(name, False) for name in made]
    return [*usual, *(Group(name, True) for name, column in made.items() if column.extremes)]


class Matrix:
    """Runs cells, and makes their files once."""

    def __init__(self, runner, folder):
        self.runner = runner
        self.folder = folder
        self.columns = columns.columns()
        self.tables = {group: columns.table(self.columns[group.column], group.extremes) for group in groups()}
        self.unwritable = collections.defaultdict(dict)
        self._files = {}
        self._numbers = itertools.count()

    def file(self, group, suffix):
        """The table's file in a format, None where pyarrow cannot write it."""
        if (group, suffix) not in self._files:
            path = self.folder / f"{group.stem}.{suffix}"
            try:
                files.write(self.tables[group], path)
                self._files[group, suffix] = path
            except files.CannotHold as error:
                self.unwritable[suffix][group] = str(error)
                self._files[group, suffix] = None
        return self._files[group, suffix]

    def cells(self, ways, only=None):
        """The results of all tables in each way: (format in, reader, format out or None, engine)."""
        jobs = []
        for way in ways:
            wanted = [group for group in (only or self.tables) if self.file(group, way[0]) is not None]
            size = -(-len(wanted) // -(-len(wanted) // INPUTS_MAX))
            jobs += [(way, wanted[start : start + size]) for start in range(0, len(wanted), size)]
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            return [result for results in pool.map(lambda job: self._run(*job), jobs) for result in results]

    def _run(self, way, part):
        """One run of many tables; those that it refuses are run again, one by one."""
        suffix, reader, out, engine = way
        inputs = [self.file(group, suffix) for group in part]
        number = next(self._numbers)
        outputs = [self.folder / f"out-{number}-{place}.{out}" for place in range(len(part))] if out else []
        run = self.runner.run(reader, inputs, outputs, engine=engine)
        results = [Result(group, way, self.tables[group]) for group in part]
        if run.status == 0 and run.seen is not None and len(run.seen) == len(part):
            for place, result in enumerate(results):
                result.seen = run.seen[place]
                result.output = outputs[place] if out and outputs[place].exists() else None
            return results
        # An output that the script could not write fails the run: the others are written by another.
        notes = run.seen if run.seen is not None and len(run.seen) == len(part) else []
        unwritten = [place for place, note in enumerate(notes) if {"error", "write error"} & note.keys()]
        if run.status == 1 and unwritten and "did not write" in run.errors:
            for place in unwritten:
                results[place].seen = notes[place]
            rest = [group for place, group in enumerate(part) if place not in unwritten]
            return [results[place] for place in unwritten] + (self._run(way, rest) if rest else [])
        # All bad inputs are named at once, by their files.
        named = [place for place, path in enumerate(inputs) if run.status == 2 and path.name in run.errors]
        if len(part) == 1 or len(named) == len(part):
            for result in results:
                result.status, result.refusal = run.status, run.said
            return results
        if not named:
            half = len(part) // 2
            return [*self._run(way, part[:half]), *self._run(way, part[half:])]
        for place in named:
            results[place].status, results[place].refusal = run.status, run.said
        rest = [group for place, group in enumerate(part) if place not in named]
        return [results[place] for place in named] + self._run(way, rest)
