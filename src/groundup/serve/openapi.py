"""The API's description for machines, and for the page on which it can be tried: OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

import groundup
from groundup.models import shipped
from groundup.pictures.mnist import SIDE
from groundup.serve import problems
from groundup.serve.bodies import FIELD, FORM, JSON, PICTURES
from groundup.serve.limits import Limits

Json = dict[str, Any]

ABOUT = """Recognises handwritten digits. Nothing that is sent is kept.

Every error is JSON (RFC 9457) and says what is wrong and what would be right (`detail`), and where (`where`; null if it
is nowhere in particular). What a browser sends for a page of another site is refused (403)."""

PREDICT = """The body is one of these:

- **JSON**, `{{"pixels": ...}}`: a picture as {side} rows of {side} numbers from 0 (background) to 255 (full ink),
  placed and sized as MNIST's digits are; or a list of up to {batch} such pictures. Fractions are rounded. The answer
  has one digit for each picture, in their order.
- **A PNG or JPEG picture** of one digit or several in rows, dark on light or light on dark, of up to {megapixels}
  megapixels; as the body itself, or as the file `{field}` of a form. The answer has all digits that are found, row by
  row, and where they are."""

ERRORS = {
    403: ("Not from here", "this server answers to localhost, not to evil.example", "Host"),
    408: ("The body came too slowly, or broke off", "the body did not come within 10 seconds", "body"),
    413: (
        "The body has too many bytes, or the picture too many pixels",
        "the body is too long: at most 1,000,000 bytes are read",
        "body",
    ),
    415: (
        "The body is of a kind that is not read",
        "the body's type must be one of application/json, image/png, image/jpeg, multipart/form-data, not text/plain",
        "Content-Type",
    ),
    422: (
        "The body or the query is wrong, or no digit can be seen in the picture",
        "a pixel must be a number from 0 (background) to 255 (ink), not 256",
        "pixels[3][0]",
    ),
    429: ("Too many are waiting", "too many others are waiting: try again in a second", None),
    503: ("It took too long", "no answer was found within 10 seconds: try again later", None),
}
"""For each status: what it means, and an example's detail and place."""

ONE = [[255 if 4 <= y < 24 and 13 <= x < 16 else 0 for x in range(SIDE)] for y in range(SIDE)]
PROBABILITIES = [0.0005, 0.9934, 0.0011, 0.0003, 0.0012, 0.0002, 0.0004, 0.0022, 0.0005, 0.0002]
A_ONE = {"digit": 1, "name": "1", "probability": 0.9934, "probabilities": PROBABILITIES}
TEXT = {"type": "string"}
SHARE = {"type": "number", "minimum": 0, "maximum": 1}
PLACE = {"row": 1, "column": 1, "box": [57, 21, 64, 72]}


def document(models: list[str], limits: Limits) -> Json:
    """Return the description of an API with these models and limits."""
    told = {
        "name": shipped.DEFAULT,
        "default": True,
        "classes": list("0123456789"),
        "test_accuracy": 0.9966,
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "groundup",
            "version": groundup.__version__,
            "summary": "Handwritten digits, recognised",
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "tags": [{"name": "digits"}, {"name": "server"}],
        "paths": {
            "/api/predict": {"post": _predict(models, limits)},
            "/api/models": {"get": _get("models", "Which models there are", {"models": [told]})},
            "/api/health": {
                "get": _get("health", "Whether the server answers", {"status": "ok", "version": groundup.__version__})
            },
        },
        "components": {
            "schemas": _schemas(limits),
            "responses": {str(status): _error(status) for status in ERRORS},
            "headers": {
                "RetryAfter": {"description": "Seconds after which to try again.", "schema": {"type": "integer"}}
            },
        },
    }


