from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundup.errors import ParameterError
from groundup.schedules import (
    SCHEDULES,
    ConstantRate,
    CosineDecay,
    CosineRestarts,
    ExponentialDecay,
    OneCycle,
    Schedule,
    StepDecay,
)

STEPS_PER_EPOCH, EPOCHS = 7, 11
STEPS = STEPS_PER_EPOCH * EPOCHS

Rates = Callable[..., list[float]]


@pytest.fixture
def rates(torch: Any) -> Rates:
    """A function: the learning rates of `count` steps under PyTorch's scheduler of that name, from a rate of 1."""

    def rates_of(name: str, count: int, **options: float) -> list[float]:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        scheduler = getattr(torch.optim.lr_scheduler, name)(optimizer, **options)
        found = []
        for _ in range(count):
            found.append(float(optimizer.param_groups[0]["lr"]))
            optimizer.step()
            scheduler.step()
        return found

    return rates_of


def factors(schedule: Schedule, steps_per_epoch: int = STEPS_PER_EPOCH, epochs: int = EPOCHS) -> list[float]:
    """Return the factors of all steps."""
    return [schedule.factor(step, steps_per_epoch, epochs) for step in range(steps_per_epoch * epochs)]


@pytest.mark.parametrize(("every", "decay"), [(1, 0.5), (3, 0.1), (20, 0.1), (2, 1.0)])
def test_step_decay(rates: Rates, every: int, decay: float) -> None:
    expected = rates("StepLR", EPOCHS, step_size=every, gamma=decay)
    assert factors(StepDecay(every=every, decay=decay))[::STEPS_PER_EPOCH] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("decay", [0.5, 0.95, 1.0])
def test_exponential_decay(rates: Rates, decay: float) -> None:
    expected = rates("ExponentialLR", EPOCHS, gamma=decay)
    assert factors(ExponentialDecay(decay=decay))[::STEPS_PER_EPOCH] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("schedule", [StepDecay(every=2), ExponentialDecay()], ids=str)
def test_a_decay_by_epochs_is_constant_within_an_epoch(schedule: Schedule) -> None:
    found = factors(schedule)
    assert all(len(set(found[i : i + STEPS_PER_EPOCH])) == 1 for i in range(0, STEPS, STEPS_PER_EPOCH))


@pytest.mark.parametrize("final", [0.0, 0.1, 1.0])
def test_cosine_decay(rates: Rates, final: float) -> None:
    expected = rates("CosineAnnealingLR", STEPS, T_max=STEPS, eta_min=final)
    assert factors(CosineDecay(final=final)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("cycles", [1, 7, 11])
def test_cosine_restarts(rates: Rates, cycles: int) -> None:
    expected = rates("CosineAnnealingWarmRestarts", STEPS, T_0=STEPS // cycles)
    assert factors(CosineRestarts(cycles=cycles)) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("rise", "start", "final"), [(0.3, 1 / 25, 1 / 250_000), (0.5, 0.1, 0.01), (0.05, 1.0, 0.5)])
def test_one_cycle(rates: Rates, rise: float, start: float, final: float) -> None:
    options = {"max_lr": 1.0, "total_steps": STEPS, "pct_start": rise, "cycle_momentum": False}
    expected = rates("OneCycleLR", STEPS, div_factor=1 / start, final_div_factor=start / final, **options)
    found = factors(OneCycle(rise=rise, start=start, final=final))
    assert found == pytest.approx(expected, rel=1e-9)
    assert found[0] == pytest.approx(start)
    assert found[-1] == pytest.approx(final)


def test_one_cycle_has_pytorchs_defaults(rates: Rates) -> None:
    assert factors(OneCycle()) == pytest.approx(rates("OneCycleLR", STEPS, max_lr=1.0, total_steps=STEPS), rel=1e-9)


def test_one_cycle_whose_first_step_is_the_peak() -> None:
    assert factors(OneCycle(rise=0.5), steps_per_epoch=2, epochs=1) == pytest.approx([1.0, 1 / 250_000])


@pytest.mark.parametrize("warmup_epochs", [1, 2, 5])
def test_linear_warmup(rates: Rates, warmup_epochs: int) -> None:
    steps = warmup_epochs * STEPS_PER_EPOCH
    expected = rates("LinearLR", STEPS, start_factor=1 / steps, total_iters=steps - 1)
    assert factors(ConstantRate(warmup_epochs=warmup_epochs)) == pytest.approx(expected, rel=1e-9)


def test_warmup_multiplies_what_the_schedule_says() -> None:
    plain, warmed = factors(CosineDecay()), factors(CosineDecay(warmup_epochs=1.5))
    rising = [min((step + 1) / 10.5, 1) for step in range(STEPS)]
    assert warmed == pytest.approx([a * b for a, b in zip(plain, rising, strict=True)])
    assert warmed[0] > 0
    assert warmed[11:] == plain[11:]


@given(
    st.sampled_from(sorted(SCHEDULES)),
    st.integers(1, 50),
    st.integers(1, 20),
    st.floats(0, 30),
)
def test_factors_lie_between_0_and_1(name: str, steps_per_epoch: int, epochs: int, warmup_epochs: float) -> None:
    found = factors(SCHEDULES[name](warmup_epochs=warmup_epochs), steps_per_epoch, epochs)
    assert all(math.isfinite(each) and 0 <= each <= 1 for each in found)


@given(st.floats(0, 1, exclude_min=True, exclude_max=True), st.integers(1, 60))
def test_one_cycle_of_any_length_is_finite(rise: float, steps: int) -> None:
    assert all(0 < each <= 1 + 1e-12 for each in factors(OneCycle(rise=rise), steps, 1))


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (ConstantRate, {"warmup_epochs": -1}, "ConstantRate: warmup_epochs must be a number at least 0, not -1"),
        (StepDecay, {"every": 0}, "StepDecay: every must be an integer at least 1, not 0"),
        (StepDecay, {"every": 1.5}, "StepDecay: every must be an integer at least 1, not 1.5"),
        (ExponentialDecay, {"decay": 0}, "ExponentialDecay: decay must be a number above 0 and at most 1, not 0"),
        (CosineDecay, {"final": 1.1}, "CosineDecay: final must be a number at least 0 and at most 1, not 1.1"),
        (OneCycle, {"rise": 1}, "OneCycle: rise must be a number above 0 and below 1, not 1"),
        (OneCycle, {"start": 0}, "OneCycle: start must be a number above 0 and at most 1, not 0"),
        (OneCycle, {"final": float("nan")}, "OneCycle: final must be a number at least 0 and at most 1, not nan"),
    ],
)
def test_parameters_out_of_range(kind: type[Schedule], values: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=f"^{message}"):
        kind(**values)
