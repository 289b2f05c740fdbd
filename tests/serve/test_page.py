"""The frame of the page, in a browser: every tab, on a desktop and on a phone, in light and dark."""

from __future__ import annotations

from typing import Any

import pytest
from pages import DESKTOP, PHONE, keep_screenshot

pytest.importorskip("nicegui", reason="the playground needs NiceGUI: install groundup[play]")

from groundup.serve.tabs import NAMES

SETTLED = 2500  # milliseconds in which a tab has drawn itself, unless it says that it is at work
DONE = "() => [...document.querySelectorAll('.q-spinner')].every(each => each.getClientRects().length === 0)"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("screen", ["desktop", "phone"])
def test_every_tab_opens_by_a_click_without_a_word_on_the_console(visit: Any, screen: str, theme: str) -> None:
    page = visit(f"?theme={theme}", **(PHONE if screen == "phone" else DESKTOP))
    width = page.viewport_size["width"]
    for name in NAMES:
        page.get_by_test_id(f"tab-{name}").click()
        page.get_by_test_id(f"panel-{name}").wait_for(timeout=60_000)
        page.wait_for_timeout(SETTLED)
        if not page.evaluate(DONE):
            page.wait_for_function(DONE, timeout=120_000)
            page.wait_for_timeout(SETTLED)
        keep_screenshot(page, f"tab-{name}-{screen}-{theme}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than the screen"
        assert page.locator(".panel:visible").count() == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_address_opens_a_tab(visit: Any, name: str) -> None:
    page = visit(f"?tab={name}")
    page.get_by_test_id(f"panel-{name}").wait_for(timeout=60_000)
    assert page.get_by_test_id(f"tab-{name}").get_attribute("aria-selected") == "true"


def test_a_tab_is_opened_by_the_keyboard_and_stands_in_the_address(page: Any) -> None:
    page.get_by_test_id("tab-draw").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_url("**tab=inside**", timeout=60_000)


def test_another_model_is_chosen_and_stands_in_the_address(page: Any) -> None:
    page.get_by_test_id("model").click()
    page.get_by_role("option", name="fast99").click()
    page.wait_for_url("**model=fast99**")


def test_the_link_is_copied(visit: Any) -> None:
    page = visit("?theme=dark", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_test_id("share").click()
    page.get_by_text("The link is copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_everything_that_can_be_clicked_has_a_name(page: Any) -> None:
    page.get_by_test_id("example").first.wait_for(timeout=60_000)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, a[href], [role=button], canvas[tabindex], input')]
            .filter(each => each.offsetParent && !(each.innerText || each.getAttribute('aria-label') || each.title
                || each.labels?.length)).map(each => each.outerHTML.slice(0, 120))"""
    )
    assert nameless == []
