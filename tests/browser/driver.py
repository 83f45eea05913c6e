"""A browser: Chromium, driven through chromedriver by the WebDriver protocol. It owns both processes, and what the page
logs and requests; the tests say what to do.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"

# How long something that a page does by itself may take.
PATIENCE = 15.0

# Without a proxy that the environment names.
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))

Json = Any
T = TypeVar("T")


class DriverError(Exception):
    """The browser refuses a command."""


class Element:
    """An element of the page."""

    def __init__(self, browser: Browser, reference: str) -> None:
        self.browser = browser
        self.reference = reference

    @property
    def text(self) -> str:
        return str(self.browser.call("GET", f"/element/{self.reference}/text"))

    def attribute(self, name: str) -> str | None:
        value = self.browser.call("GET", f"/element/{self.reference}/attribute/{name}")
        return None if value is None else str(value)

    def click(self) -> None:
        self.browser.call("POST", f"/element/{self.reference}/click", {})

    def type(self, text: str) -> None:
        self.browser.call("POST", f"/element/{self.reference}/value", {"text": text})

    def clear(self) -> None:
        self.browser.call("POST", f"/element/{self.reference}/clear", {})


class Browser:
    """A browser with one window. Close it."""

    def __init__(self, folder: Path) -> None:
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.driver.stdout is not None
        port = None
        for line in self.driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                port = found[1]
                break
        assert port, "chromedriver starts"
        self.base = f"http://127.0.0.1:{port}"
        arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--hide-scrollbars",
            "--no-first-run",
            "--no-proxy-server",
            "--disable-background-networking",
            "--disable-component-update",
            f"--user-data-dir={folder}",
        ]
        options = {"args": arguments, "perfLoggingPrefs": {"enableNetwork": True}}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        self.session = ""
        answer = self.request("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.session = f"/session/{answer['sessionId']}"

    def close(self) -> None:
        try:
            self.request("DELETE", self.session)
        finally:
            self.driver.terminate()
            self.driver.wait()

    def request(self, method: str, path: str, body: Json = None) -> Json:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with DIRECTLY.open(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise DriverError(json.load(error)["value"]["message"]) from None

    def call(self, method: str, path: str, body: Json = None) -> Json:
        return self.request(method, self.session + path, body)

    def cdp(self, command: str, **parameters: Json) -> Json:
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def open(self, address: str) -> None:
        self.call("POST", "/url", {"url": address})

    @property
    def address(self) -> str:
        return str(self.call("GET", "/url"))

    def run(self, script: str, *arguments: Json) -> Json:
        """Runs a function's body in the page."""
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def run_async(self, script: str, *arguments: Json) -> Json:
        """Runs a function's body, whose last argument takes the result."""
        return self.call("POST", "/execute/async", {"script": script, "args": list(arguments)})

    def all(self, selector: str) -> list[Element]:
        found = self.call("POST", "/elements", {"using": "css selector", "value": selector})
        return [Element(self, one[ELEMENT]) for one in found]

    def one(self, selector: str) -> Element:
        found = self.all(selector)
        assert found, f"{self.address} has no `{selector}`: {self.text()[:500]}"
        return found[0]

    def text(self) -> str:
        return str(self.run("return document.body.innerText"))

    def keys(self, text: str) -> None:
        """Presses keys."""
        pressed = [
            action for key in text for action in ({"type": "keyDown", "value": key}, {"type": "keyUp", "value": key})
        ]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": pressed}]})

    def soon(self, what: str, holds: Callable[[], T], patience: float = PATIENCE) -> T:
        """Waits for something that the page does by itself."""
        deadline = time.monotonic() + patience
        while True:
            try:
                if value := holds():
                    return value
            except (DriverError, AssertionError):
                # The page changes meanwhile.
                pass
            assert time.monotonic() < deadline, f"not within {patience} s: {what}; {self.address}: {self.text()[:800]}"
            time.sleep(0.05)

    def look(self, width: int, scheme: str) -> None:
        """Has this width from now on, and this colour scheme."""
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.cdp("Emulation.setEmulatedMedia", media="screen", features=features)

    def picture(self, path: Path) -> None:
        """Keeps a picture of the whole page."""
        size = self.cdp("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 4000), "scale": 1}
        taken = self.cdp("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(taken["data"]))

    def complaints(self) -> list[str]:
        """What the browser has complained about since the last time: errors of scripts, and of the content policy."""
        entries = self.call("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in ("SEVERE", "WARNING")]

    def requests(self) -> set[str]:
        """The addresses that were requested since the last time."""
        messages = (
            json.loads(entry["message"])["message"] for entry in self.call("POST", "/se/log", {"type": "performance"})
        )
        sent = (message["params"] for message in messages if message["method"] == "Network.requestWillBeSent")
        return {parameters["request"]["url"] for parameters in sent}
