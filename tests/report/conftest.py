"""A headless Chromium for the page, and pages of fabricated results."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import report_runs
from report_browser import Page

from liafbench.bench.report import write_report

DRIVER = shutil.which("chromedriver")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--hide-scrollbars",
)  # fmt: skip


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The browser, one for all tests; they skip where it is not installed."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    if not (DRIVER and BROWSER):
        pytest.skip("needs Chromium and its driver (Debian: chromium, chromium-driver)")
    folder = tmp_path_factory.mktemp("browser")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    downloads = folder / "downloads"
    downloads.mkdir()
    allowed = {"behavior": "allow", "downloadPath": str(downloads)}
    driver.execute_cdp_cmd("Browser.setDownloadBehavior", allowed)
    yield Page(driver, downloads)
    driver.quit()


def _written(tmp_path_factory: pytest.TempPathFactory, make: Callable[[Path], Path]) -> Path:
    folder = tmp_path_factory.mktemp("results")
    write_report(make(folder / "results"), folder / "report.html")
    return folder / "report.html"


@pytest.fixture(scope="session")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of one suite as one expects it."""
    return _written(tmp_path_factory, report_runs.usual)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of models with awkward names."""
    return _written(tmp_path_factory, report_runs.hostile)
