"""Holds an interpreter at the end of its start until its run is known, then removes every trace of itself.

The interpreter finds this as `sitecustomize` in the folder that `PYTHONPATH` begins with. It was started with the script
of its future run, which it opens only after this: nothing of the script's own start is imitated.
"""


def _hold() -> None:
    import os
    import sys

    folder = os.path.dirname(__file__)
    while folder in sys.path:
        sys.path.remove(folder)
    sys.path_importer_cache.pop(folder, None)
    image_path = os.environ["PYTHONPATH"][len(folder) + 1 :]
    if image_path:
        os.environ["PYTHONPATH"] = image_path
    else:
        del os.environ["PYTHONPATH"]
    # The image may have a module of this name, which would have been imported instead.
    del sys.modules[__name__]
    failure = None
    try:
        __import__(__name__)
    except BaseException as error:
        failure = error

    modules, variables, report = set(), set(), []

    class Finder:
        """Notes which modules are looked for, found or not."""

        @staticmethod
        def find_spec(name, path=None, target=None):
            modules.add(name.partition(".")[0])

    class Environment(dict):
        """Notes which variables are read."""

        def __getitem__(self, name):
            variables.add(name)
            return dict.__getitem__(self, name)

        def __iter__(self):
            variables.add(b"*")
            return dict.__iter__(self)

    start = list(os.environ._data)
    data = os.environ._data
    os.environ._data = Environment(data)
    sys.meta_path.insert(0, Finder)
    with open(os.path.join(folder, "preload"), encoding="utf-8") as file:
        preload = file.read().split("\n")
    for number, statement in enumerate(filter(None, preload)):
        module, _, names = statement.partition(":")
        try:
            __import__(module, {}, None, names.split(",") if names else [], 0)
        except BaseException as error:
            report.append(f"failed {number} {type(error).__name__}: {error}".replace("\n", " "))
            break
    sys.meta_path.remove(Finder)
    changed = dict(os.environ._data.items())
    data.clear()
    data.update(changed)
    os.environ._data = data
    report.extend(f"module {name}" for name in sorted(modules))
    report.extend(f"variable {os.fsdecode(name)}" for name in sorted(variables))
    # What exists now stays to the end: the collector need not look at it, neither during the run nor at its end.
    is_loaded = "gc" in sys.modules
    import gc

    gc.collect()
    gc.freeze()
    if not is_loaded:
        del sys.modules["gc"]
    ready = os.open(os.path.join(folder, "ready"), os.O_WRONLY)
    written = 0
    lines = os.fsencode("".join(line + "\n" for line in report))
    while written < len(lines):
        written += os.write(ready, lines[written:])
    os.close(ready)

    go = os.open(os.path.join(folder, "go"), os.O_RDONLY)
    if not os.read(go, 1):
        os._exit(1)
    os.close(go)

    with open(os.path.join(folder, "run"), "rb") as file:
        entries = file.read().split(b"\0")[:-1]
    for entry in entries:
        text = os.fsdecode(entry[1:])
        if entry[:1] == b"a":
            sys.argv.append(text)
            if hasattr(sys, "orig_argv"):
                sys.orig_argv.append(text)
        elif entry[:1] == b"e":
            name, _, value = text.partition("=")
            os.environ[name] = value
            start.append(os.fsencode(name))
        else:
            os.environ.pop(text, None)
    # In the order in which an interpreter gets them.
    first = {name: data[name] for name in sorted(set(start)) if name in data}
    first.update(data)
    data.clear()
    data.update(first)
    for within, folders, files in os.walk(folder, topdown=False):
        for file in files:
            os.unlink(os.path.join(within, file))
        for name in folders:
            os.rmdir(os.path.join(within, name))
    os.rmdir(folder)
    if failure is not None:
        raise failure


_hold()
