"""What a playground holds for its visitors: so many pages at most, and nothing once they are closed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from pages import PATIENCE, Visit
from small_playground import written
from watched_playground import Watched, watched_playground

pytest.importorskip("nicegui", reason="the playground needs NiceGUI: install groundup[play]")

from test_drawing import SEVEN, stroke

from groundup.serve import drawing
from groundup.serve.pages import Pages

MOST = 2


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watched_playground(written(tmp_path_factory.mktemp("digits")), MOST) as found:
        yield found


@pytest.fixture
def address(watched: Watched) -> str:
    return watched.address


def until(watched: Watched, **wanted: int) -> None:
    """Wait until the playground holds so many of these and no more."""
    last = time.monotonic() + PATIENCE
    while {name: held for name, held in watched.holds().items() if name in wanted} != wanted:
        assert time.monotonic() < last, f"it still holds {watched.holds()}, not {wanted}"
        time.sleep(1)


def test_what_a_visitor_had_is_freed_when_the_page_is_closed(visit: Visit, watched: Watched) -> None:
    until(watched, visitors=0, pages=0, processes=0)
    drawn = drawing.write([stroke(SEVEN)])  # so that what tells digits from the rest is there, and stays for all
    page = visit(f"?tab=train&pictures=500&pace=2&model=fast99&draw={drawn}")
    before = watched.holds()
    assert before["visitors"] == before["pages"] == 1
    page.get_by_test_id("train-start").click()
    page.wait_for_function("/Training.*step/.test(document.querySelector('[data-testid=train-status]')?.textContent)")
    page.get_by_test_id("train-use").click()
    page.get_by_text("All tabs look at this network now.").wait_for()
    for tab, shown in (("inside", "layers"), ("breaking", "weight-picture"), ("draw", "answer")):
        page.get_by_test_id(f"tab-{tab}").click()
        page.get_by_test_id(shown).wait_for()
    assert watched.holds()["processes"] == 1
    page.context.close()
    until(watched, visitors=0, pages=0, processes=0)
    assert watched.holds()["models"] <= before["models"]


def test_more_pages_than_there_may_be_are_refused_in_words(visit: Visit, watched: Watched, browser: Any) -> None:
    until(watched, pages=0)
    open_pages = [visit() for _ in range(MOST)]
    with pytest.raises(HTTPError) as refused:
        urlopen(watched.address, timeout=PATIENCE)
    assert refused.value.code == 503
    assert refused.value.headers["Retry-After"] == "15"
    assert "</html>" in refused.value.read().decode()
    other = browser.new_page()
    other.goto(watched.address)
    assert other.get_by_role("heading").inner_text() == "No page is free"
    assert f"has {MOST} pages open" in other.get_by_role("main").inner_text()
    assert watched.holds()["pages"] == watched.holds()["visitors"] == MOST
    open_pages[0].context.close()
    other.get_by_test_id("tab-draw").wait_for(timeout=1000 * PATIENCE)  # it tries again by itself
    other.close()


class Page:
    """What is needed of a page."""

    stale: ClassVar[list[Page]] = []

    def __init__(self, name: str) -> None:
        self.id = name
        self.closed: list[Callable[[], None]] = []

    def on_delete(self, listener: Callable[[], None]) -> None:
        self.closed.append(listener)

    @classmethod
    def prune_instances(cls, *, client_age_threshold: float) -> None:
        for page in cls.stale:
            page.closed[0]()


def test_a_page_that_is_closed_makes_room_and_so_does_one_that_nobody_came_back_for() -> None:
    pages = Pages(1)
    first, second, third = map(Page, "abc")
    assert pages.enter(first)  # type: ignore[arg-type]  # it has what is needed
    assert not pages.enter(second)  # type: ignore[arg-type]  # as above
    first.closed[0]()
    assert pages.enter(second)  # type: ignore[arg-type]  # as above
    Page.stale.append(second)
    assert pages.enter(third)  # type: ignore[arg-type]  # as above
