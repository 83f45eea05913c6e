"""Executes a notebook, or a Quarto document in Python, cell by cell in a kernel of its own.

The host passes this program to `python3 -c`, with the document's path and the script's arguments. Output of cells is
printed as it arrives. The executed notebook replaces the document's copy, or is beside it, also after a failure.
"""

import asyncio
import json
import os
import re
import sys
import tempfile

try:
    import nbformat
    from jupyter_client import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError
except ImportError as error:
    sys.exit(f"cannot execute the notebook: {error}: install nbclient and ipykernel in the image")

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# A container without a network has no list of interfaces, without which ZeroMQ cannot bind to a port: the kernel's pipe
# for the output of forked processes is a file too.
KERNEL = """
import zmq
from ipykernel.kernelapp import launch_new_instance

folder, sockets, connect = {!r}, [], zmq.Socket.connect
def bind_to_random_port(self, *_, **__):
    sockets.append(self)
    self.bind("ipc://%s/pipe-%i" % (folder, len(sockets)))
    return len(sockets)
def connect_to_file(self, address):
    local = "tcp://127.0.0.1:"
    if isinstance(address, str) and address.startswith(local):
        address = "ipc://%s/pipe-%s" % (folder, address[len(local):])
    return connect(self, address)
zmq.Socket.bind_to_random_port, zmq.Socket.connect = bind_to_random_port, connect_to_file
launch_new_instance()
"""
# IPython warns that `sys.exit` does not leave it; here it does.
FIRST = "import sys, warnings; sys.argv[:] = {!r}; warnings.filterwarnings('ignore', 'To exit: use')"
FENCE = re.compile(r"\s*(`{3,}|~{3,})\s*\{python\b[^}]*\}\s*$")


class Client(NotebookClient):
    """Prints the output of cells as it arrives."""

    def output(self, outs, msg, display_id, cell_index):
        kind, content = msg["header"]["msg_type"], msg["content"]
        if kind == "stream":
            show(content["text"], sys.stderr if content["name"] == "stderr" else sys.stdout)
        elif kind in ("execute_result", "display_data"):
            text = content["data"].get("text/plain", "")
            show(text if text.endswith("\n") or not text else text + "\n", sys.stdout)
        return super().output(outs, msg, display_id, cell_index)


def show(text, stream):
    stream.write(text)
    stream.flush()


def quarto(text):
    """The chunks of a Quarto document as cells, and the text between them."""
    cells, lines, fence = [], [], None
    for line in text.splitlines():
        begun = FENCE.match(line) if fence is None else None
        if begun:
            cells.append(nbformat.v4.new_markdown_cell("\n".join(lines)))
            lines, fence = [], begun.group(1)
        elif fence is not None and re.fullmatch(rf"\s*{fence}{fence[0]}*\s*", line):
            cells.append(nbformat.v4.new_code_cell("\n".join(lines)))
            lines, fence = [], None
        else:
            lines.append(line)
    cells.append(nbformat.v4.new_markdown_cell("\n".join(lines)))
    return nbformat.v4.new_notebook(cells=[cell for cell in cells if cell.source.strip()])


def show_failure(notebook, index):
    """Shows the traceback of a cell, with its number from 1."""
    raised = [output for output in notebook.cells[index].outputs if output.output_type == "error"]
    lines = [COLOURS.sub("", line).rstrip() for output in raised for line in output.traceback]
    show("\n".join([f"cell {index + 1} of {len(notebook.cells)} failed:", *lines]) + "\n", sys.stderr)


async def execute(notebook, folder, arguments):
    """Executes the notebook, and returns the exit status."""
    specification = os.path.join(folder, "kernels", "longshore")
    os.makedirs(specification)
    command = [sys.executable, "-c", KERNEL.format(folder), "-f", "{connection_file}"]
    with open(os.path.join(specification, "kernel.json"), "w", encoding="utf-8") as file:
        json.dump({"argv": command, "display_name": "Python", "language": "python"}, file)
    # Sockets in a folder of this user alone, instead of ports that all users of the machine can reach.
    manager = AsyncKernelManager(kernel_name="longshore", transport="ipc", ip=os.path.join(folder, "kernel"))
    options = ["--HistoryManager.enabled=False"]
    client = Client(notebook, km=manager, extra_arguments=options, timeout=None, store_widget_state=False)
    async with client.async_setup_kernel(cwd=os.getcwd(), cleanup_kc=True):
        client.kc.execute(FIRST.format(arguments), silent=True, store_history=False)
        for index, cell in enumerate(notebook.cells):
            try:
                await client.async_execute_cell(cell, index)
            except CellExecutionError as error:
                if error.ename == "SystemExit":
                    return status(error.evalue)
                show_failure(notebook, index)
                return 1
            except DeadKernelError:
                show(f"the kernel ended in cell {index + 1} of {len(notebook.cells)}\n", sys.stderr)
                return 1
    return 0


def status(text):
    """The exit status of `sys.exit`, whose argument is a number or a message."""
    if text in ("", "None"):
        return 0
    if text.lstrip("-").isdigit():
        return int(text) & 255
    show(f"{text}\n", sys.stderr)
    return 1


def main():
    path, folder = sys.argv[1], tempfile.mkdtemp(prefix="k-")
    for variable in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
        os.environ[variable] = folder
    os.environ["JUPYTER_PLATFORM_DIRS"] = "1"
    with open(path, encoding="utf-8-sig") as file:
        text = file.read()
    is_notebook = path.endswith(".ipynb")
    notebook = nbformat.reads(text, as_version=4) if is_notebook else quarto(text)
    try:
        code = asyncio.run(execute(notebook, folder, sys.argv[1:]))
    finally:
        nbformat.write(notebook, path if is_notebook else os.path.splitext(path)[0] + ".ipynb")
    sys.exit(code)


main()
