"""Who is answered: checks of every request before anything else sees it.

A playground on a person's own machine is in reach of every web page that this person's browser shows. Three things
protect it:

- The header Host must name this server. A page of ``evil.example`` whose name is made to point to 127.0.0.1 (*DNS
  rebinding*) would otherwise be of the same origin, and could read everything.
- What a page of another origin sends is refused: its requests carry the header Origin, and its WebSockets, too.
- The page may load and be sent nowhere but here (*Content-Security-Policy*), and no other page may frame it.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from groundup.serve.limits import announced, bounded
from groundup.serve.problems import Problem

BODY_BYTES = 10_000_000
"""The longest body that is let in: a photograph."""

POLICY = {
    "default-src": "'self'",
    # NiceGUI's pages have their scripts inside, and Vue compiles templates.
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "media-src": "'self' blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}

HEADERS = {
    "Content-Security-Policy": "; ".join(f"{what} {where}" for what, where in POLICY.items()),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
ENCODED = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]

AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[\w.-]+)(:[0-9]+)?", re.ASCII)
"""What a header Host may hold: a name, or an address, and perhaps a port."""


@dataclass(frozen=True)
class Hosts:
    """The names that a server answers to.

    Parameters
    ----------
    names : frozenset of str
        In lower case; addresses of IPv6 without brackets.
    any_address : bool
        Whether any address in numbers will do, too. No name leads to it, so it cannot be made to point elsewhere.
    """

    names: frozenset[str]
    any_address: bool = False

    @classmethod
    def of(cls, listening: str) -> Hosts:
        """Return the names of a server that listens on `listening`, a name or an address.

        One that listens on all addresses (``0.0.0.0`` or ``::``) has any of them, and the machine's own name.
        """
        names = {"localhost", "127.0.0.1", "::1", listening.lower()}
        everywhere = _is_address(listening) and ipaddress.ip_address(listening).is_unspecified
        if everywhere:
            own = socket.gethostname().lower()
            names |= {own, f"{own}.local"}
        return cls(frozenset(names), everywhere)

    def __contains__(self, authority: str) -> bool:
        match = AUTHORITY.fullmatch(authority)
        if not match:
            return False
        name = match[1].strip("[]")
        return name in self.names or (self.any_address and _is_address(name))


class Guard:
    """ASGI middleware: lets in who may come in, and says in every answer what the browser must not do.

    It belongs in front of everything else.

    Parameters
    ----------
    app : ASGI application
        What stands behind.
    hosts : Hosts
        The names that the server answers to.
    body_bytes : int
        The longest body of a request.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts, body_bytes: int = BODY_BYTES) -> None:
        self.app = app
        self._hosts, self._body_bytes = hosts, body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let `app` answer, or refuse."""
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._web_socket(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", ()), *ENCODED]
            await send(message)

        try:
            self._check(scope)
            announced(scope, self._body_bytes)
            await self.app(scope, bounded(receive, self._body_bytes), send_guarded)
        except Problem as problem:  # of those that arise in `app`, it answers most itself
            if started:
                raise
            await problem(scope, receive, send_guarded)

    async def _web_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._check(scope)
        except Problem as problem:
            await send({"type": "websocket.close", "code": 1008, "reason": problem.detail[:100]})
        else:
            await self.app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        """Raise a `Problem` (403) unless a request names this server, and comes from its own pages if from any."""
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        host = hosts[0].decode("latin-1").lower() if len(hosts) == 1 else ""
        if host not in self._hosts:
            raise Problem(403, f"this server answers to {self._named()}, not to {host or 'no name'}", "Host")
        for name, value in scope["headers"]:
            if name == b"origin" and value.decode("latin-1").lower().partition("://")[2] != host:
                raise Problem(403, "pages of other sites may send nothing here", "Origin")

    def _named(self) -> str:
        """Return the names that the server answers to, for a message."""
        return " and ".join(sorted(self._hosts.names) + ["any address in numbers"] * self._hosts.any_address)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
