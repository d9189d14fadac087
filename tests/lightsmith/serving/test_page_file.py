"""The page, in a real browser: everybody can use it, and it asks this service and nobody else."""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from selenium.webdriver import Keys

from lightsmith.exports.reference import reference_of, write_reference
from lightsmith.serving.api_keys import ApiKeys
from lightsmith.serving.monitoring.request_log import LogPlace
from lightsmith.serving.page_file import page_and_policy
from lightsmith.serving.served_model import load_served
from tests.lightsmith.reports.conftest import Browser, browser, driver  # noqa: F401  # fixtures
from tests.lightsmith.serving.conftest import Client, running
from tests.lightsmith.serving.test_api_keys import KEY, line
from tests.lightsmith.serving.test_application import png

READY = "return !document.getElementById('model').hidden;"
ANSWERED = "return /Answered in/.test(document.getElementById('details').textContent);"
STATUS = "return document.getElementById('status').textContent;"
PASTE = """
    const bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
    const files = new DataTransfer();
    files.items.add(new File([bytes], "pasted.png", { type: "image/png" }));
    document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: files }));
"""


def visit(browser: Browser, client: Client, scheme: str = "light", width: int = 1100) -> None:  # noqa: F811
    driver = browser.driver  # noqa: F811
    driver.get_log("performance")
    driver.get_log("browser")
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    driver.set_window_size(width, 900)
    driver.get(f"http://127.0.0.1:{client.port}/")


def test_the_page_is_small_and_may_only_ask_its_own_service(photos: Client) -> None:
    reply = photos("/")
    html, policy = page_and_policy()
    assert (reply.status, reply.body.decode()) == (200, html)
    assert len(reply.body) <= 50_000
    assert reply.headers["content-security-policy"] == policy
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert re.findall(r"https?://|{{|innerHTML|\bon\w+=", html) == []


@pytest.mark.slow
def test_an_image_is_asked_about_by_file_and_by_paste(browser: Browser, photos: Client, tmp_path: Path) -> None:  # noqa: F811
    visit(browser, photos)
    browser.wait(READY)
    (tmp_path / "photo.png").write_bytes(png())
    browser.driver.find_element("id", "file").send_keys(str(tmp_path / "photo.png"))
    browser.wait(ANSWERED)
    answer = photos("/predict", png(), "image/png").json
    best = f"{100 * max(answer['probabilities'].values()):.1f}%"
    assert browser(STATUS) == f"{answer['prediction']}, {best}"
    rows = browser.rows("Probability of each class")
    assert [row[0] for row in rows] == sorted(answer["probabilities"], key=answer["probabilities"].get, reverse=True)
    (tmp_path / "broken.png").write_bytes(b"no image")
    browser.driver.find_element("id", "camera").send_keys(str(tmp_path / "broken.png"))
    browser.wait("return document.getElementById('status').classList.contains('wrong');")
    assert "the image cannot be read: not a JPEG" in browser(STATUS)
    for _ in range(20):
        browser(PASTE, base64.b64encode(png(1)).decode())
    browser.wait("return document.querySelectorAll('#list li').length === 20;")
    asked = [url for url in browser.requests() if not url.startswith("blob:")]
    assert {url.rpartition("/")[2] for url in asked} == {"model", "predict"}
    assert all(url.startswith(f"http://127.0.0.1:{photos.port}/") for url in asked)
    assert [message for message in browser.complaints() if "422" not in message] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_breaks_no_rule_of_accessibility(browser: Browser, photos: Client, scheme: str) -> None:  # noqa: F811
    visit(browser, photos, scheme, width=400)
    browser.wait(READY)
    assert browser.violations() == []


def test_a_text_is_asked_about_with_the_keyboard_alone(browser: Browser, texts: Client) -> None:  # noqa: F811
    visit(browser, texts)
    browser.wait(READY)
    keyboard = browser.driver.switch_to.active_element
    keyboard.send_keys(Keys.TAB)
    field = browser.driver.switch_to.active_element
    assert field.get_attribute("id") == "text"
    field.send_keys("a good film <b>")
    field.send_keys(Keys.TAB)
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    browser.wait(ANSWERED)
    assert "%" in browser(STATUS)
    assert "a good film <b>" in browser("return document.getElementById('list').textContent;")
    assert browser.violations() == []


def test_a_service_with_keys_asks_for_one(browser: Browser, folders: Callable[..., Path], tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "keys.txt").write_text(line("me", KEY))
    with running(load_served(folders("texts"), 1), ApiKeys(tmp_path / "keys.txt")) as client:
        visit(browser, client)
        browser.wait("return !document.getElementById('key').hidden;")
        assert browser("return document.getElementById('lead').textContent;").startswith("Whoever runs this service")
        assert browser.violations() == []
        browser.driver.find_element("id", "secret").send_keys("wrong", Keys.ENTER)
        browser.wait("return document.getElementById('lead').textContent === 'This key is not known.';")
        browser.driver.find_element("id", "secret").send_keys(KEY, Keys.ENTER)
        browser.wait(READY)
        browser.driver.get("about:blank")  # which closes its connection


def test_the_page_says_that_items_are_kept_and_that_they_are_unlike_the_test_split(
    browser: Browser,  # noqa: F811
    folders: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lightsmith.serving.application.WINDOW", 50)
    folder = shutil.copytree(folders("photos"), tmp_path / "export")
    write_reference(folder, reference_of([{"brightness": 0.1}, {"brightness": 0.2}] * 50))
    with running(load_served(folder, 1), log=LogPlace(tmp_path / "log", True)) as client:
        visit(browser, client, width=400)
        browser.wait(READY)
        assert "which keeps it" in browser("return document.getElementById('lead').textContent;")
        assert "fewer than 50 so far" in browser("return document.getElementById('facts').textContent;")
        for _ in range(50):
            client("/predict", png(), "image/png")
        browser.driver.refresh()
        browser.wait(READY)
        assert "unlike the test items: brightness" in browser("return document.getElementById('facts').textContent;")
        assert browser.violations() == []
        assert browser("return document.documentElement.scrollWidth <= window.innerWidth;")
        browser.driver.get("about:blank")  # which closes its connection