def _predict(models: list[str], limits: Limits) -> Json:
    about = PREDICT.format(side=SIDE, batch=limits.batch, megapixels=limits.picture_pixels // 10**6, field=FIELD)
    model = {
        "name": "model",
        "in": "query",
        "description": f"Which model answers; {models[0]} if it is not said.",
        "schema": {"type": "string", "enum": models},
        "examples": {name: {"value": name} for name in models},
    }
    answer = {
        "pixels": {"summary": "Of pixels", "value": {"model": models[0], "digits": [A_ONE]}},
        "picture": {
            "summary": "Of a picture",
            "value": {"model": models[0], "rows": ["1"], "digits": [PLACE | A_ONE]},
        },
    }
    return {
        "operationId": "predict",
        "tags": ["digits"],
        "summary": "Recognise digits",
        "description": about,
        "parameters": [model],
        "requestBody": {"required": True, "content": _bodies(limits)},
        "responses": {
            "200": {
                "description": "The digits, and how probable each class is",
                "content": {JSON: {"schema": _schema("Answer"), "examples": answer}},
            },
            **{str(status): {"$ref": f"#/components/responses/{status}"} for status in ERRORS},
        },
    }


def _bodies(limits: Limits) -> Json:
    """Return what a request's body may be."""
    picture = {"type": "string", "format": "binary", "minLength": 1, "maxLength": limits.picture_bytes}
    form = {"type": "object", "properties": {FIELD: picture}, "required": [FIELD], "additionalProperties": False}
    examples = {
        "one": {"summary": "A picture of a one", "value": {"pixels": ONE}},
        "batch": {"summary": "A list of two pictures", "value": {"pixels": [ONE, ONE]}},
    }
    return {
        JSON: {"schema": _schema("Pixels"), "examples": examples},
        **{kind: {"schema": picture} for kind in PICTURES},
        FORM: {"schema": form, "encoding": {FIELD: {"contentType": ", ".join(PICTURES)}}},
    }


def _get(name: str, summary: str, example: Json) -> Json:
    """Return an operation that takes nothing."""
    content = {JSON: {"schema": _schema(name.capitalize()), "example": example}}
    return {
        "operationId": name,
        "tags": ["server"],
        "summary": summary,
        "responses": {
            "200": {"description": summary, "content": content},
            "403": {"$ref": "#/components/responses/403"},
        },
    }


def _error(status: int) -> Json:
    meaning, detail, where = ERRORS[status]
    example = {"status": status, "detail": detail, "where": where}
    response: Json = {
        "description": meaning,
        "content": {problems.MEDIA_TYPE: {"schema": _schema("Problem"), "example": example}},
    }
    if status in (429, 503):
        response["headers"] = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}
    return response


def _schemas(limits: Limits) -> Json:
    row = {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 255}, **_count(SIDE, SIDE)}
    several = {"type": "array", "items": _schema("Picture"), **_count(1, limits.batch)}
    rows = {"type": "array", "items": TEXT, "description": "What each row of a picture says."}
    digits = {"type": "array", "items": _schema("Digit")}
    problem = {
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": TEXT | {"description": "What is wrong, and what would be right."},
        "where": {"type": ["string", "null"], "description": "The part of the request that is wrong."},
    }
    return {
        "Picture": {"type": "array", "items": row, **_count(SIDE, SIDE), "description": "Rows from top to bottom."},
        "Pixels": _object({"pixels": {"oneOf": [_schema("Picture"), several]}}) | {"additionalProperties": False},
        "Answer": _object({"model": TEXT, "rows": rows, "digits": digits}, optional=("rows",)),
        "Digit": _digit(),
        "Models": _object({"models": {"type": "array", "items": _model()}}),
        "Health": _object({"status": {"const": "ok"}, "version": TEXT}),
        "Problem": _object(problem),
    }


def _digit() -> Json:
    """Return what is said of a digit; of one in a picture also where it is."""
    digit = _object(
        {
            "digit": {"type": "integer", "minimum": 0, "description": "The most probable class."},
            "name": TEXT | {"description": "What that class is called."},
            "probability": SHARE | {"description": "How probable it is: the recogniser's confidence."},
            "probabilities": {"type": "array", "items": SHARE, "description": "Of every class."},
        }
    )
    count = {"type": "integer", "minimum": 1}
    about = "Left, top, right, bottom in pixels; right and bottom are just outside."
    box = {"type": "array", "items": {"type": "integer"}, **_count(4, 4), "description": about}
    return {**digit, "properties": {"row": count, "column": count, "box": box} | digit["properties"]}


def _model() -> Json:
    return _object(
        {
            "name": TEXT,
            "default": {"type": "boolean", "description": "Whether it answers if none is named."},
            "classes": {"type": "array", "items": TEXT},
            "test_accuracy": {"type": ["number", "null"], "description": "As it was measured."},
        }
    )


def _object(properties: Json, optional: tuple[str, ...] = ()) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }


def _count(least: int, most: int) -> Json:
    return {"minItems": least, "maxItems": most}


def _schema(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
