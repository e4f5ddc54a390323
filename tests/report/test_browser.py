"""The pages in a real browser: charts, hover, keyboard, narrow screens, no network, no errors."""

import time
from pathlib import Path
from typing import Any

import pytest

from bertology.record.folder import RunFolder
from tests.report.synthetic import HOSTILE


@pytest.fixture(params=["report", "comparison"])
def page(request: pytest.FixtureRequest, browser: Any, folder: RunFolder, comparison: Path) -> Any:
    return _open(browser, folder.report if request.param == "report" else comparison)


def test_every_chart_is_drawn_when_its_claim_opens_and_nothing_is_fetched(page: Any) -> None:
    assert page.execute_script("return document.querySelectorAll('.claim .chart[data-drawn]').length") == 0
    page.execute_script("for (const d of document.querySelectorAll('details.claim')) d.open = true")
    undrawn = "return document.querySelectorAll('.claim .chart:not([data-drawn])').length"
    _until(lambda: page.execute_script(undrawn) == 0, 12)
    assert page.execute_script("return document.querySelectorAll('.chart svg').length") > 5
    assert (
        page.execute_script(
            "return performance.getEntriesByType('resource').filter(e => !e.name.startsWith('data:')).length"
        )
        == 0
    )
    assert [line for line in page.get_log("browser") if line["level"] in ("SEVERE", "WARNING")] == []


def test_pointing_at_a_head_explains_it(page: Any) -> None:
    from selenium.webdriver import ActionChains

    cell = page.find_element("css selector", ".head[data-x='2'][data-y='1']")
    ActionChains(page).move_to_element(cell).perform()
    tip = page.find_element("id", "tip")
    assert tip.is_displayed()
    assert tip.text.startswith("layer 2 · head 2: mostly ")
    assert "best relation" in tip.text


def test_arrow_keys_move_among_heads(page: Any) -> None:
    from selenium.webdriver import Keys

    page.execute_script("document.querySelector('.head').focus()")
    page.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    page.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert page.find_element("id", "tip").text.startswith("layer 2 · head 1:")


def test_the_keyboard_opens_a_claim(page: Any) -> None:
    from selenium.webdriver import Keys

    summary = page.find_element("css selector", ".claim > summary")
    page.execute_script("arguments[0].focus()", summary)
    summary.send_keys(Keys.ENTER)
    assert page.execute_script("return document.querySelector('.claim').open")
    assert page.find_element("css selector", ".claim .open").is_displayed()


def test_a_phone_needs_no_sideways_scrolling(page: Any) -> None:
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
        time.sleep(0.5)
        wide = page.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= 360 and wide[1] == 360
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_theme_button_turns_the_page_and_its_charts_dark(page: Any) -> None:
    page.execute_script(
        "const d = document.querySelector('details.claim:has(.chart)'); d.open = true; d.scrollIntoView()"
    )
    _until(lambda: page.execute_script("return !!document.querySelector('.claim .chart[data-drawn]')"), 8)
    before = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    page.execute_script("document.getElementById('theme').click()")
    assert page.execute_script("return getComputedStyle(document.body).backgroundColor") != before
    assert page.execute_script("return document.querySelector('.claim .chart[data-drawn]').dataset.started") == "dark"
    page.execute_script("localStorage.clear()")


def test_hostile_strings_are_text(browser: Any, folder: RunFolder) -> None:
    page = _open(browser, folder.report)
    page.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    assert HOSTILE in page.execute_script("return document.querySelector('main').textContent")
    assert page.execute_script("return document.querySelectorAll('main script').length") == 0


def test_verdict_buttons_hide_their_claims(browser: Any, folder: RunFolder) -> None:
    page = _open(browser, folder.report)
    page.execute_script("document.querySelector('[data-show=holds]').click()")
    shown = page.execute_script(
        "return [...document.querySelectorAll('details.claim:not([hidden])')].map(d => d.dataset.verdict)"
    )
    assert shown and "holds" not in shown


def test_printing_opens_every_claim(browser: Any, folder: RunFolder) -> None:
    page = _open(browser, folder.report)
    page.print_page()
    assert page.execute_script("return document.querySelectorAll('details.claim:not([open])').length") == 0


def _open(browser: Any, file: Path) -> Any:
    browser.get(file.resolve().as_uri())
    _until(lambda: browser.execute_script("return document.readyState") == "complete", 5)
    browser.get_log("browser")
    return browser


def _until(true: Any, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
