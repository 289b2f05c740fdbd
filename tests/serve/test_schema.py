"""The API keeps what its description promises; its examples are right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from api_client import PREDICT, api, ask, encoded, sheet, shipped_api
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from groundup.serve.api import Api
from groundup.serve.library import Library
from groundup.serve.limits import Limits
from groundup.serve.openapi import document
from groundup.serve.security import Guard, Hosts

schemathesis = pytest.importorskip("schemathesis", reason="probes the API: install groundup[browser]")
jsonschema = pytest.importorskip("jsonschema_rs", reason="comes with schemathesis: install groundup[browser]")

pictures = st.sampled_from([encoded(sheet([number])) for number in range(10)])
schemathesis.openapi.media_type("image/png", pictures)
schemathesis.openapi.media_type(
    "image/jpeg", st.sampled_from([encoded(sheet([number]), "JPEG") for number in range(3)])
)
schemathesis.openapi.format("picture", pictures)

APP = Guard(Api(FastAPI(), Library(), Limits()), Hosts.of("testserver"))
schema = schemathesis.openapi.from_asgi("/api/openapi.json", APP)


@schema.parametrize()
@settings(
    max_examples=25,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),  # a picture is 784 numbers
)
def test_it_keeps_what_it_promises(case: Any) -> None:
    case.call_and_validate()


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Give every object inside a JSON value."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict):
        yield value
    for each in inside:
        yield from objects(each)


def test_the_examples_fit_their_schemas() -> None:
    told = document(["cnn"], Limits())
    tried = 0
    for media in objects(told):
        if not isinstance(media.get("schema"), dict):
            continue
        examples = [media["example"]] if "example" in media else []
        examples += [each["value"] for each in media.get("examples", {}).values()]
        for example in examples:
            whole = {**media["schema"], "components": told["components"]}
            jsonschema.validate(whole, example)
            tried += 1
    assert tried > 10


def test_the_examples_are_answered() -> None:
    told = document(["cnn"], Limits())["paths"][PREDICT]["post"]
    for example in told["requestBody"]["content"]["application/json"]["examples"].values():
        answer = ask(shipped_api(), "POST", PREDICT, json=example["value"])
        assert answer.status_code == 200
        assert {digit["digit"] for digit in answer.json()["digits"]} == {1}


def test_every_operation_and_error_is_explained() -> None:
    told = ask(shipped_api(), "GET", "/api/openapi.json").json()
    assert told["openapi"].startswith("3.1")
    for path in told["paths"].values():
        for operation in path.values():
            assert operation["summary"]
            assert "200" in operation["responses"]
            assert "403" in operation["responses"]
    errors = told["components"]["responses"]
    assert {"408", "413", "415", "422", "429", "503"} <= told["paths"][PREDICT]["post"][
        "responses"
    ].keys() & errors.keys()
    for error in errors.values():
        assert len(error["description"]) > 10
        assert error["content"]["application/problem+json"]["example"]["detail"]


def test_the_limits_are_told() -> None:
    told = ask(api(batch=7, picture_pixels=3_000_000), "GET", "/api/openapi.json").text
    assert "up to 7 such pictures" in told
    assert "3\\n  megapixels" in told or "3 megapixels" in told.replace("\\n", " ").replace("  ", " ")
