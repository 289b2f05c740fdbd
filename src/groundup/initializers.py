"""Initial weights: named distributions, drawn with the standard library, the same to the last bit everywhere.

`fan_in` is the number of inputs that one output sums over; `fan_out` the number of outputs that one input feeds
(each times the kernel's area for a convolution). Biases begin at zero.
"""

from __future__ import annotations

import math
import random
from array import array
from dataclasses import dataclass

from groundup.checks import Checked, real
from groundup.errors import ParameterError


@dataclass(frozen=True)
class Initializer(Checked):
    """A distribution of initial weights."""

    def values(self, count: int, fan_in: int, fan_out: int, generator: random.Random) -> array[float]:
        """Return `count` float64 weights for a layer of these fans, in C order."""
        raise NotImplementedError


@dataclass(frozen=True)
class Constant(Initializer):
    """Every weight the same: no unit of a layer can ever learn something else than its neighbour.

    Parameters
    ----------
    value : float
        The value of every weight.
    """

    value: float = real(default=0.0)

    def values(self, count: int, fan_in: int, fan_out: int, generator: random.Random) -> array[float]:
        """Return `count` times `value`."""
        return array("d", [self.value]) * count


@dataclass(frozen=True)
class Zeros(Initializer):
    """Every weight zero: no gradient reaches the layer below."""

    def values(self, count: int, fan_in: int, fan_out: int, generator: random.Random) -> array[float]:
        """Return `count` zeros."""
        return array("d", bytes(8 * count))


@dataclass(frozen=True)
class Uniform(Initializer):
    """Uniform from low to high.

    Parameters
    ----------
    low, high : float
        The bounds.
    """

    low: float = real(default=-0.05)
    high: float = real(default=0.05)

    def __post_init__(self) -> None:
        """Refuse bounds that hold nothing."""
        super().__post_init__()
        if self.low > self.high:
            raise ParameterError(f"Uniform: low {self.low} is above high {self.high}")

    def values(self, count: int, fan_in: int, fan_out: int, generator: random.Random) -> array[float]:
        """Return `count` draws."""
        return _uniform(count, self.low, self.high, generator)


@dataclass(frozen=True)
class Normal(Initializer):
    """Normal with mean 0.

    Parameters
    ----------
    standard_deviation : float
        Its spread.
    """

    standard_deviation: float = real(at_least=0, default=0.05)

    def values(self, count: int, fan_in: int, fan_out: int, generator: random.Random) -> array[float]:
        """Return `count` draws."""
        return _normal(count, self.standard_deviation, generator)


@dataclass(frozen=True)
class ScaledUniform(Initializer):
    """Uniform within ±1/√fan_in (LeCun et al., "Efficient BackProp", 1998; PyTorch's default)."""

    def values(self, count: int, fan_in: int, fan_out: int, generator: random.Random) -> array[float]:
        """Return `count` draws."""
        bound = 1 / math.sqrt(fan_in)
        return _uniform(count, -bound, bound, generator)


@dataclass(frozen=True)
class XavierUniform(Initializer):
    """Uniform with variance gain² · 2 / (fan_in + fan_out) (Glorot and Bengio, 2010, equation 16).

    Parameters
    ----------
    gain : float
        Scales every weight.
    """

    gain: float = real(above=0, default=1.0)

    def values(self, count: int, fan_in: int, fan_out: int, generator: random.Random) -> array[float]:
        """Return `count` draws."""
        bound = self.gain * math.sqrt(6 / (fan_in + fan_out))
        return _uniform(count, -bound, bound, generator)


@dataclass(frozen=True)
class XavierNormal(Initializer):
    """Normal with variance gain² · 2 / (fan_in + fan_out) (Glorot and Bengio, 2010).

    Parameters
    ----------
    gain : float
        Scales every weight.
    """

    gain: float = real(above=0, default=1.0)

    def values(self, count: int, fan_in: int, fan_out: int, generator: random.Random) -> array[float]:
        """Return `count` draws."""
        return _normal(count, self.gain * math.sqrt(2 / (fan_in + fan_out)), generator)


@dataclass(frozen=True)
class HeUniform(Initializer):
    """Uniform with variance 2 / ((1 + slope²) · fan_in), for ReLU, or LeakyReLU of that slope (He et al., 2015).

    Parameters
    ----------
    slope : float
        Of the LeakyReLU that follows; 0 for a ReLU.
    """

    slope: float = real(at_least=0, default=0.0)

    def values(self, count: int, fan_in: int, fan_out: int, generator: random.Random) -> array[float]:
        """Return `count` draws."""
        bound = math.sqrt(6 / ((1 + self.slope * self.slope) * fan_in))
        return _uniform(count, -bound, bound, generator)


