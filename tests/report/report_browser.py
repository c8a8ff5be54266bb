"""A browser window on one page, as the tests of the page use it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any


class Page:
    """A browser with helpers to look at one page."""

    def __init__(self, driver: Any, downloads: Path) -> None:
        self.driver, self.downloads = driver, downloads

    def open(self, path: Path, width: int = 1280, theme: str = "light") -> None:
        """Open a file as a window of that width with the system's wish for a theme."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        wish = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", wish)
        self.driver.get(path.resolve().as_uri())

    def run(self, script: str, *arguments: Any) -> Any:
        """The value a script returns."""
        return self.driver.execute_script(script, *arguments)

    def draw_all(self) -> None:
        """Draw every figure, as scrolling through the page does."""
        self.run("loadPlotly(); for (const each of [...stale]) { stale.delete(each); draw(each); }")

    def errors(self) -> list[str]:
        """What the console said since it was last asked."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def download(self, click: str) -> Path:
        """The file that a click on the element of that selector saves."""
        before = set(self.downloads.iterdir())
        self.run("document.querySelector(arguments[0]).click()", click)
        for _ in range(200):
            new = [p for p in set(self.downloads.iterdir()) - before if p.suffix != ".crdownload"]
            if new:
                return new[0]
            time.sleep(0.05)
        raise AssertionError(f"a click on {click} saved nothing")

    def document(self) -> dict[str, Any]:
        """The data the page draws from."""
        return json.loads(self.run("return document.getElementById('document').textContent"))
