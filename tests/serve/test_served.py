"""The API through a real server: what only bytes on a wire show."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator

import pytest
from api_client import digits, encoded, nothing, sheet
from uvicorn import Config, Server

from groundup.serve.api import Api
from groundup.serve.library import Library
from groundup.serve.limits import Limits
from groundup.serve.security import Guard, Hosts

Address = tuple[str, int]


@pytest.fixture(scope="module")
def server() -> Iterator[Address]:
    limits = Limits(json_bytes=20_000, picture_bytes=200_000, seconds=1.0)
    app = Guard(Api(nothing, Library(), limits), Hosts.of("127.0.0.1"), body_bytes=200_000)
    listening = socket.create_server(("127.0.0.1", 0))
    server = Server(Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield listening.getsockname()
    server.should_exit = True
    thread.join(20)


def head(kind: str, length: str, path: str = "/api/predict") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n{length}\r\n\r\n".encode()


def answered(connection: socket.socket) -> tuple[int, bytes]:
    """Read one answer: its status and body."""
    file = connection.makefile("rb")
    status = int(file.readline().split()[1])
    length = 0
    while (line := file.readline().strip().lower()) != b"":
        length = int(line.partition(b":")[2]) if line.startswith(b"content-length:") else length
    return status, file.read(length)


def test_one_connection_for_many_requests(server: Address) -> None:
    images, _ = digits()
    good = json.dumps({"pixels": images[0].tolist()}).encode()
    with socket.create_connection(server, 20) as connection:
        for body, status in [(good, 200), (b"{}", 422), (good, 200), (b" " * 30_000, 413)]:
            connection.sendall(head("application/json", f"Content-Length: {len(body)}") + body)
            assert answered(connection)[0] == status


def test_a_picture_in_chunks(server: Address) -> None:
    body = encoded(sheet([4, 2]))
    with socket.create_connection(server, 20) as connection:
        connection.sendall(head("image/png", "Transfer-Encoding: chunked"))
        for part in (body[:100], body[100:], b""):
            connection.sendall(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        status, answer = answered(connection)
    assert status == 200
    assert json.loads(answer)["rows"] == ["42"]


def test_chunks_without_end_are_cut_off(server: Address) -> None:
    with socket.create_connection(server, 20) as connection:
        connection.sendall(head("image/png", "Transfer-Encoding: chunked"))
        for _ in range(4):
            connection.sendall(b"ea60\r\n" + b"x" * 60_000 + b"\r\n")
        assert answered(connection)[0] == 413


def test_a_long_body_is_refused_before_it_comes(server: Address) -> None:
    with socket.create_connection(server, 20) as connection:
        connection.sendall(head("image/png", "Content-Length: 999999999\r\nExpect: 100-continue"))
        assert answered(connection)[0] == 413


def test_who_sends_slowly_is_told_so(server: Address) -> None:
    with socket.create_connection(server, 20) as connection:
        connection.sendall(head("application/json", "Content-Length: 10") + b"{")
        assert answered(connection)[0] == 408


def test_who_goes_away_harms_nobody(server: Address) -> None:
    body = encoded(sheet([4, 2]))
    for sent in (10, len(body)):
        with socket.create_connection(server, 20) as connection:
            connection.sendall(head("image/png", f"Content-Length: {len(body)}") + body[:sent])
    test_a_picture_in_chunks(server)


def test_a_web_socket_of_another_site_is_refused(server: Address) -> None:
    key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
    upgrade = f"Upgrade: websocket\r\nConnection: Upgrade\r\n{key}"
    asked = f"GET /_nicegui_ws/ HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n{upgrade}\r\n\r\n"
    with socket.create_connection(server, 20) as connection:
        connection.sendall(asked.encode())
        assert answered(connection)[0] == 403
