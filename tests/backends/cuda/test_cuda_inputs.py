"""The inputs of the backend cuda: the right pictures, to the very bytes of `groundup.augmentation.pixels`."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import emulated
from groundup import randomness
from groundup.augmentation import HANDWRITING, Augmentation
from groundup.augmentation.pixels import augmented
from groundup.backends.cuda.plan import DTYPES, Plan
from groundup.backends.cuda.rules.inputs import inputs
from groundup.errors import DataError
from groundup.layers import Flatten
from groundup.network import Network, Normalization

pytestmark = pytest.mark.skipif(not emulated.COMPILER, reason="compiles kernels for the CPU: needs g++")

BATCH, COUNT, FIRST = 6, 5, 2
STEPS = np.array([(1, FIRST, COUNT, 0.1)], DTYPES["Step"])
KEY = randomness.key(1, "augmentation", 1)
PLAIN = Normalization(mean=0, deviation=1)  # inputs are the bytes
STRONGEST = {
    each.name: each.metadata["range"].at_most
    for each in fields(Augmentation)
    if each.name not in ("smoothness", "shift")
} | {"shift": 3}
AUGMENTATIONS = {
    "handwriting": HANDWRITING,
    "all": Augmentation(**STRONGEST),
    **{name: Augmentation(**{name: STRONGEST[name]}) for name in Augmentation().strengths},
}


def network(sides: tuple[int, int], normalization: Normalization = PLAIN) -> Network:
    return Network([Flatten()], (1, *sides), normalization)


def pictures(sides: tuple[int, int]) -> NDArray[np.uint8]:
    """More than a batch: noise behind something that has edges."""
    generator = np.random.default_rng(sides[0])
    noise = generator.integers(0, 256, (3 * BATCH, *sides))
    rows, columns = np.ogrid[: sides[0], : sides[1]]
    return np.where((rows - columns) % 7 < 3, noise // 2 + 128, noise // 8).astype(np.uint8)


@cache
def order() -> NDArray[np.int64]:
    return np.random.default_rng(0).permutation(3 * BATCH)


@cache
def all_made(sides: tuple[int, int]) -> dict[str, NDArray[Any]]:
    """Inputs by each augmentation, in one plan."""
    plan = Plan(BATCH, False, True, key_count=2)
    buffers = {name: inputs(plan, network(sides), each, sides) for name, each in AUGMENTATIONS.items()}
    keys = np.array([5, KEY], np.uint64)
    given = {plan.pixels: pictures(sides), plan.order: order(), plan.steps: STEPS, plan.step_keys: keys}
    found = emulated.run(plan, given, COUNT)
    return {name: found[buffer] for name, buffer in buffers.items()}


@pytest.mark.parametrize("sides", [(28, 28), (9, 5)])
@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_augmentation_to_the_byte(name: str, sides: tuple[int, int]) -> None:
    chosen = pictures(sides)[order()[FIRST : FIRST + COUNT]]
    wanted = augmented(chosen, AUGMENTATIONS[name], KEY)
    found = all_made(sides)[name]
    assert np.array_equal(found[:COUNT, 0], wanted)
    assert np.isnan(found[COUNT:]).all()


@pytest.mark.parametrize("augmentation", [None, Augmentation(contrast=1e-6)], ids=["as they are", "augmented"])
def test_normalization(augmentation: Augmentation | None) -> None:
    plan = Plan(BATCH, False, True, key_count=1)
    normalization = Normalization(mean=33.3, deviation=77.7)
    x = inputs(plan, network((5, 7), normalization), augmentation, (5, 7))
    given = {plan.pixels: pictures((5, 7)), plan.order: order(), plan.steps: STEPS}
    found = emulated.run(plan, given, COUNT)[x]
    wanted = (pictures((5, 7))[order()[FIRST : FIRST + COUNT]] - 33.3) / 77.7
    np.testing.assert_allclose(found[:COUNT, 0], wanted, rtol=1e-5, atol=1e-6)
    assert np.isnan(found[COUNT:]).all()


def test_pictures_too_large_for_shared_memory() -> None:
    plan = Plan(BATCH, False, True, key_count=1)
    inputs(plan, network((128, 128)), HANDWRITING, (128, 128))
    inputs(plan, network((200, 200)), None, (200, 200))
    with pytest.raises(DataError, match=r"augments pictures .* up to 128x128 pixels or so, not 200x200; the backend"):
        inputs(plan, network((200, 200)), HANDWRITING, (200, 200))
