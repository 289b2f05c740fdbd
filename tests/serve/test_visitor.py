"""A visitor's own state, without a browser."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("nicegui", reason="the playground needs NiceGUI: install groundup[play]")

from test_drawing import SEVEN, TWO, stroke

from event_loops import run
from groundup.models import shipped
from groundup.models.model import Model
from groundup.serve import drawing
from groundup.serve.library import Library
from groundup.serve.visitor import Visitor

SEVEN_TEXT, TWO_TEXT = drawing.write([stroke(SEVEN)]), drawing.write([stroke(TWO)])


class Page:
    """What a visitor needs of a page: it runs scripts, here into a list."""

    is_deleted = False

    def __init__(self) -> None:
        self.scripts: list[str] = []

    def run_javascript(self, script: str) -> None:
        self.scripts.append(script)


@pytest.fixture(scope="module")
def library() -> Library:
    return Library()


def come(library: Library, **url: str) -> Visitor:
    page: Any = Page()
    return Visitor(page, library, url)


def answer(who: Visitor) -> list[int]:
    return [int(one.probabilities.argmax()) for one in who.reading.digits]


def test_a_drawing_is_read_and_stands_in_the_address(library: Library) -> None:
    who = come(library)
    told: list[int] = []
    who.on_change(lambda: told.append(int(who.pixels.sum())))
    run(who.draw(SEVEN_TEXT))
    assert answer(who) == [7]
    assert who.url == {"draw": SEVEN_TEXT}
    assert told == [int(who.pixels.sum())]
    assert told[0] > 0
    again = come(library, **who.url)
    assert answer(again) == [7]
    np.testing.assert_array_equal(again.pixels, who.pixels)


def test_one_visitor_sees_nothing_of_another(library: Library) -> None:
    first, second = come(library), come(library)
    run(first.draw(SEVEN_TEXT))
    assert not second.pixels.any()
    assert second.url == {}
    run(second.draw(TWO_TEXT))
    assert (answer(first), answer(second)) == ([7], [2])
    first.use(library.model("fast99"), "fast99")
    assert second.model_name == shipped.DEFAULT


def test_of_many_drawings_the_newest_is_kept(library: Library) -> None:
    who = come(library)
    texts = [SEVEN_TEXT] * 9 + [TWO_TEXT]

    async def hurry() -> None:
        await asyncio.gather(*(who.draw(text) for text in texts))

    run(hurry())
    assert answer(who) == [2]
    assert who.drawing == TWO_TEXT


def test_a_digit_in_mnists_form_survives_the_address(library: Library) -> None:
    who = come(library)
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    who.show(pixels)
    again = come(library, **who.url)
    np.testing.assert_array_equal(again.pixels, pixels)
    assert again.picture.startswith("data:image/png;base64,")


@pytest.mark.parametrize(
    "url",
    [
        {"draw": "!"},
        {"draw": "A" * 20_000},
        {"pixels": "AAAA"},
        {"pixels": "*"},
        {"pixels": "eJwDAAAAAAE"},
        {"model": "../../etc/passwd"},
        {"label": "-1"},
        {"label": "³"},
        {"tab": "nothing"},
    ],
)
def test_nonsense_in_the_address_does_no_harm(library: Library, url: dict[str, str]) -> None:
    who = come(library, **url)
    assert not who.pixels.any()
    assert who.model_name == shipped.DEFAULT
    assert who.label is None


def test_pixels_in_the_address_cannot_fill_the_memory(library: Library) -> None:
    import base64
    import zlib

    bomb = base64.urlsafe_b64encode(zlib.compress(bytes(50_000_000), 9)).decode().rstrip("=")
    who = come(library, pixels=bomb)
    assert who.pixels.shape == (28, 28)


def test_another_model_answers_at_once(library: Library) -> None:
    who = come(library, draw=SEVEN_TEXT)
    before = who.reading.digits[0].probabilities
    who.use(library.model("fast99"), "fast99")
    assert (who.reading.digits[0].probabilities != before).any()
    assert who.url["model"] == "fast99"
    who.use(library.model("fast99"), "fast99, taught")
    assert "model" not in who.url  # nobody else has that one


H = [[(300, 100), (300, 480)], [(520, 100), (520, 480)], [(300, 290), (520, 290)]]


def test_what_is_no_digit_is_doubted(library: Library) -> None:
    who = come(library)
    run(who.draw(SEVEN_TEXT))
    assert [one.believed for one in who.reading.digits] == [True]
    run(who.draw(drawing.write([stroke(line) for line in H])))
    assert [one.believed for one in who.reading.digits] == [False]
    who.use(library.model("small"), "small")
    assert [one.believed for one in who.reading.digits] == [False]
    letters = replace(Model.load("cnn"), class_names=tuple("abcdefghij"))
    who.use(letters, "letters")  # it may well know an H
    assert [one.believed for one in who.reading.digits] == [True]
    who.show(who.pixels)
    assert [one.believed for one in who.reading.digits] == [True]
    who.use(library.model("cnn"), "cnn")
    assert [one.believed for one in who.reading.digits] == [False]


def test_the_label_and_the_choice_of_a_digit(library: Library) -> None:
    both = drawing.write([stroke(SEVEN), stroke(TWO)])
    who = come(library, draw=both, label="4")
    assert who.label == 4
    assert who.chosen == 1  # drawn last
    last = who.pixels
    who.choose(0)
    assert (who.pixels != last).any()
    who.choose(7)
    assert who.chosen == 0
    who.choose_label(None)
    assert "label" not in who.url


def test_what_is_no_picture_is_explained(library: Library) -> None:
    who = come(library)
    run(who.look_at("data:image/png;base64,AAAA"))
    assert who.complaint.startswith("Not a picture")
    run(who.draw(SEVEN_TEXT))
    assert who.complaint == ""


def test_a_picture_that_is_none_takes_nothing_away_that_came_after_it(library: Library) -> None:
    who = come(library)
    digit = np.full((28, 28), 9, np.uint8)

    async def hurry() -> None:
        late = asyncio.create_task(who.look_at("data:image/png;base64,AAAA"))
        await asyncio.sleep(0)
        who.show(digit)
        await late

    run(hurry())
    assert who.complaint == ""
    np.testing.assert_array_equal(who.pixels, digit)


def test_nobody_is_told_of_what_changes_on_a_page_that_is_closed(library: Library) -> None:
    who = come(library)
    told: list[str] = []
    who.on_change(lambda: told.append("changed"))
    page: Any = who.client
    page.is_deleted = True
    who.changed()
    assert told == []


def test_the_address_is_written_once_for_each_change(library: Library) -> None:
    who = come(library)
    who.remember("view", 'a"b</script>')
    who.remember("view", 'a"b</script>')
    page: Any = who.client
    assert page.scripts == ['groundup.remember("view", "a\\"b</script>")']
