"""What is said, and how, to a client whose request cannot be answered."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

MEDIA_TYPE = "application/problem+json"
AGAIN = {"Retry-After": "1"}
"""Goes with what may go better in a second."""

ROUTING = {
    404: "there is nothing here; /api/docs says what is where",
    405: "that cannot be done here; the header Allow says what can",
}
"""What is said in place of Starlette's own words."""


class Problem(HTTPException):
    """A request that cannot be answered: what is wrong, where, and what would be right.

    Parameters
    ----------
    status : int
        The HTTP status, 400 to 599.
    detail : str
        What is wrong, and what would be right.
    where : str, optional
        The part of the request: a header, a query parameter, a place in the JSON like ``pixels[3][0]``.
    headers : mapping of str to str, optional
        Of the answer.
    """

    def __init__(
        self, status: int, detail: str, where: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.where = where

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with it, as an ASGI application."""
        await _response(self)(scope, receive, send)


async def answered(request: Request, error: Exception) -> Response:
    """Return the answer to a request that ended in an `HTTPException`, be it a `Problem` or one of Starlette's."""
    assert isinstance(error, HTTPException)
    return _response(error)


def _response(error: HTTPException) -> Response:
    """Return a problem as JSON (RFC 9457)."""
    if isinstance(error, Problem):
        detail, where = error.detail, error.where
    else:
        detail, where = ROUTING.get(error.status_code, error.detail), "address"
    told = {"status": error.status_code, "detail": detail, "where": where}
    return Response(orjson.dumps(told), error.status_code, dict(error.headers or {}), MEDIA_TYPE)
