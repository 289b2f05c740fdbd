from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from comparing import assert_near
from groundup.errors import ParameterError
from groundup.losses import LOSSES, CrossEntropy, Loss, MeanSquaredError, one_hot


def check(loss: Loss, outputs: np.ndarray, targets: np.ndarray, bound: float = 1e-9) -> None:
    """Hold loss and gradient against PyTorch's."""
    from pytorch import loss_function, tensor

    value, residuals = loss.forward(outputs, targets)
    gradient = loss.backward(residuals)
    their_outputs = tensor(outputs, gradient=True)
    their_value = loss_function(loss)(their_outputs, tensor(targets))
    their_value.backward()
    assert value.ndim == 0
    assert_near(value, their_value.detach(), bound, "loss")
    assert_near(gradient, their_outputs.grad, bound, "gradient")


@pytest.mark.parametrize("loss", [CrossEntropy(), CrossEntropy(0.1), CrossEntropy(0.9), MeanSquaredError()], ids=str)
@pytest.mark.parametrize("classes", [1, 2, 10, 33])
@pytest.mark.parametrize("batch", [1, 2, 7])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_against_pytorch(loss: Loss, classes: int, batch: int, scale: float) -> None:
    generator = np.random.default_rng(classes)
    outputs = scale * generator.normal(size=(batch, classes))
    check(loss, outputs, np.eye(classes)[generator.integers(0, classes, batch)])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("right", [0, 1])
def test_cross_entropy_of_logits_of_ten_thousand(right: int, dtype: type, smoothing: float) -> None:
    logits: np.ndarray = np.array([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4]], dtype=dtype)
    targets: np.ndarray = np.eye(3, dtype=dtype)[[right, right]]
    check(CrossEntropy(smoothing), logits, targets, 1e-9 if dtype == np.float64 else 1e-6)


def test_cross_entropy_of_a_right_and_a_wrong_certainty() -> None:
    logits: np.ndarray = np.array([[1e4, -1e4]])
    assert CrossEntropy().forward(logits, np.array([[1.0, 0.0]]))[0] == 0
    value, residuals = CrossEntropy().forward(logits, np.array([[0.0, 1.0]]))
    assert value == 2e4
    np.testing.assert_array_equal(CrossEntropy().backward(residuals), [[1.0, -1.0]])


def test_losses_leave_what_they_are_given() -> None:
    outputs, targets = np.ones((2, 3)), np.eye(3)[:2]
    for kind in LOSSES.values():
        loss = kind()
        loss.backward(loss.forward(outputs, targets)[1])
    np.testing.assert_array_equal(outputs, np.ones((2, 3)))
    np.testing.assert_array_equal(targets, np.eye(3)[:2])


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_one_hot(dtype: type) -> None:
    targets = one_hot(np.array([3, 0, 9], dtype=dtype), 10, like=np.zeros(1, dtype=np.float32))
    np.testing.assert_array_equal(targets, np.eye(10, dtype=np.float32)[[3, 0, 9]], strict=True)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, float("nan"), "0.1"])
def test_label_smoothing_out_of_range(smoothing: Any) -> None:
    with pytest.raises(ParameterError, match=r"label_smoothing must be a number at least 0 and below 1"):
        CrossEntropy(smoothing)
