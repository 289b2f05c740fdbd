"""``groundup export``: a model for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from groundup.cli.options import json_option, load_recogniser, model_argument
from groundup.errors import ConfigurationError
from groundup.export import html, onnx
from groundup.json_text import to_json
from groundup.models import shipped

FILE = click.Path(path_type=Path)


@click.command(name="export")
@model_argument
@click.option(
    "--onnx", "onnx_file", type=FILE, metavar="FILE", help="Write an ONNX graph, from uint8 pixels to probabilities."
)
@click.option(
    "--html",
    "html_file",
    type=FILE,
    metavar="FILE",
    help="Write one HTML page with a drawing pad and the model inside, which runs without a server.",
)
@click.option(
    "--store",
    type=click.Choice(html.STORED_TYPES),
    default=html.STORED_TYPES[0],
    show_default=True,
    help="How the HTML page holds weights: int8 is half as large, and a little less exact.",
)
@json_option
def command(model_path: Path, onnx_file: Path | None, html_file: Path | None, store: str, as_json: bool) -> None:
    """Write a model or a committee for other programs: as ONNX, or as one HTML page.

    MODEL is a model file, a run folder, or a shipped model's name. Normalisation, calibration and a committee's mean
    are part of what is written: it answers as `groundup predict` does.
    """
    if onnx_file is None and html_file is None:
        raise click.UsageError("Say what to write: --onnx FILE or --html FILE.")
    if onnx_file and html_file and onnx_file.resolve() == html_file.resolve():
        raise click.UsageError(f"--onnx and --html both say {html_file}: one would be lost.")
    recogniser = load_recogniser(model_path)
    name = shipped.called(model_path)
    written: list[dict[str, Any]] = []
    if onnx_file is not None:
        with _writing(onnx_file):
            size = onnx.write(recogniser, onnx_file)
        written.append({"format": "onnx", "file": str(onnx_file), "bytes": size})
    if html_file is not None:
        with _writing(html_file):
            size = html.write(recogniser, html_file, name, store)
        written.append({"format": "html", "file": str(html_file), "bytes": size, "store": store})
    if as_json:
        click.echo(to_json({"model": str(model_path), "written": written}))
    else:
        for each in written:
            click.echo(f"Written: {each['file']}, {each['bytes']:,} bytes")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn what the system says against writing a file into what a person is told."""
    try:
        yield
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from None
