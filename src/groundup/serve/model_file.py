"""A model as the bytes of a file, for a browser to keep."""

from __future__ import annotations

import tempfile
from pathlib import Path

from groundup.models.recogniser import Recogniser


def model_file(recogniser: Recogniser, name: str, form: str = "safetensors") -> bytes:
    """Return the bytes of the model's file. This takes a moment: call it in a thread.

    Parameters
    ----------
    recogniser : Recogniser
        What the file holds.
    name : str
        What the model is called.
    form : str
        ``safetensors``, ``onnx`` or ``html``.

    Raises
    ------
    GroundupError
        If this kind of model cannot be written so.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model.{form}"
        if form == "onnx":
            from groundup.export import onnx

            onnx.write(recogniser, path)
        elif form == "html":
            from groundup.export import html

            html.write(recogniser, path, name)
        else:
            recogniser.save(path)
        return path.read_bytes()
