"""The API's answers, right ones and refusals."""

from __future__ import annotations

import asyncio
import json
import re
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from api_client import PREDICT, Shelf, api, ask, asking, digits, encoded, problem, send, sheet, shipped_api
from click.testing import CliRunner
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from event_loops import run
from groundup.cli.predict import command as predict_command
from groundup.models import shipped
from groundup.models.recogniser import Recogniser
from groundup.serve.api import Api
from groundup.serve.library import Library
from groundup.serve.limits import Limits

JSON = "application/json"


def test_pixels_of_one_picture() -> None:
    images, labels = digits()
    answer = send(json.dumps({"pixels": images[0].tolist()}).encode(), JSON)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == JSON
    expected = Recogniser.load(shipped.DEFAULT).predict(images[:1])[0]
    (digit,) = answer.json()["digits"]
    assert digit["digit"] == labels[0] == int(digit["name"])
    assert digit["probability"] == max(digit["probabilities"])
    np.testing.assert_allclose(digit["probabilities"], expected, rtol=1e-5)


@pytest.mark.parametrize("model", ["cnn", "fast99"])
def test_a_batch_is_answered_in_order(model: str) -> None:
    images, _ = digits()
    answer = send(json.dumps({"pixels": images.tolist()}).encode(), JSON, query={"model": model}).json()
    assert answer["model"] == model
    expected = Recogniser.load(model).predict(images)
    found = [digit["probabilities"] for digit in answer["digits"]]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)


def test_fractions_are_rounded() -> None:
    images, _ = digits()
    whole = send(json.dumps({"pixels": images[0].tolist()}).encode(), JSON).json()
    near = np.clip(images[0] + 0.4, 0, 255).tolist()
    assert send(json.dumps({"pixels": near}).encode(), JSON).json() == whole


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize("in_form", [False, True])
def test_a_picture_is_answered_as_on_the_command_line(form: str, in_form: bool, tmp_path: Any) -> None:
    body = encoded(sheet([4, 2, 7]), form)
    (tmp_path / "picture").write_bytes(body)
    said = CliRunner().invoke(predict_command, [str(tmp_path / "picture"), "--json"], catch_exceptions=False)
    expected = json.loads(said.stdout)["pictures"][0]
    if in_form:
        answer = ask(shipped_api(), "POST", PREDICT, files={"picture": ("p", body, f"image/{form.lower()}")})
    else:
        answer = send(body, f"image/{form.lower()}")
    assert answer.status_code == 200
    found = answer.json()
    assert found["rows"] == expected["rows"] == ["427"]
    assert found.keys() == {"model", "rows", "digits"}
    for one, other in zip(found["digits"], expected["digits"], strict=True):
        assert one.keys() == other.keys()
        same = ["row", "column", "box", "digit", "name"]
        assert [one[key] for key in same] == [other[key] for key in same]
        np.testing.assert_allclose(one["probabilities"], other["probabilities"], rtol=1e-4, atol=1e-7)


def deep() -> bytes:
    return encoded(Image.fromarray(np.asarray(sheet([5]), np.uint16) * 257))


def animated() -> bytes:
    frames = [sheet([5]), sheet([6]).resize(sheet([5]).size)]
    return encoded(frames[0], save_all=True, append_images=frames[1:])


UNUSUAL = {
    "16 bits": deep,
    "CMYK": lambda: encoded(sheet([5]).convert("CMYK"), "JPEG"),
    "animated": animated,
    "palette": lambda: encoded(sheet([5]).convert("P")),
    "one bit": lambda: encoded(sheet([5]).convert("1")),
    "transparent": lambda: encoded(sheet([5]).convert("RGBA")),
    "turned": lambda: encoded(sheet([5]).rotate(90, expand=True), "JPEG", exif=turned()),
    "progressive": lambda: encoded(sheet([5]), "JPEG", progressive=True),
}


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_pictures_are_read(name: str) -> None:
    body = UNUSUAL[name]()
    answer = send(body, "image/png" if body.startswith(b"\x89PNG") else "image/jpeg")
    assert answer.status_code == 200, answer.text
    assert answer.json()["rows"] == ["5"]


def test_what_is_no_digit_is_left_out() -> None:
    digit = sheet([5])
    letter = Image.new("L", digit.size, 255)
    for ends in ((40, 30, 40, 90), (80, 30, 80, 90), (40, 60, 80, 60)):  # an H
        ImageDraw.Draw(letter).line(ends, 0, 8)
    refused = send(encoded(letter), "image/png")
    assert refused.status_code == 422
    assert "nothing in the picture looks like a digit" in refused.text
    both = Image.fromarray(np.concatenate([np.asarray(digit), np.asarray(letter)], axis=1))
    assert send(encoded(both), "image/png").json()["rows"] == ["5"]


