"""Who is answered, and what every answer says."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from api_client import ask, asking, httpx, nothing, problem, shipped_api
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from event_loops import run
from groundup.serve.problems import Problem
from groundup.serve.security import HEADERS, Guard, Hosts

LOOPBACK = Hosts.of("127.0.0.1")


@pytest.mark.parametrize(
    ("listening", "host", "allowed"),
    [
        ("127.0.0.1", "127.0.0.1:8765", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "localhost:1", True),
        ("127.0.0.1", "[::1]:8765", True),
        ("127.0.0.1", "evil.example:8765", False),
        ("127.0.0.1", "localhost.evil.example", False),
        ("127.0.0.1", "127.0.0.1.evil.example", False),
        ("127.0.0.1", "192.168.1.5:8765", False),
        ("127.0.0.1", "", False),
        ("127.0.0.1", "localhost:evil", False),
        ("127.0.0.1", "evil@localhost", False),
        ("127.0.0.1", "localhost/", False),
        ("127.0.0.1", "localhost\n", False),
        ("127.0.0.1", "::1", False),
        ("192.168.1.5", "192.168.1.5:80", True),
        ("192.168.1.5", "192.168.1.6:80", False),
        ("Box.lan", "box.lan:80", True),
        ("0.0.0.0", "192.168.1.5:80", True),
        ("0.0.0.0", "[fe80::1]:80", True),
        ("0.0.0.0", f"{socket.gethostname().lower()}:80", True),
        ("0.0.0.0", "evil.example", False),
        ("::", "10.0.0.1", True),
        ("::", "evil.example", False),
    ],
)
def test_hosts(listening: str, host: str, allowed: bool) -> None:
    assert (host in Hosts.of(listening)) is allowed


def test_other_names_are_refused() -> None:
    told = problem(ask(Guard(nothing, LOOPBACK), "GET", "http://evil.example/"), 403)
    assert told["where"] == "Host"
    assert "localhost" in told["detail"]
    assert "evil.example" in told["detail"]


def request(*headers: tuple[bytes, bytes], kind: str = "http") -> list[dict[str, Any]]:
    """Return what a bare request is answered."""
    sent = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": kind, "method": "POST", "path": "/", "headers": list(headers)}
    run(Guard(accepting, LOOPBACK)(scope, receive, send))
    return sent


async def accepting(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    elif scope["type"] == "http":
        await nothing(scope, receive, send)


HERE = (b"host", b"localhost:8765")


def test_no_name_and_two_names_are_refused() -> None:
    assert request()[0]["status"] == 403
    assert request(HERE, HERE)[0]["status"] == 403
    assert request(HERE)[0]["status"] == 204


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (b"http://localhost:8765", True),
        (b"https://localhost:8765", True),
        (b"http://LOCALHOST:8765", True),
        (b"http://localhost", False),
        (b"http://localhost:1234", False),
        (b"http://127.0.0.1:8765", False),
        (b"http://evil.example", False),
        (b"http://localhost:8765.evil.example", False),
        (b"null", False),
        (b"", False),
        (b"\xff", False),
    ],
)
def test_other_origins_are_refused(origin: bytes, allowed: bool) -> None:
    assert request(HERE, (b"origin", origin))[0]["status"] == (204 if allowed else 403)
    web_socket = request(HERE, (b"origin", origin), kind="websocket")[0]
    assert web_socket["type"] == ("websocket.accept" if allowed else "websocket.close")
    assert request(HERE, (b"origin", b"http://localhost:8765"), (b"origin", origin))[0]["status"] == (
        204 if allowed else 403
    )


def test_web_sockets_need_the_name() -> None:
    assert request(kind="websocket")[0]["type"] == "websocket.close"
    assert request((b"host", b"evil.example"), kind="websocket")[0]["type"] == "websocket.close"
    assert request(HERE, kind="websocket")[0]["type"] == "websocket.accept"


def test_what_is_no_request_goes_through() -> None:
    assert request(kind="lifespan") == []


@pytest.mark.parametrize("url", ["/", "http://evil.example/", "/api/health", "/api/nothing"])
def test_every_answer_has_the_headers(url: str) -> None:
    response = ask(Guard(shipped_api(), LOOPBACK), "GET", url)
    for name, value in HEADERS.items():
        assert response.headers[name] == value
    policy = response.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy  # nothing from elsewhere


async def read(request: Request) -> Response:
    return Response(str(len(await request.body())))


async def careless(scope: Any, receive: Any, send: Any) -> None:
    """An application that knows no problems."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


BEHIND = Starlette(routes=[Route("/", read, methods=["POST"])])


@pytest.mark.parametrize("behind", [BEHIND, careless])
def test_long_bodies_are_refused_wherever_they_go(behind: Any) -> None:
    app = Guard(behind, LOOPBACK, body_bytes=20)

    async def parts(count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b"x" * 10

    async def chunked(count: int) -> Any:
        async with asking(app) as client:
            return await client.post("/", content=parts(count))

    assert ask(app, "POST", "/", content=b"x" * 20).status_code == 200
    assert run(chunked(2)).status_code == 200
    assert ask(app, "POST", "/", content=b"x" * 21).status_code == 413
    assert run(chunked(3)).status_code == 413


def test_an_answer_that_has_begun_is_broken_off() -> None:
    async def hasty(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await receive()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x" * 21}

    async def send(message: Any) -> None:
        pass

    scope = {"type": "http", "headers": [HERE]}
    with pytest.raises(Problem):
        run(Guard(hasty, LOOPBACK, body_bytes=20)(scope, receive, send))


@pytest.mark.parametrize("path", ["", "api/health", "_nicegui_ws/socket.io/?EIO=4&transport=polling"])
def test_the_whole_playground_is_guarded(address: str, path: str) -> None:
    def status(**headers: str) -> int:
        return int(httpx.get(address + path, headers=headers, timeout=60).status_code)

    assert status() == 200
    assert status(origin=address.rstrip("/")) == 200
    assert status(origin="http://evil.example") == 403
    assert status(host="evil.example") == 403
