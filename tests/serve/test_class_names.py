"""The page with a model whose classes are no digits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from pages import DESKTOP, PHONE, Visit, playground

from groundup.layers import Linear
from groundup.models.model import Model
from groundup.network import Network

NAMES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A playground with a model of clothes."""
    path = tmp_path_factory.mktemp("clothes") / "clothes.safetensors"
    state = {"0.weight": np.zeros((10, 784)), "0.bias": np.zeros(10)}
    Model(Network([Linear(784, 10)]), state, class_names=NAMES).save(path)
    with playground("--model", str(path)) as found:
        yield found


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_every_name_has_room(screen: dict[str, object], visit: Visit) -> None:
    page = visit(**screen)
    for label, name in enumerate(NAMES):
        button = page.get_by_test_id(f"teach-{label}")
        assert button.inner_text() == name
        assert button.evaluate("button => button.scrollWidth <= button.clientWidth")
    tracks = page.locator("[data-testid=bars] .bar-track")
    assert len({tracks.nth(label).bounding_box()["x"] for label in range(10)}) == 1
    boxes = [page.get_by_test_id(f"teach-{label}").bounding_box() for label in range(10)]
    right = [box["x"] + box["width"] for box in boxes]
    assert all(
        end <= following["x"] or following["y"] > box["y"]
        for end, box, following in zip(right, boxes, boxes[1:], strict=False)
    )
    assert max(right) <= page.viewport_size["width"]
