"""Chromium, headless, driven over its DevTools protocol: real clicks and keys, nothing else.

Just as much as the page's tests need, so that signing, chain and browser share one process and one
debugger. A click waits for its element, scrolls to it, and fails if something else covers it.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

# long enough for a machine that does much else at the same time
PATIENCE = 45.0
_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
]
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def binary() -> str | None:
    """Chromium's command, or None where none is installed."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


class Chromium:
    """One browser with an empty profile. Ended by `stop`, with everything it started."""

    def __init__(self, command: str) -> None:
        self._profile = tempfile.TemporaryDirectory(
            prefix="donablock-chromium-", ignore_cleanup_errors=True
        )
        self._process = subprocess.Popen(
            [command, *_FLAGS, f"--user-data-dir={self._profile.name}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.url = self._wait()

    def _wait(self) -> str:
        told = Path(self._profile.name) / "DevToolsActivePort"
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if told.is_file() and len(lines := told.read_text().split()) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        self.stop()
        raise RuntimeError("Chromium did not start")

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._profile.cleanup()


class Tab:
    """A tab of the browser. `renew` makes it as good as new, for less than a new one takes."""

    def __init__(self, browser: Chromium) -> None:
        self._socket: ClientConnection = connect(browser.url, max_size=None, compression=None)
        self._last = 0
        self._session: str | None = None
        self.faults: list[str] = []
        self._scripts: list[str] = []
        target = self._send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._send("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._send(f"{domain}.enable")
        self.resize(1280, 900)

    def close(self) -> None:
        self._session = None
        self._socket.close()

    def renew(self, origin: str) -> None:
        """Forgets the last page: its scripts, its faults, its size, and what it stored."""
        self._send("Page.navigate", url="about:blank")
        self._send("Storage.clearDataForOrigin", origin=origin, storageTypes="all")
        while self._scripts:
            self._send("Page.removeScriptToEvaluateOnNewDocument", identifier=self._scripts.pop())
        self.resize(1280, 900)
        self.faults.clear()

    # --- the protocol -------------------------------------------------------------------------

    def _send(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv(timeout=60))
            if answer.get("id") == self._last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer)

    def _note(self, event: dict[str, Any]) -> None:
        parameters = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.faults.append(
                details.get("exception", {}).get("description", details.get("text", ""))
            )
        elif event.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            entry = parameters["entry"]
            self.faults.append(f"{entry['text']} {entry.get('url', '')}")

    # --- looking ------------------------------------------------------------------------------

    def run(self, script: str) -> Any:
        """The value of an expression, awaited."""
        answer = self._send(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            allowUnsafeEvalBlockedByCSP=False,
        )
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"]["exception"].get("description", script))
        return answer["result"].get("value")

    def wait(self, script: str, what: str = "", patience: float = PATIENCE) -> Any:
        """Looks until an expression is true; its value."""
        deadline = time.monotonic() + patience
        while True:
            value = self.run(script)
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"waited in vain for {what or script}\n{self.text('main')}")
            time.sleep(0.03)

    def text(self, selector: str) -> str:
        """What a person can read there."""
        return str(self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    def sees(self, selector: str, text: str = "") -> str:
        """Waits until an element is shown and contains a text; all of its text."""
        script = (
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            f" return e && e.checkVisibility() && e.innerText.includes({json.dumps(text)})"
            " ? e.innerText || ' ' : '' })()"
        )
        return str(self.wait(script, f"{selector} with {text!r}"))

    # --- acting -------------------------------------------------------------------------------

    def open(self, url: str) -> None:
        self._send("Page.navigate", url="about:blank")
        self._send("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def reload(self) -> None:
        """Loads the page anew and waits until that has begun and ended."""
        self.run("window.isOld = true")
        self._send("Page.reload")
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                if self.run("!window.isOld && document.readyState === 'complete'"):
                    return
            except RuntimeError:
                pass  # asked just while the page was exchanged
            time.sleep(0.03)
        raise AssertionError("the page did not load anew")

    def before_scripts(self, script: str) -> None:
        """Runs in every page opened from now on, before the page's own scripts."""
        added = self._send("Page.addScriptToEvaluateOnNewDocument", source=script)
        self._scripts.append(added["identifier"])

    def click(self, selector: str) -> None:
        quoted = json.dumps(selector)
        self.wait(f"document.querySelector({quoted})?.checkVisibility()", f"{selector} to click")
        self.wait(f"!document.querySelector({quoted}).disabled", f"{selector} to be enabled")
        x, y = self.run(
            f"(async () => {{ const e = document.querySelector({quoted});"
            " e.scrollIntoView({ block: 'center', behavior: 'instant' });"
            # until it stands still: what loads above it may move it
            " let b, last;"
            " do { last = b; b = e.getBoundingClientRect();"
            " await new Promise((done) => setTimeout(done, 20)) }"
            " while (b.x !== last?.x || b.y !== last?.y);"
            " const at = [b.x + b.width / 2, b.y + b.height / 2];"
            " const top = document.elementFromPoint(...at);"
            " const label = e.closest('label');"
            " if (!(e.contains(top) || label?.contains(top)))"
            " throw new Error(`covered by ${top?.outerHTML.slice(0, 120)}`);"
            " return at })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self._send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, selector: str, text: str) -> None:
        """Replaces what stands in a field."""
        self.click(selector)
        self.run(f"document.querySelector({json.dumps(selector)}).select()")
        if text:
            self._send("Input.insertText", text=text)
        else:
            self.press("Delete", 46)

    def press(self, key: str, code: int, text: str = "") -> None:
        for kind in ("keyDown", "keyUp"):
            self._send(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                **({"text": text} if text and kind == "keyDown" else {}),
            )

    def choose(self, selector: str, label: str) -> None:
        """Chooses an option by its text."""
        found = self.run(
            f"(() => {{ const s = document.querySelector({json.dumps(selector)});"
            f" const o = [...s.options].find((o) => o.text === {json.dumps(label)});"
            " if (!o) return [...s.options].map((o) => o.text).join();"
            " s.value = o.value; s.dispatchEvent(new Event('change', { bubbles: true }));"
            " return true })()"
        )
        assert found is True, f"{selector} offers {found}, not {label}"

    def resize(self, width: int, height: int, *, is_dark: bool = False) -> None:
        self._send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self._send(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}],
        )

    def picture(self, path: Path, *, is_whole: bool = True) -> None:
        """Saves what is seen, as PNG; the whole page or the window."""
        path.parent.mkdir(parents=True, exist_ok=True)
        answer = self._send("Page.captureScreenshot", captureBeyondViewport=is_whole)
        path.write_bytes(base64.b64decode(answer["data"]))
