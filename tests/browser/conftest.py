"""A resident host with blocks and runs, and a browser that is signed in."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from driver import PATIENCE, Browser

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "longshore"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or CACHE / "target")
LONGSHORE = os.environ.get("LONGSHORE_BIN") or str(TARGET / "release/longshore")

# Text that a page must show, and not obey.
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">\u202e&amp; 'x'"

STEPS = """import time
from longshore.api import Api

api = Api()
for step in range(200):
    print("step", step, flush=True)
    api.update_progress(step / 200, f"at step {step}")
    time.sleep(0.1)
"""

# With a package of its own, which is small.
PACKAGES = """# /// script
# dependencies = ["iniconfig==2.0.0"]
# ///
import iniconfig

print(iniconfig.__name__)
"""

DOUBLE = """from longshore.api import Api

api = Api()
table = api.read_input_records(0)
table["doubled"] = table["x"] * api.options["factor"]
api.write_output_records(table)
api.commit(f"{len(table)} rows")
"""

MANIFEST = """name = "Double"
description = "Multiplies a column."
language = "python"
script = "double.py"

[[options]]
name = "factor"
kind = "integer"
description = "By which number."
default = 2
min = 1
max = 9

[[options]]
name = "note"
kind = "text"

[[outputs]]
id = "doubled"
"""


class Site:
    """The host, and where its pages are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        blocks = folder / "blocks of ü"
        (blocks / "double").mkdir(parents=True)
        (blocks / "double" / "block.toml").write_text(MANIFEST)
        (blocks / "double" / "double.py").write_text(DOUBLE)
        (blocks / "steps.py").write_text(STEPS)
        (blocks / "packages.py").write_text(PACKAGES)
        (blocks / "broken").mkdir()
        (blocks / "broken" / "block.toml").write_text("name = 7\n")
        (folder / "table.csv").write_text(
            "x,<b>y</b>,z\n" + "".join(f"{k},{HOSTILE if k else 'a'},\n" for k in range(100))
        )
        homes = {name: str(folder / name.lower()) for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME")}
        self.environment = os.environ | homes
        self.log = folder / "serve.log"
        command = [LONGSHORE, "serve", "--socket", str(folder / "s.sock"), "--http", "0", "--blocks", str(blocks)]
        with self.log.open("wb") as log:
            self.host = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment
            )
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(r"at (http://[^/]+)/;", self.log.read_text())):
            assert self.host.poll() is None and time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)
        self.base = found[1]
        self.token = self.command("server", "token", "add", "tests").strip()

    def command(self, *arguments: str) -> str:
        command = [LONGSHORE, *arguments]
        ran = subprocess.run(
            command, check=False, env=self.environment, cwd=self.folder, capture_output=True, text=True
        )
        return ran.stdout

    def run(self, script: str) -> str:
        """Runs a script by the command, and returns the run's id."""
        (self.folder / "script.py").write_text(script)
        self.command("run", "script.py")
        return self.command("runs", "list", "--last", "1").splitlines()[1].split()[0]

    def stop(self) -> None:
        self.host.terminate()
        self.host.wait(PATIENCE)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("host"))
    yield site
    site.stop()


@pytest.fixture(scope="session")
def browser(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture(autouse=True)
def nothing_foreign(site: Site, browser: Browser) -> Iterator[None]:
    """After each test: no error of a script or of the content policy, and no request to anything but the host."""
    browser.look(1280, "light")
    yield
    complaints = [text for text in browser.complaints() if "status of 4" not in text]
    assert complaints == []
    of_browser = ("chrome:", "chrome-extension:", "data:", "about:", site.base + "/")
    assert [address for address in browser.requests() if not address.startswith(of_browser)] == []


@pytest.fixture
def signed_in(site: Site, browser: Browser) -> Browser:
    browser.open(f"{site.base}/")
    if "/signin" in browser.address:
        browser.one("#token").type(site.token)
        browser.one("button").click()
        browser.soon("the overview", lambda: browser.one("h1").text == "Overview")
    return browser
