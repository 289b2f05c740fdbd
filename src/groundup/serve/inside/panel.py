"""The arithmetic of a unit, written for the page."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from groundup.inspection.activations import Floats, as_pictures
from groundup.inspection.units import Arithmetic, Explanation
from groundup.inspection.weights import filters
from groundup.layers import Linear, Shape
from groundup.serve.inside import words
from groundup.serve.inside.look import INPUT, Look, Sheet, picture

ROWS = 6
"""Inputs that are written out: those with the largest products."""

FEW = 10
"""So many are all written out."""

SQUARE = 112
"""Screen pixels of a small square's side."""

MOST = 3200
"""Numbers in one small picture at most."""


def described(look: Look) -> dict[str, Any] | None:
    """Return the unit that is looked at for the panel on the page, or None."""
    if look.chosen is None:
        return None
    place, unit = look.chosen
    if place == INPUT:
        return _pixel(look, unit)
    found = look.explain(place, unit)
    first, chosen = found.chain[0], found.unit
    return {
        "title": words.kind(chosen.layer),
        "where": f"layer {place}, {words.unit(unit)}",
        "value": chosen.output,
        "pictures": list(_pictures(look, found)),
        "rowsOf": _row_title(first),
        "weighted": first.weights is not None,
        "rows": _rows(first, before(look, first.place)),
        "rest": _rest(first),
        "chain": [_link(each, each is chosen) for each in found.chain],
    }


def before(look: Look, place: str) -> Sheet:
    """Return the layer whose outputs the layer at `place` reads."""
    outer, _, own = place.rpartition(".")
    if own == "0":  # the first inside a Residual reads what that is given
        return before(look, outer) if outer else look.sheets[0]
    found = look.sheet(f"{outer}.{int(own) - 1}" if outer else str(int(own) - 1))
    assert found is not None
    return found


def _pixel(look: Look, unit: Shape) -> dict[str, Any]:
    """Return what becomes of a pixel before the first layer."""
    _, row, column = unit
    normalization = look.model.network.normalization
    value = int(look.pixels[row, column])
    given = (value - normalization.mean) / normalization.deviation
    field = {"start": [0, row, column], "size": [1, 1, 1]}
    link = {
        "name": "Normalisation",
        "formula": f"(pixel - {normalization.mean:.4g}) / {normalization.deviation:.4g}",
        "terms": [["pixel, 0 to 255", value]],
        "output": given,
        "chosen": True,
        "go": [INPUT, list(unit)],
    }
    return {
        "title": "Pixel",
        "where": f"row {row}, column {column}",
        "value": value,
        "pictures": [picture("the picture", look.pixels[np.newaxis] / 255, 1.0, ink=True, tile=SQUARE, marks=[field])],
        "rows": [],
        "chain": [link],
    }


def _pictures(look: Look, found: Explanation) -> Iterator[dict[str, Any]]:
    field, first = found.field, found.chain[0]
    mark = {"start": [0, field.top, field.left], "size": [1, field.bottom - field.top, field.right - field.left]}
    everything = mark["size"] == [1, *look.pixels.shape]
    caption = "sees the whole picture" if everything else "sees this part"
    yield picture(caption, look.pixels[np.newaxis] / 255, 1.0, ink=True, tile=SQUARE, marks=[mark])
    if first.inputs.size == 1:
        return
    window = words.window(first.layer)
    pairs = [(window, first.inputs), ("weights", first.weights), ("products", first.products)]
    for caption, values in pairs:
        if values is not None and values.size <= MOST:
            yield _small(look, caption, first, values)


def _small(look: Look, caption: str, first: Arithmetic, values: Floats) -> dict[str, Any]:
    """Return a small square of what a unit reads, in the shape in which it is best seen."""
    if isinstance(first.layer, Linear):
        table = filters(look.model, first.place)
        values = values.reshape(table.shape[1:]) if table[0].size == values.size else values
    maps = as_pictures(values, math.ceil(math.sqrt(values.size)))
    columns = math.ceil(math.sqrt(len(maps)))
    return picture(caption, maps, columns=columns, tile=SQUARE / columns)


def _row_title(first: Arithmetic) -> str:
    if first.inputs.size <= FEW:
        return "input from"
    return "largest products" if first.weights is not None else "largest inputs"


def _order(first: Arithmetic) -> list[Shape]:
    """Return the places in the box of inputs: in order where they are few, otherwise the largest first."""
    places = list(np.ndindex(first.inputs.shape))
    if len(places) <= FEW:
        return places
    sizes = np.abs(first.inputs if first.products is None else first.products)
    return [
        tuple(int(at) for at in np.unravel_index(index, sizes.shape)) for index in np.argsort(-sizes, axis=None)[:ROWS]
    ]


def _rows(first: Arithmetic, behind: Sheet) -> list[dict[str, Any]]:
    rows = []
    for place in _order(first):
        source = source_of(first, place, behind)
        rows.append(
            {
                "name": "outside, 0" if source is None else _short_name(behind, source),
                "go": None if source is None else [behind.place, list(source)],
                "input": float(first.inputs[place]),
                "weight": None if first.weights is None else float(first.weights[place]),
                "product": None if first.products is None else float(first.products[place]),
                "winner": first.winner is not None and source == first.winner,
            }
        )
    return rows


def source_of(first: Arithmetic, place: Shape, behind: Sheet) -> Shape | None:
    """Return the unit of the layer before that an input comes from; None for the frame of zeros."""
    at = tuple(start + offset for start, offset in zip(first.start, place, strict=True))
    if len(at) == 1 and len(behind.shape) == 3:  # the network takes the picture's pixels in a row
        return behind.unit(at[0])
    inside = all(0 <= index < side for index, side in zip(at, behind.shape, strict=True))
    return at if inside else None


def _short_name(behind: Sheet, unit: Shape) -> str:
    if behind.layer is None:
        return f"pixel {unit[1]}, {unit[2]}"
    return f"unit {unit[0]}" if len(unit) == 1 else f"map {unit[0]}: {unit[1]}, {unit[2]}"


def _rest(first: Arithmetic) -> dict[str, Any] | None:
    """Return what the inputs that are not written out sum up to."""
    if first.inputs.size <= FEW or first.winner is not None:
        return None
    values = first.inputs if first.products is None else first.products
    shown = math.fsum(float(values[place]) for place in _order(first))
    count = first.inputs.size - ROWS
    return {"name": f"the other {count:,} together", "sum": math.fsum(values.ravel()) - shown}


def _link(each: Arithmetic, chosen: bool) -> dict[str, Any]:
    return {
        "name": f"{each.place} {words.kind(each.layer)}",
        "formula": each.formula.replace("-", "\N{MINUS SIGN}"),
        "terms": [[name, value] for name, value in each.terms],
        "output": each.output,
        "chosen": chosen,
        "go": [each.place, list(each.unit)],
    }
