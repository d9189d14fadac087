"""A real browser for the pages, where one is installed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import axe_core_python
import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1100,900")
OWN = ("data:", "about:", "chrome:", "chrome-untrusted:", "devtools:")  # addresses that leave no machine


class Browser:
    """Opens pages from disk, and knows what they asked for and complained of."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def open(self, page: Path, width: int = 1100, scheme: str = "light") -> None:
        self.driver.get_log("performance")
        self.driver.get_log("browser")
        media = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
        self.driver.set_window_size(width, 900)
        self.driver.get(page.resolve().as_uri())
        self("document.querySelectorAll('details').forEach((part) => { part.open = true; });")
        self.wait("return [...document.querySelectorAll('details')].every((part) => part.childElementCount > 1);")

    def __call__(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def wait(self, script: str) -> None:
        self.driver.set_script_timeout(20)
        poll = "const done = arguments[0]; const look = () => ((() => {%s})() ? done() : setTimeout(look, 20)); look();"
        self.driver.execute_async_script(poll % script)

    def seconds_until_interactive(self, page: Path) -> float:
        """From when a page begins to load to the end of its last task of more than 50 ms, or to when it is built."""
        self.driver.get(page.resolve().as_uri())
        self.driver.set_script_timeout(20)
        milliseconds = self.driver.execute_async_script("""
            const done = arguments[0];
            const ends = [performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd];
            const note = (list) => list.getEntries().forEach((task) => ends.push(task.startTime + task.duration));
            new PerformanceObserver(note).observe({ type: "longtask", buffered: true });
            setTimeout(() => done(Math.max(...ends)), 500);
        """)
        return float(milliseconds) / 1000

    def requests(self) -> list[str]:
        """Addresses that the page has asked for since it was opened, itself apart."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
        return [url for url in sent if not url.startswith(OWN) and url != self.driver.current_url]

    def complaints(self) -> list[str]:
        """What stands in the console."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def violations(self) -> list[str]:
        """Rules of accessibility that the page breaks, with the first place where it does."""
        self(AXE)
        run = "const done = arguments[0]; axe.run(document, { resultTypes: ['violations'] }).then(done);"
        found = self.driver.execute_async_script(run)["violations"]
        return [f"{rule['id']}: {rule['nodes'][0]['html']} {rule['nodes'][0]['failureSummary']}" for rule in found]

    def show_all(self) -> None:
        """Let long tables show all of their rows."""
        self("""
            const buttons = [...document.querySelectorAll("button")];
            buttons.filter((one) => one.textContent.startsWith("Show all")).forEach((one) => one.click());
        """)

    def rows(self, caption: str) -> list[list[str]]:
        """The cells of the table with this caption, as they are read."""
        script = """
            const tables = [...document.querySelectorAll("table")];
            const table = tables.find((one) => one.caption.textContent === arguments[0]);
            return [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent));
        """
        found: list[list[str]] = self(script, caption)
        return found


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        pytest.skip("no chromium with its chromedriver is installed")
    options = ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = Chrome(options, Service(chromedriver))
    yield chrome
    chrome.quit()


@pytest.fixture
def browser(driver: Chrome) -> Browser:
    return Browser(driver)
