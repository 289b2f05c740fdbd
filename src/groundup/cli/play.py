"""``groundup play``: the playground in the browser."""

from __future__ import annotations

import importlib.util
import socket
import webbrowser
from pathlib import Path
from threading import Timer

import click
import numpy as np

from groundup.cli.options import data_option, json_option, threads_option
from groundup.errors import ConfigurationError
from groundup.json_text import to_json
from groundup.models import shipped

PORT = 8765


@click.command(name="play")
@click.option(
    "--model",
    "model_path",
    type=click.Path(path_type=Path),
    metavar="MODEL",
    help=f"A model file, a run folder or a shipped model's name, to begin with.  [default: {shipped.DEFAULT}]",
)
@data_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Who may come: 0.0.0.0 lets other machines in.")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 takes a free one.")
@click.option("--open/--no-open", "opens", default=True, show_default=True, help="Open the page in the browser.")
@threads_option
@json_option
def command(model_path: Path | None, source: str | None, host: str, port: int, opens: bool, as_json: bool) -> None:
    """Draw digits in the browser and see a network read them; open it, break it, and watch it learn.

    Everything runs on this machine, and nothing is fetched from elsewhere. Ends with Ctrl+C. With --json the one
    object is printed when the page can be opened: {"address": "http://..."}.
    """
    if importlib.util.find_spec("nicegui") is None:
        raise ConfigurationError("the playground needs a web framework: pip install 'groundup[play]'")
    from groundup.pictures.mnist import SIDE
    from groundup.serve.application import serve
    from groundup.serve.library import Library

    library = Library(model_path, source)
    # What is wrong with the model, the size of its pictures too, is said here, not in the browser.
    library.model(library.names()[0]).predict(np.zeros((1, SIDE, SIDE), np.uint8))
    if source is not None:  # so is what is wrong with a data set that was asked for
        library.data()
    listening = _listening(host, port)
    address = _address(host, listening)
    click.echo(to_json({"address": address}) if as_json else f"The playground is at {address} (Ctrl+C ends it)")
    if opens:
        Timer(1.0, webbrowser.open, [address]).start()
    with listening:
        serve(listening, host, library)


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens there."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except UnicodeError:  # no name of a machine has such parts
        raise ConfigurationError(f"cannot listen on {host}: it is no name or address of a machine") from None
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host}, port {port}: {error.strerror or error}; --port 0 takes a port that is free"
        ) from None


def _address(host: str, listening: socket.socket) -> str:
    """Return the address for this machine's browser."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{listening.getsockname()[1]}/"
