"""The report in a real browser: `make browser`, which needs Chromium and its driver."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_core_python.base import AXE_SCRIPT
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

import triptych
from reports import html
from tests.reports import large
from tests.reports.builders import a_gallery

SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
Browser = webdriver.Chrome


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    for switch in (*SWITCHES, f"--user-data-dir={tmp_path_factory.mktemp('profile')}", "--window-size=1280,1000"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    running = webdriver.Chrome(options=options)
    yield running
    running.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(html.render(a_gallery()), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def large_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("large")
    large.write(folder)
    triptych.load(folder).write_report()
    return (folder / "report.html").as_uri()


def rows(browser: Browser) -> list[str]:
    found: list[str] = browser.execute_script(
        "return [...document.querySelectorAll('#cells tbody tr')].map(row => row.innerText.replaceAll('\\t', ' '))"
    )
    return found


def column(browser: Browser, heading: str) -> list[str]:
    found: list[str] = browser.execute_script(
        "const heads = [...document.querySelectorAll('#cells thead th')].map(head => head.innerText.trim());"
        "const at = heads.indexOf(arguments[0]);"
        "return [...document.querySelectorAll('#cells tbody tr')].map(row => row.children[at].innerText)",
        heading,
    )
    return found


def open_page(browser: Browser, address: str) -> None:
    browser.get("about:blank")  # else another fragment of the same page would not load it anew
    browser.get_log("browser")
    browser.get(address)


def seconds(text: str) -> float:
    number, _, unit = text.partition(" ")
    return float(number.replace(",", "")) * {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}[unit]


def head(browser: Browser, heading: str) -> Any:
    return browser.find_element(By.XPATH, f"//section[@id='cells']//thead//button[normalize-space()='{heading}']")


def test_a_click_sorts_by_value_and_another_turns_it_round(browser: Browser, page: str) -> None:
    open_page(browser, page)
    head(browser, "time a call").click()
    rising = [seconds(text) for text in column(browser, "time a call") if text != "–"]
    assert rising == sorted(rising)
    assert len(set(rising)) > 2
    head(browser, "time a call").click()
    falling = column(browser, "time a call")
    assert [seconds(text) for text in falling if text != "–"] == sorted(rising, reverse=True)
    assert falling[-1] == "–"  # what has no time comes last either way


def test_filters_and_search_narrow_the_table_and_say_so(browser: Browser, page: str) -> None:
    open_page(browser, page)
    every = len(rows(browser))
    Select(browser.find_element(By.ID, "cells-target")).select_by_visible_text("jax")
    assert set(column(browser, "target")) == {"jax"}
    of_jax = len(rows(browser))
    assert 0 < of_jax < every
    browser.find_element(By.ID, "cells-search").send_keys("eager")
    assert set(column(browser, "mode")) == {"eager"}
    status = browser.find_element(By.CSS_SELECTOR, "#cells [role=status]").text
    assert status.startswith(f"{len(rows(browser))} of {every} cells")
    browser.find_element(By.XPATH, "//button[.='show all']").click()
    assert len(rows(browser)) == every


def test_an_address_brings_back_what_was_looked_at(browser: Browser, page: str) -> None:
    open_page(browser, page)
    Select(browser.find_element(By.ID, "cells-target")).select_by_visible_text("pytorch")
    head(browser, "time a call").click()
    address, seen = browser.current_url, rows(browser)
    assert "#cells&" in address
    open_page(browser, address)
    assert rows(browser) == seen
    assert browser.execute_script("return scrollY") > 100


def test_a_cell_and_a_case_have_addresses(browser: Browser, page: str) -> None:
    open_page(browser, page)
    own = browser.find_element(By.CSS_SELECTOR, "#cells tbody th a").get_attribute("href")
    assert own and "#cell=" in own
    open_page(browser, own)
    assert len(rows(browser)) == 1
    link = browser.find_element(By.CSS_SELECTOR, "#cells tbody td a")
    target = str(link.get_attribute("href")).partition("#")[2]
    link.click()
    assert browser.current_url.endswith(f"#{target}")
    assert browser.find_element(By.ID, target).is_displayed()


def test_the_keyboard_alone_is_enough(browser: Browser, page: str) -> None:
    open_page(browser, page)
    search = browser.find_element(By.ID, "cells-search")
    browser.execute_script("arguments[0].focus()", search)
    search.send_keys("jax", Keys.TAB)
    assert browser.switch_to.active_element.tag_name == "select"
    for _ in range(30):
        if browser.switch_to.active_element.text == "time a call":
            break
        browser.switch_to.active_element.send_keys(Keys.TAB)
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert head(browser, "time a call").find_element(By.XPATH, "..").get_attribute("aria-sort") == "ascending"
    assert browser.execute_script("return getComputedStyle(document.activeElement).outlineStyle") != "none"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_readers_scheme(browser: Browser, page: str, scheme: str) -> None:
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    open_page(browser, page)
    colour = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    red = int(str(colour).removeprefix("rgb(").partition(",")[0])
    assert (red < 60) == (scheme == "dark")
    assert serious(browser) == []
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_narrow_screen_scrolls_tables_and_not_the_page(browser: Browser, page: str) -> None:
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    open_page(browser, page)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 360
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_nothing_is_asked_of_a_network_and_nothing_is_complained_of(browser: Browser, page: str) -> None:
    open_page(browser, page)
    head(browser, "time a call").click()
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


def test_twenty_thousand_rows_sort_and_search_at_once(browser: Browser, large_page: str) -> None:
    open_page(browser, large_page)
    assert "20,000 of 20,000 cells; 100 shown" in browser.find_element(By.CSS_SELECTOR, "#cells [role=status]").text
    taken = browser.execute_script(
        "const search = document.getElementById('cells-search'); const start = performance.now();"
        "search.value = 'jax attention'; search.dispatchEvent(new Event('input')); return performance.now() - start"
    )
    print(f"search among 20,000 rows: {taken:.0f} ms")
    assert all("jax" in row and "attention" in row for row in rows(browser))
    head(browser, "time a call").click()
    shown = [seconds(text) for text in column(browser, "time a call")]
    assert shown == sorted(shown)


def serious(browser: Browser) -> list[str]:
    """What axe-core finds of serious or critical faults."""
    browser.execute_script(AXE_SCRIPT)
    found = browser.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
    return [
        f"{violation['id']}: {violation['nodes'][0]['html'][:120]}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
    ]


def test_a_report_of_nothing_is_a_page_too(browser: Browser, tmp_path: Path) -> None:
    from tests.reports.builders import a_run

    path = tmp_path / "empty.html"
    path.write_text(html.render(a_run()), encoding="utf-8")
    open_page(browser, path.as_uri())
    assert "No cell was recorded" in browser.find_element(By.TAG_NAME, "main").text
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
