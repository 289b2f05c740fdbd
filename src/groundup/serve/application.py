"""The web application: the page and the API, behind the checks that protect them."""

from __future__ import annotations

import gc
from functools import partial
from pathlib import Path
from socket import socket

import uvicorn
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from nicegui import ui
from starlette.types import ASGIApp

import groundup
from groundup.serve import page
from groundup.serve.api import Api
from groundup.serve.library import Library
from groundup.serve.limits import Limits
from groundup.serve.security import Guard, Hosts

STATIC = Path(__file__).with_name("static")
TITLE = "groundup: see a network read"

RECONNECT_SECONDS = 10.0  # a phone that is put away for longer begins anew, from what stands in its address bar
MESSAGES_KEPT = 50  # for each visitor, in case the connection breaks


def application(library: Library, host: str) -> ASGIApp:
    """Return the whole application, for a server that listens on `host`.

    A process can have one: NiceGUI keeps its pages for the process. Checks and API stand outside of FastAPI, whose
    layers would cost each request of the API as much again as its answer.
    """
    app = FastAPI(title="groundup", version=groundup.__version__, docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    ui.page("/", title=TITLE)(partial(page.build, library))
    ui.run_with(
        app,
        title=TITLE,
        favicon=STATIC / "favicon.svg",
        language="en-US",
        dark=None,
        show_welcome_message=False,
        reconnect_timeout=RECONNECT_SECONDS,
        message_history_length=MESSAGES_KEPT,
    )
    return Guard(Api(app, library, Limits()), hosts=Hosts.of(host))


def serve(listening: socket, host: str, library: Library) -> None:
    """Serve the playground at a socket that listens, until it is stopped; `host` is what it was bound to."""
    config = uvicorn.Config(application(library, host), log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    gc.freeze()  # what is here now stays; to look through all of it would hold up every hundredth answer
    server.run(sockets=[listening])
