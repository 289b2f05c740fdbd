"""The JSON API beside the page: pixels or a picture in, digits with their probabilities out.

It stands in front of the application that makes the page, and answers what is asked below ``/api``. It is plain ASGI,
for hundreds of clients at once: FastAPI's way from a request to its answer takes longer than the network does.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from functools import partial
from importlib.resources import files
from typing import Any, NamedTuple

import orjson
from fastapi.openapi.docs import get_swagger_ui_html
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

import groundup
from groundup.errors import GroundupError
from groundup.models.recogniser import Recogniser
from groundup.pictures.digits import Page, read_page
from groundup.pictures.doubt import IsDigit, doubting
from groundup.pictures.reading import open_picture
from groundup.serve import problems
from groundup.serve.batches import Batches, Classify, compiled
from groundup.serve.bodies import FORM, JSON, PICTURES, check_picture, picture_in_form, pixels_of
from groundup.serve.library import Library
from groundup.serve.limits import Limits, Readers, Room, announced, in_time, whole_body
from groundup.serve.openapi import document
from groundup.serve.problems import Problem

PREFIX = "/api"


class Api:
    """The API as ASGI middleware: what is not below ``/api`` goes on to `app`.

    Parameters
    ----------
    app : ASGI application
        What stands behind.
    library : Library
        The models.
    limits : Limits
        What one request may ask for, and how many may wait.
    """

    def __init__(self, app: ASGIApp, library: Library, limits: Limits) -> None:
        self.app = app
        self._inside = _inside(Answers(library, limits))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let `app` answer."""
        path = scope.get("path", "")
        ours = scope["type"] == "http" and (path.startswith(f"{PREFIX}/") or path == PREFIX)
        await (self._inside if ours else self.app)(scope, receive, send)


class Served(NamedTuple):
    """A model, ready to answer: pixels of many clients together, or the digits of one picture."""

    recogniser: Recogniser
    batches: Batches
    classify: Classify
    is_digit: IsDigit | None

    @classmethod
    def of(cls, recogniser: Recogniser, library: Library, limits: Limits) -> Served:
        """Make a model ready, which may take a moment."""
        batches = Batches(compiled(recogniser), limits.waiting)
        return cls(recogniser, batches, compiled(recogniser), doubting(recogniser, library.detect))


class Answers:
    """What the API answers.

    Parameters
    ----------
    library : Library
        The models; the first answers where none is named. Each is made ready when it is first asked.
    limits : Limits
        What one request may ask for, and how many may wait.
    """

    def __init__(self, library: Library, limits: Limits) -> None:
        self._library, self._limits = library, limits
        self._names = library.names()
        self._readers = Readers(limits.reading)
        self._room = Room(limits.all_bytes)
        self._ready: dict[str, Served] = {}

    async def predict(self, request: Request) -> Response:
        """Recognise the pixels or the picture in the body."""
        name = self._name(request)
        content_type = request.headers.get("content-type", "")
        kind = content_type.partition(";")[0].strip().lower()
        if kind == JSON:
            return _json({"model": name, **await self._of_pixels(await self._served(name), request)})
        if kind == FORM or kind in PICTURES:
            return _json({"model": name, **await self._of_picture(await self._served(name), request, kind == FORM)})
        kinds = ", ".join([JSON, *PICTURES, FORM])
        raise Problem(415, f"the body's type must be one of {kinds}, not {kind or 'unstated'}", "Content-Type")

    async def models(self, request: Request) -> Response:
        """Say which models there are."""
        return _json({"models": await asyncio.to_thread(lambda: list(map(self._told, self._names)))})

    async def health(self, request: Request) -> Response:
        """Say that the server answers."""
        return _json({"status": "ok", "version": groundup.__version__})

    async def openapi(self, request: Request) -> Response:
        """Describe the API."""
        return _json(document(self._names, self._limits))

    def _name(self, request: Request) -> str:
        """Return the name of the model that is asked for."""
        if not request.scope["query_string"]:
            return self._names[0]
        asked = request.query_params
        if len(asked.multi_items()) != 1 or "model" not in asked:
            unknown = next((key for key in asked if key != "model"), "model")
            raise Problem(422, 'only one query parameter is known, "model"', f"?{unknown}")
        if asked["model"] not in self._names:
            raise Problem(422, f"there is no such model; there are {', '.join(self._names)}", "?model")
        return asked["model"]

    async def _served(self, name: str) -> Served:
        """Return a model that is ready."""
        if name not in self._ready:
            made = await asyncio.to_thread(lambda: Served.of(self._library.model(name), self._library, self._limits))
            self._ready.setdefault(name, made)  # others may have made it meanwhile, and wait in its line
        return self._ready[name]

    def _told(self, name: str) -> dict[str, Any]:
        """Return what there is to say of a model."""
        model = self._library.model(name)
        return {
            "name": name,
            "default": name == self._names[0],
            "classes": model.class_names,
            "test_accuracy": model.training.get("test_accuracy"),
        }

    async def _of_pixels(self, served: Served, request: Request) -> dict[str, Any]:
        limits = self._limits
        served.batches.check()
        with self._room.taken(announced(request.scope, limits.json_bytes)):
            body = await whole_body(request.receive, limits.json_bytes, limits.seconds)
            pixels = pixels_of(body, limits.batch)
            answers = await in_time(served.batches.predict(pixels), limits.seconds)
        return {"digits": [_digit(served.recogniser, each) for each in answers]}

    async def _of_picture(self, served: Served, request: Request, in_form: bool) -> dict[str, Any]:
        limits = self._limits
        self._readers.check()
        with self._room.taken(announced(request.scope, limits.picture_bytes)):
            body = await whole_body(request.receive, limits.picture_bytes, limits.seconds)
            if in_form:
                body = await picture_in_form(request.headers["content-type"], body)
            work = partial(_read, body, limits.picture_pixels, served.classify, served.is_digit)
            page = await in_time(self._readers.run(work), limits.seconds)
        digits = list(_digits(served.recogniser, page))
        return {"rows": _text(digits), "digits": digits}