@dataclass(frozen=True)
class HeNormal(Initializer):
    """Normal with variance 2 / ((1 + slope²) · fan_in), for ReLU, or LeakyReLU of that slope (He et al., 2015).

    Parameters
    ----------
    slope : float
        Of the LeakyReLU that follows; 0 for a ReLU.
    """

    slope: float = real(at_least=0, default=0.0)

    def values(self, count: int, fan_in: int, fan_out: int, generator: random.Random) -> array[float]:
        """Return `count` draws."""
        return _normal(count, math.sqrt(2 / ((1 + self.slope * self.slope) * fan_in)), generator)


@dataclass(frozen=True)
class LeCunNormal(Initializer):
    """Normal with variance 1 / fan_in (LeCun et al., "Efficient BackProp", 1998)."""

    def values(self, count: int, fan_in: int, fan_out: int, generator: random.Random) -> array[float]:
        """Return `count` draws."""
        return _normal(count, 1 / math.sqrt(fan_in), generator)


INITIALIZERS: dict[str, type[Initializer]] = {
    "zeros": Zeros,
    "constant": Constant,
    "uniform": Uniform,
    "normal": Normal,
    "scaled-uniform": ScaledUniform,
    "xavier-uniform": XavierUniform,
    "xavier-normal": XavierNormal,
    "he-uniform": HeUniform,
    "he-normal": HeNormal,
    "lecun-normal": LeCunNormal,
}


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return (fan_in, fan_out) of a weight of shape (outputs, inputs, *kernel)."""
    area = math.prod(shape[2:])
    return shape[1] * area, shape[0] * area


def _uniform(count: int, low: float, high: float, generator: random.Random) -> array[float]:
    draw, width = generator.random, high - low
    return array("d", [low + width * draw() for _ in range(count)])


def _normal(count: int, deviation: float, generator: random.Random) -> array[float]:
    draw = generator.random
    return array("d", [deviation * _normal_quantile(draw()) for _ in range(count)])


def _normal_quantile(probability: float) -> float:
    """Return the number that a standard normal variable stays below with `probability`, in [0, 1).

    Acklam's rational approximation (2003; relative error 1.15e-9). A mathematical library's `log` and `cos` may
    differ in the last bit between machines, so this uses only operations that IEEE 754 rounds exactly.
    """
    centred = probability - 0.5
    if abs(centred) <= 0.47575:
        square = centred * centred
        return centred * _polynomial(_CENTRE_TOP, square) / _polynomial(_CENTRE_BOTTOM, square)
    tail = max(min(probability, 1 - probability), 2.0**-54)
    root = math.sqrt(-2 * _logarithm(tail))
    size = _polynomial(_TAIL_TOP, root) / _polynomial(_TAIL_BOTTOM, root)
    return size if centred < 0 else -size


def _polynomial(coefficients: tuple[float, ...], x: float) -> float:
    """Return the polynomial at `x`, highest coefficient first (Horner)."""
    value = 0.0
    for coefficient in coefficients:
        value = value * x + coefficient
    return value


def _logarithm(x: float) -> float:
    """Return ln x from exactly rounded operations alone: ln(m · 2^e) = e ln 2 + 2 artanh((m - 1) / (m + 1))."""
    mantissa, exponent = math.frexp(x)
    ratio = (mantissa - 1) / (mantissa + 1)
    square, power, series = ratio * ratio, ratio, 0.0
    for odd in range(1, 41, 2):
        series += power / odd
        power *= square
    return exponent * 0.6931471805599453 + 2 * series


_CENTRE_TOP = (
    -3.969683028665376e01,
    2.209460984245205e02,
    -2.759285104469687e02,
    1.383577518672690e02,
    -3.066479806614716e01,
    2.506628277459239e00,
)
_CENTRE_BOTTOM = (
    -5.447609879822406e01,
    1.615858368580409e02,
    -1.556989798598866e02,
    6.680131188771972e01,
    -1.328068155288572e01,
    1.0,
)
_TAIL_TOP = (
    -7.784894002430293e-03,
    -3.223964580411365e-01,
    -2.400758277161838e00,
    -2.549732539343734e00,
    4.374664141464968e00,
    2.938163982698783e00,
)
_TAIL_BOTTOM = (
    7.784695709041462e-03,
    3.224671290700398e-01,
    2.445134137142996e00,
    3.754408661907416e00,
    1.0,
)
