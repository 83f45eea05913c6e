"""A container engine with an empty data root: a second `dockerd` beside the machine's, in a network namespace of its own
that reaches the world through the machine. It is where an engine is that was installed a moment ago."""

import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from machine import DEADLINE, LONGSHORE, PREFIX, output

STARTED_WITHIN = 60

VERSION = output([LONGSHORE, "--version"]).split()[-1]

# The images of this project, and the one that they are built on.
NEEDED = [
    "debian:bookworm-slim",
    *[f"longshore/{name}:{tag}" for name in ("base", "python", "r") for tag in (VERSION, "latest")],
]

# What a machine's engine is told about the network and the disks that it is on.
MACHINE_KEYS = ("dns", "dns-opts", "dns-search", "mtu", "storage-driver")


class Engine:
    """Such an engine; `with` starts and ends it."""

    def __init__(self) -> None:
        self.name = f"{PREFIX}{os.getpid()}"
        self.links = (f"lsf{os.getpid()}h", f"lsf{os.getpid()}e")
        # Of the range for measurements among networks, which nobody has at home.
        self.network = f"198.18.{random.randrange(256)}.{4 * random.randrange(64)}/30"
        data = output(["docker", "info", "--format", "{{.DockerRootDir}}"]).strip()
        # Layers need a file system like that of the first engine.
        self.folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=Path(data).parent))
        self.socket = self.folder / "docker.sock"
        self.variables = {"DOCKER_HOST": f"unix://{self.socket}"}
        self.process: subprocess.Popen[bytes] | None = None

    def within(self, command: list[str | Path]) -> list[str | Path]:
        """A command as it is called where the engine is."""
        return ["nsenter", f"--net=/run/netns/{self.name}", *command]

    def __enter__(self) -> Self:
        try:
            self._connect()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        remove(os.getpid(), self.folder)

    def load(self, *images: str) -> None:
        """Brings images of the machine's engine."""
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as save:
            output(["docker", "load", "-q"], stdin=save.stdout, env=os.environ | self.variables)
            assert save.wait(DEADLINE) == 0, f"`docker save` failed for {images}"

    def _connect(self) -> None:
        for program in ("ip", "iptables", "nsenter", "dockerd"):
            assert shutil.which(program), f"these tests need the command `{program}`: `make setup` installs it"
        host, inside = self.links
        start = self.network.split("/")[0].rsplit(".", 1)
        addresses = [f"{start[0]}.{int(start[1]) + number}" for number in (1, 2)]
        output(["ip", "netns", "add", self.name])
        output(["ip", "link", "add", host, "type", "veth", "peer", "name", inside, "netns", self.name])
        output(["ip", "address", "add", f"{addresses[0]}/30", "dev", host])
        output(["ip", "link", "set", host, "up"])
        for command in (
            ["address", "add", f"{addresses[1]}/30", "dev", inside],
            ["link", "set", inside, "up"],
            ["link", "set", "lo", "up"],
            ["route", "add", "default", "via", addresses[0]],
        ):
            output(["ip", "-n", self.name, *command])
        # The engine's own rules let nothing else through.
        established = ["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"]
        output(["iptables", "-w", "-I", "FORWARD", "-i", host, "-j", "ACCEPT"])
        output(["iptables", "-w", "-I", "FORWARD", "-o", host, *established, "-j", "ACCEPT"])
        out = ["-s", self.network, "!", "-o", host, "-j", "MASQUERADE"]
        output(["iptables", "-w", "-t", "nat", "-I", "POSTROUTING", *out])
        forwards = Path("/proc/sys/net/ipv4/ip_forward").read_text().strip()
        assert forwards == "1", "these tests need `sysctl net.ipv4.ip_forward=1`, which an engine sets when it starts"

    def stop(self, ended: signal.Signals = signal.SIGTERM) -> None:
        """Ends the engine; `start` starts it again with what it had."""
        if self.process is None:
            return
        self.process.send_signal(ended)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None
        # What an engine starts for itself ends with it, but may wait for a parent that collects it: the next engine would
        # wait for it.
        (self.folder / "exec/containerd/containerd.pid").unlink(missing_ok=True)

    def start(self) -> None:
        """Starts the engine, and waits until it answers."""
        places = ["--data-root", self.folder / "data", "--exec-root", self.folder / "exec"]
        places += ["--pidfile", self.folder / "pid", "--host", f"unix://{self.socket}"]
        # The machine's own file may set any of these again.
        configuration = self.folder / "daemon.json"
        configuration.write_text(json.dumps(_machine_settings()))
        command = self.within(["dockerd", "--config-file", configuration, *places])
        log = self.folder / "log"
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
            )
        until = time.monotonic() + STARTED_WITHIN
        while subprocess.run(
            ["docker", "version"], env=os.environ | self.variables, capture_output=True, check=False
        ).returncode:
            ended = self.process.poll() is not None
            assert not ended and time.monotonic() < until, (
                f"a second engine does not start here:\n{log.read_text()[-3000:]}"
            )
            time.sleep(0.2)


def _machine_settings() -> dict[str, object]:
    file = Path("/etc/docker/daemon.json")
    settings = json.loads(file.read_text() or "{}") if file.exists() else {}
    return {key: value for key, value in settings.items() if key in MACHINE_KEYS}


def remove(owner: int | str, folder: Path) -> None:
    """Takes away what an engine used, once it has ended."""
    with Path("/proc/mounts").open() as mounts:
        points = [line.split()[1] for line in mounts]
    for point in sorted((point for point in points if point.startswith(str(folder))), reverse=True):
        subprocess.run(["umount", "-l", point], capture_output=True, check=False)
    for table in ("filter", "nat"):
        rules = output(["iptables", "-w", "-t", table, "-S"]).splitlines()
        for rule in (rule.split() for rule in rules if f" lsf{owner}h " in f"{rule} "):
            output(["iptables", "-w", "-t", table, "-D", *rule[1:]])
    subprocess.run(["ip", "netns", "delete", f"{PREFIX}{owner}"], capture_output=True, check=False)
    # Many thousands of files, which take Python longer.
    subprocess.run(["rm", "-rf", folder], check=False)


def remove_abandoned() -> None:
    """Takes away what tests left that were killed."""
    data = output(["docker", "info", "--format", "{{.DockerRootDir}}"]).strip()
    for folder in Path(data).parent.glob(f"{PREFIX}*-*"):
        owner = folder.name.removeprefix(PREFIX).split("-")[0]
        if Path(f"/proc/{owner}").exists():
            continue
        with suppress(OSError, ValueError):
            os.kill(int((folder / "pid").read_text()), signal.SIGTERM)
            time.sleep(5)
        remove(owner, folder)