def _inside(answers: Answers) -> Starlette:
    """Return the API as an application of its own; its errors are JSON, too."""
    swagger = StaticFiles(directory=str(files("fastapi_offline") / "static"))
    routes = [
        Route(f"{PREFIX}/predict", answers.predict, methods=["POST"]),
        Route(f"{PREFIX}/models", answers.models),
        Route(f"{PREFIX}/health", answers.health),
        Route(f"{PREFIX}/openapi.json", answers.openapi),
        Route(f"{PREFIX}/docs", _docs),
        Mount(f"{PREFIX}/docs", swagger),
        Route(PREFIX, RedirectResponse(f"{PREFIX}/docs")),
    ]
    handlers = {HTTPException: problems.answered, GroundupError: _refused, Exception: _broken}
    return Starlette(routes=routes, exception_handlers=handlers)


async def _docs(request: Request) -> Response:
    """Return the page on which the API can be tried."""
    return get_swagger_ui_html(
        title="groundup's API",
        openapi_url=f"{PREFIX}/openapi.json",
        swagger_js_url=f"{PREFIX}/docs/swagger-ui-bundle.js",
        swagger_css_url=f"{PREFIX}/docs/swagger-ui.css",
        swagger_favicon_url=f"{PREFIX}/docs/favicon.png",
    )


async def _refused(request: Request, error: Exception) -> Response:
    """Answer a request that cannot be understood."""
    return await problems.answered(request, Problem(422, str(error).removeprefix("the file: ")))


async def _broken(request: Request, error: Exception) -> Response:
    """Answer a request that found a fault in groundup; Starlette raises it again, for the log."""
    return await problems.answered(request, Problem(500, "something is wrong in groundup itself; its log says what"))


def _read(body: bytes, most: int, classify: Classify, is_digit: IsDigit | None) -> Page:
    check_picture(body, most)
    return read_page(open_picture(io.BytesIO(body)), classify, is_digit)


def _digits(recogniser: Recogniser, page: Page) -> Iterator[dict[str, Any]]:
    """Give each digit of a picture as ``groundup predict --json`` does; rows and columns count from 1."""
    for row, members in enumerate(page.rows, start=1):
        for column, one in enumerate(members, start=1):
            place = {"row": row, "column": column, "box": one.prepared.box}
            yield place | _digit(recogniser, one.probabilities)


def _text(digits: list[dict[str, Any]]) -> list[str]:
    """Return what each row says."""
    rows: dict[int, str] = {}
    for digit in digits:
        rows[digit["row"]] = rows.get(digit["row"], "") + digit["name"]
    return list(rows.values())


def _digit(recogniser: Recogniser, probabilities: NDArray[Any]) -> dict[str, Any]:
    best = int(probabilities.argmax())
    return {
        "digit": best,
        "name": recogniser.class_names[best],
        "probability": probabilities[best],
        "probabilities": probabilities,
    }


def _json(value: dict[str, Any]) -> Response:
    return Response(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY), media_type=JSON)
