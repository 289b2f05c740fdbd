"""A client of the API for the tests, and what it sends."""
# ruff: noqa: E402 - what is imported last needs what the skips look for

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

httpx: Any = pytest.importorskip("httpx", reason="asks the API: install groundup[browser]")
pytest.importorskip("nicegui", reason="the playground needs NiceGUI: install groundup[play]")

from event_loops import run
from groundup.data import strokes
from groundup.serve.api import Api
from groundup.serve.library import Library
from groundup.serve.limits import Limits

PREDICT = "/api/predict"


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """Answer 204 to everything: what stands behind the API."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class Shelf:
    """A library of models that a test made, or of what does as much of a model's work as it needs."""

    def __init__(self, **models: Any) -> None:
        self.models = models

    def names(self) -> list[str]:
        return list(self.models)

    def model(self, name: str) -> Any:
        return self.models[name]

    def detect(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """All are digits."""
        return np.tile([1.0, 0.0], (len(pixels), 1))


def api(library: Any = None, **limits: Any) -> Api:
    return Api(nothing, library or Library(), Limits(**limits))


@cache
def shipped_api() -> Api:
    """The API with the shipped models and the usual limits."""
    return api()


def asking(app: Any) -> Any:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


def ask(app: Any, method: str, path: str, **options: Any) -> Any:
    async def asked() -> Any:
        async with asking(app) as client:
            return await client.request(method, path, **options)

    return run(asked())


def send(body: bytes, kind: str, app: Any = None, query: Mapping[str, str] | None = None) -> Any:
    """Post a body to `PREDICT`."""
    return ask(app or shipped_api(), "POST", PREDICT, content=body, headers={"Content-Type": kind}, params=query)


def problem(response: Any, status: int) -> dict[str, Any]:
    """Return what an error says, and see that it is one."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = response.json()
    assert told.keys() == {"status", "detail", "where"}
    assert told["status"] == status
    assert len(told["detail"]) > 10
    return told


@cache
def digits(count: int = 20) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    return strokes.make(count, seed=3)


def sheet(numbers: list[int]) -> Image.Image:
    """A row of digits, dark on light."""
    images, labels = digits()
    chosen = [images[list(labels).index(number)] for number in numbers]
    row = np.concatenate([np.pad(image, 6) for image in chosen], axis=1)
    return Image.fromarray(255 - row.repeat(3, axis=0).repeat(3, axis=1))


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()
