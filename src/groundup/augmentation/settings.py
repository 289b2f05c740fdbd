"""What augmentation does to a picture, and how much of it at most."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

from groundup.checks import Checked, real
from groundup.errors import DataError

LARGEST_SIDE = 4096
"""Pixels: coordinates in 1/65536 of a pixel then fit into 32 bits, whatever the strengths."""


@dataclass(frozen=True)
class Augmentation(Checked):
    """How strongly pictures are deformed in training. Every strength is 0 by default, which leaves them as they are.

    Each picture draws its own amounts, evenly between nothing and the strength, in both directions where there are
    two. In this order: strokes become thicker or thinner; the picture is sampled where rotation, scale, shear, shift
    and elastic deformation say, all in one; then blur, contrast, noise and occlusion. Outside of the picture is black.

    Parameters
    ----------
    shift : float
        Pixels, up or down and left or right.
    rotation : float
        Degrees, either way.
    scale : float
        Share by which height and width, each by itself, grow or shrink.
    shear : float
        Pixels a row that the picture leans to the left or right.
    elastic : float
        Standard deviation in pixels of the displacements of an elastic deformation (Simard et al., 2003); their best
        alpha of 34 is 1.38 here.
    smoothness : float
        Pixels: the width of the Gaussian that smooths the displacements, Simard's sigma.
    thickness : float
        Pixels by which strokes grow or shrink at every edge: grey dilation and erosion.
    blur : float
        Standard deviation of a Gaussian, in pixels.
    contrast : float
        Share by which all grey levels grow or shrink.
    noise : float
        Standard deviation of normal noise, as a share of white.
    occlusion : float
        Share of the height, and of the width, that a black rectangle covers.
    """

    shift: float = real(at_least=0, at_most=1000, default=0.0)
    rotation: float = real(at_least=0, at_most=90, default=0.0)
    scale: float = real(at_least=0, at_most=0.9, default=0.0)
    shear: float = real(at_least=0, at_most=1, default=0.0)
    elastic: float = real(at_least=0, at_most=16, default=0.0)
    smoothness: float = real(at_least=1, at_most=100, default=4.0)
    thickness: float = real(at_least=0, at_most=8, default=0.0)
    blur: float = real(at_least=0, at_most=8, default=0.0)
    contrast: float = real(at_least=0, at_most=1, default=0.0)
    noise: float = real(at_least=0, at_most=1, default=0.0)
    occlusion: float = real(at_least=0, at_most=1, default=0.0)

    @property
    def strengths(self) -> Mapping[str, float]:
        """Every strength by name: all fields but the smoothness."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "smoothness"}

    def __bool__(self) -> bool:
        """Whether it changes any picture."""
        return any(self.strengths.values())

    def scaled(self, factor: float) -> Augmentation:
        """Return this with every strength `factor` times as large.

        Raises
        ------
        ParameterError
            If a strength is then out of its range.
        """
        return replace(self, **{name: factor * strength for name, strength in self.strengths.items()})


class FixedPoint(NamedTuple):
    """The settings as the integers that all implementations compute with: in 1/65536 where nothing else is said."""

    shift: int
    half_turn: int
    """The tangent of half of the rotation: cosine and sine are then fractions of integers."""
    scale: int
    shear: int
    elastic: int
    """The largest displacement of a node of the grid, in 1/4096 pixel."""
    grid_step: int
    """Nodes of the grid a pixel."""
    thickness: int
    blur: int
    contrast: int
    noise: int
    """What a sum of four 16-bit numbers, less its mean, is multiplied with to be noise, in grey levels, times 2**24."""
    occlusion: int


def fixed_point(augmentation: Augmentation) -> FixedPoint:
    """Return the settings as integers.

    The elastic deformation is a cubic B-spline over a grid of independent, even displacements. A cubic B-spline is
    nearly the Gaussian whose standard deviation is 1/√3 of the grid's spacing. Its squares sum to 151/315 on average,
    along each axis, and the variance of an even number between -1 and 1 is 1/3: so much do the nodes move more.
    """
    node = augmentation.elastic * 315 / 151 * math.sqrt(3)
    four_bytes = math.sqrt(4 / 12) * 2**16  # the standard deviation of a sum of four 16-bit numbers
    return FixedPoint(
        shift=round(augmentation.shift * 2**16),
        half_turn=round(math.tan(math.radians(augmentation.rotation) / 2) * 2**16),
        scale=round(augmentation.scale * 2**16),
        shear=round(augmentation.shear * 2**16),
        elastic=round(node * 2**12),
        grid_step=round(2**16 / (math.sqrt(3) * augmentation.smoothness)),
        thickness=round(augmentation.thickness * 2**16),
        blur=round(augmentation.blur * 2**16),
        contrast=round(augmentation.contrast * 2**16),
        noise=round(augmentation.noise * 255 / four_bytes * 2**24),
        occlusion=round(augmentation.occlusion * 2**16),
    )


def check_sides(shape: tuple[int, ...]) -> None:
    """Raise `DataError` unless `shape` is (N, height, width), of pictures that augmentation can take."""
    if len(shape) != 3 or max(shape[1:]) > LARGEST_SIDE:
        raise DataError(
            f"augmentation takes pictures (N, height, width) of at most {LARGEST_SIDE} pixels a side, not {shape}"
        )


HANDWRITING = Augmentation(shift=1.5, rotation=10, scale=0.12, shear=0.15, elastic=0.9, thickness=0.4, contrast=0.15)
"""What becomes of digits when other hands write them, with other pens: a beginning for any network."""