def png(width: int, height: int, data: bytes = b"", depth: int = 8, colour: int = 0) -> bytes:
    """A PNG that says what it likes."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


HOSTILE = {
    "a bomb": (413, lambda: png(50_000, 50_000)),
    "a larger bomb": (413, lambda: png(2**31 - 1, 2**31 - 1)),
    "a small bomb": (413, lambda: encoded(Image.new("1", (6_000, 5_000)))),
    "a bomb without its pixels": (422, lambda: png(5_000, 5_000, b"\0" * 100)),
    "no pixels": (422, lambda: png(0, 0)),
    "empty": (422, lambda: b""),
    "cut short": (422, lambda: encoded(sheet([3]))[:400]),
    "cut short, JPEG": (422, lambda: encoded(sheet([3]), "JPEG")[:300]),
    "cut to its head": (422, lambda: encoded(sheet([3]))[:20]),
    "blank": (422, lambda: encoded(Image.new("L", (200, 200), 255))),
    "noise": (422, lambda: np.random.default_rng(0).bytes(1000)),
    "GIF": (422, lambda: encoded(sheet([3]), "GIF")),
    "TIFF": (422, lambda: encoded(sheet([3]), "TIFF")),
    "text": (422, lambda: b"hello"),
    "a program": (422, lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n"),
    "a text that is a bomb": (
        422,
        lambda: (
            png(20, 20)[:33] + struct.pack(">I", 8) + b"zTXt" + b"a\0\0" + zlib.compress(b"a" * 10**6)[:5] + b"\0\0\0\0"
        ),
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pictures_are_refused(name: str) -> None:
    status, make = HOSTILE[name]
    problem(send(make(), "image/png"), status)


WRONG = {
    "not JSON": (b"{", "body"),
    "empty": (b"", "body"),
    "not UTF-8": (b'{"pixels": "\xff"}', "body"),
    "deep": (b"[" * 100_000, "body"),
    "NaN": (b'{"pixels": [[NaN]]}', "body"),
    "a list": (b"[]", "body"),
    "another key": (b'{"image": []}', "body"),
    "two keys": (b'{"pixels": [], "model": "cnn"}', "body"),
    "text": (b'{"pixels": "7"}', "pixels"),
    "null": (b'{"pixels": null}', "pixels"),
    "no rows": (b'{"pixels": []}', "pixels"),
    "empty rows": (b'{"pixels": [[]]}', "pixels"),
    "empty picture": (b'{"pixels": [[[]]]}', "pixels[0]"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_json_is_refused(name: str) -> None:
    body, where = WRONG[name]
    assert problem(send(body, JSON), 422)["where"] == where


@pytest.mark.parametrize("value", [256, -1, 255.1, 1e308, 10**30, True, None, "7", [], {}])
def test_wrong_pixels_are_pointed_at(value: Any) -> None:
    picture: list[list[Any]] = [[0] * 28 for _ in range(28)]
    picture[3][27] = value
    told = problem(send(json.dumps({"pixels": picture}).encode(), JSON), 422)
    assert told["where"] == "pixels[3][27]"
    assert "0 (background) to 255 (ink)" in told["detail"]
    blank = [[0] * 28 for _ in range(28)]
    told = problem(send(json.dumps({"pixels": [blank, picture]}).encode(), JSON), 422)
    assert told["where"] == "pixels[1][3][27]"


def test_wrong_shapes_are_pointed_at() -> None:
    picture = [[0] * 28 for _ in range(28)]
    assert "one of 27" in problem(send(json.dumps({"pixels": picture[:27]}).encode(), JSON), 422)["detail"]
    assert (
        problem(send(json.dumps({"pixels": [picture[0][:5], *picture[1:]]}).encode(), JSON), 422)["where"]
        == "pixels[0]"
    )
    assert problem(send(json.dumps({"pixels": [picture, 5]}).encode(), JSON), 422)["where"] == "pixels[1]"


def test_a_batch_is_bounded() -> None:
    images, _ = digits()
    body = json.dumps({"pixels": images[:4].tolist()}).encode()
    assert send(body, JSON, api(batch=4)).status_code == 200
    assert "at most 3 pictures, and here are 4" in problem(send(body, JSON, api(batch=3)), 422)["detail"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=60)
@given(json_values | st.fixed_dictionaries({"pixels": json_values}))
def test_any_json_is_answered_or_refused(value: Any) -> None:
    problem(send(json.dumps(value).encode(), JSON), 422)


@settings(max_examples=25)
@given(st.integers(0, 27), st.integers(0, 27), st.integers(0, 255) | st.floats(0, 255), st.integers(0, 255))
def test_any_right_pixels_are_answered(y: int, x: int, value: float, background: int) -> None:
    picture: list[list[float]] = [[background] * 28 for _ in range(28)]
    picture[y][x] = value
    answer = send(json.dumps({"pixels": picture}).encode(), JSON, query={"model": "fast99"})
    assert answer.status_code == 200
    pixels = np.rint(np.array(picture)).astype(np.uint8)
    expected = Recogniser.load("fast99").predict(pixels[np.newaxis])[0]
    np.testing.assert_allclose(answer.json()["digits"][0]["probabilities"], expected, rtol=1e-4, atol=1e-7)


@settings(max_examples=60)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused(body: bytes) -> None:
    problem(send(body, "image/png"), 422)
    problem(send(body, "multipart/form-data; boundary=x"), 422)


def test_forms_that_are_wrong() -> None:
    body = encoded(sheet([3]))
    for wrong in (
        {"files": {"file": body}},
        {"files": [("picture", body), ("picture", body)]},
        {"files": {"picture": body}, "data": {"model": "cnn"}},
        {"files": {"picture": (None, "text")}},
    ):
        assert problem(ask(shipped_api(), "POST", PREDICT, **wrong), 422)["where"] == "body"
    problem(ask(shipped_api(), "POST", PREDICT, files={"picture": b""}), 422)
    for kind in ("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=y"):
        problem(send(b"--x\r\n", kind), 422)


@pytest.mark.parametrize("kind", ["", "text/plain", "image/gif", "image/svg+xml", "application/x-www-form-urlencoded"])
def test_bodies_of_other_kinds_are_refused(kind: str) -> None:
    told = problem(send(b"{}", kind), 415)
    assert told["where"] == "Content-Type"
    assert "application/json, image/png" in told["detail"]


def test_a_kind_may_have_parameters_and_capitals() -> None:
    images, _ = digits()
    assert (
        send(json.dumps({"pixels": images[0].tolist()}).encode(), "Application/JSON; charset=utf-8").status_code == 200
    )


def test_the_query_is_checked() -> None:
    assert f"there are {shipped.DEFAULT}, " in problem(send(b"", JSON, query={"model": "gpt"}), 422)["detail"]
    assert problem(send(b"", JSON, query={"modle": "cnn"}), 422)["where"] == "?modle"
    assert problem(ask(shipped_api(), "POST", f"{PREDICT}?model=cnn&model=cnn"), 422)["where"] == "?model"


def test_many_clients_get_their_own_answers() -> None:
    images, _ = digits(200)

    async def everyone() -> list[Any]:
        async with asking(api(waiting=60.0)) as client:
            bodies = [json.dumps({"pixels": image.tolist()}) for image in images]
            requests = [client.post(PREDICT, content=body, headers={"Content-Type": JSON}) for body in bodies]
            return await asyncio.gather(*requests)

    expected = Recogniser.load(shipped.DEFAULT).predict(images)
    answers = run(everyone())
    for answer, probabilities in zip(answers, expected, strict=True):
        np.testing.assert_allclose(answer.json()["digits"][0]["probabilities"], probabilities, rtol=1e-4, atol=1e-7)


def test_what_there_is() -> None:
    told = ask(shipped_api(), "GET", "/api/models").json()["models"]
    assert [model["name"] for model in told if model["default"]] == [shipped.DEFAULT]
    assert {model["name"] for model in told} == set(shipped.names())
    assert told[0]["classes"] == list("0123456789")
    assert told[0]["test_accuracy"] > 0.99
    assert ask(shipped_api(), "GET", "/api/health").json()["status"] == "ok"


def test_what_there_is_not() -> None:
    assert "/api/docs" in problem(ask(shipped_api(), "GET", "/api/nothing"), 404)["detail"]
    response = ask(shipped_api(), "GET", PREDICT)
    problem(response, 405)
    assert response.headers["allow"] == "POST"


def test_the_rest_goes_to_what_stands_behind() -> None:
    for path in ("/", "/apis", "/static/x", "/_nicegui_ws/"):
        assert ask(shipped_api(), "GET", path).status_code == 204


def test_the_page_needs_nothing_from_elsewhere() -> None:
    assert ask(shipped_api(), "GET", "/api", follow_redirects=True).url.path == "/api/docs"
    page = ask(shipped_api(), "GET", "/api/docs").text
    wanted = re.findall(r"""(?:src|href)="([^"]+)"|url: '([^']+)'""", page)
    assert len(wanted) == 4
    for one, other in wanted:
        assert (one or other).startswith("/api/")
        assert ask(shipped_api(), "GET", one or other).status_code == 200
    assert "://" not in page


def test_a_fault_of_ours_is_no_riddle(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(pixels: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("groundup.serve.api.compiled", lambda recogniser: broken)
    app = api(Shelf(broken=Recogniser.load("fast99")))
    images, _ = digits()
    problem(send(json.dumps({"pixels": images[0].tolist()}).encode(), JSON, app), 500)
    problem(send(encoded(sheet([3])), "image/png", app), 500)


def test_in_front_of_an_application() -> None:
    app = Api(FastAPI(), Library(), Limits())
    assert ask(app, "GET", "/api/health").json()["status"] == "ok"
    assert ask(app, "GET", "/nowhere").json() == {"detail": "Not Found"}
