"""A headless Chromium, driven by W3C WebDriver over plain HTTP."""

from __future__ import annotations

import base64
import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 30.0
"""Seconds after which something that has to appear has not."""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
MISSING = "needs chromium and chromedriver" if CHROMIUM is None or DRIVER is None else ""
"""Why nothing can be driven here; empty where it can."""
FLAGS = [
    "--headless=new",
    "--no-sandbox",  # it also runs as root and in containers, and loads nothing but our own page
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
]
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_KEYS = {"ctrl": "\ue009", "enter": "\ue007", "tab": "\ue004"}


class Browser:
    """One window of a browser."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._base = ""

    def begin(self, arguments: list[str]) -> None:
        """Open the window."""
        options = {"binary": CHROMIUM, "args": arguments}
        logs = {"browser": "ALL", "performance": "ALL"}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": logs}
        found = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._base = f"/session/{found['sessionId']}"

    def end(self) -> None:
        """Close the window."""
        if self._base:
            self._ask("DELETE", "")

    def go(self, address: str) -> None:
        """Open an address, and wait until it has loaded."""
        self._ask("POST", "/url", {"url": address})

    def reload(self) -> None:
        """Load the page again."""
        self._ask("POST", "/refresh", {})

    def run(self, script: str, *arguments: Any) -> Any:
        """What the body of a function returns in the page; promises are waited for."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def emulate(self, command: str, **parameters: Any) -> None:
        """A command of the browser's own protocol, such as the emulation of a phone."""
        self._ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def size(self, width: int, height: int, scheme: str = "light") -> None:
        """Make the page as large as this, in this colour scheme."""
        self.emulate(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        self.emulate("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def click(self, selector: str) -> None:
        """Click on an element, as a person does: it has to be there and not covered."""
        self._ask("POST", f"/element/{self._find(selector)}/click", {})

    def type(self, selector: str, text: str) -> None:
        """Replace the text of a field, key by key."""
        element = self._find(selector)
        self._ask("POST", f"/element/{element}/clear", {})
        self._ask("POST", f"/element/{element}/value", {"text": text})

    def press(self, selector: str, *keys: str) -> None:
        """Press keys together in an element."""
        text = "".join(_KEYS.get(key, key) for key in keys)
        self._ask("POST", f"/element/{self._find(selector)}/value", {"text": text})

    def accept(self) -> None:
        """Say yes to the question of the page."""
        self._ask("POST", "/alert/accept", {})

    def text(self, selector: str) -> str:
        """The text that an element shows; empty if there is none."""
        return str(self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector))

    def count(self, selector: str) -> int:
        """How many elements there are."""
        return int(self.run("return document.querySelectorAll(arguments[0]).length", selector))

    def until(self, script: str, *arguments: Any) -> Any:
        """Ask the page again and again until an expression is true; its value."""
        end = time.monotonic() + PATIENCE
        while not (found := self.run(f"return {script}", *arguments)):
            assert time.monotonic() < end, f"waited {PATIENCE} s in vain: {script} {arguments}; {self.text('main')}"
        return found

    def shows(self, selector: str, text: str) -> None:
        """Wait until an element shows a text."""
        self.until("(document.querySelector(arguments[0])?.innerText ?? '').includes(arguments[1])", selector, text)

    def picture(self, path: Path) -> None:
        """Write what the window shows to a PNG."""
        path.write_bytes(base64.b64decode(self._ask("GET", "/screenshot")))

    def console(self) -> list[dict[str, Any]]:
        """What the console has said since the last call."""
        return self._log("browser")

    def requested(self) -> set[str]:
        """The hosts that were asked for something since the last call."""
        entries = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        sent = [entry["params"] for entry in entries if entry["method"] == "Network.requestWillBeSent"]
        addresses = [urlsplit(each["request"]["url"]) for each in sent]
        return {address.netloc for address in addresses if address.scheme in ("http", "https", "ws", "wss")}

    def _log(self, kind: str) -> list[dict[str, Any]]:
        return list(self._ask("POST", "/se/log", {"type": kind}))

    def _find(self, selector: str) -> str:
        return str(self._ask("POST", "/element", {"using": "css selector", "value": selector})[_ELEMENT])

    def _ask(self, method: str, path: str, content: Any = None) -> Any:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=2 * PATIENCE)
        try:
            body = None if content is None else json.dumps(content)
            connection.request(method, self._base + path, body, {"content-type": "application/json"})
            response = connection.getresponse()
            value = json.loads(response.read())["value"]
        finally:
            connection.close()
        assert response.status == 200, f"{method} {path} {content}: {value['error']}: {value['message']}"
        return value


@contextmanager
def browsing(profile: Path) -> Iterator[Browser]:
    """A browser with an empty profile; it is closed at the end, and its driver with it."""
    assert DRIVER is not None
    driver = subprocess.Popen(
        [DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    )
    try:
        assert driver.stdout is not None
        found = None
        while found is None:
            line = driver.stdout.readline()
            assert line, "chromedriver has not started"
            found = re.search(r"successfully on port (\d+)", line)
        browser = Browser(int(found[1]))
        try:
            browser.begin([*FLAGS, f"--user-data-dir={profile}"])
            yield browser
        finally:
            browser.end()
    finally:
        driver.send_signal(signal.SIGTERM)
        driver.communicate(timeout=PATIENCE)
