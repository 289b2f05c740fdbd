"""The bounds of the API: of bodies, of queues, of time."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest
from api_client import PREDICT, Shelf, api, asking, digits, encoded, problem, send, sheet

from event_loops import run
from groundup.models.recogniser import Recogniser
from groundup.serve.batches import GUESS, TOGETHER, Batches, compiled
from groundup.serve.limits import Limits, Readers, Room, announced, in_time, whole_body
from groundup.serve.problems import Problem

JSON = "application/json"


def messages(*all_of_them: dict[str, Any]) -> Callable[[], Any]:
    waiting = iter(all_of_them)

    async def receive() -> dict[str, Any]:
        return next(waiting)

    return receive


def part(body: bytes, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_in_parts() -> None:
    receive = messages(part(b"ab"), part(b""), {"type": "http.request"})
    assert run(whole_body(receive, 2, 5)) == b"ab"


@pytest.mark.parametrize(
    ("receive", "status"),
    [
        (messages(part(b"ab"), part(b"c", False)), 413),
        (messages(part(b"ab"), {"type": "http.disconnect"}), 408),
        (lambda: asyncio.sleep(60), 408),
    ],
)
def test_a_body_that_is_refused(receive: Any, status: int) -> None:
    with pytest.raises(Problem) as caught:
        run(whole_body(receive, 2, 0.05))
    assert caught.value.status_code == status


def test_what_is_announced() -> None:
    def scope(*lengths: bytes) -> dict[str, Any]:
        return {"headers": [(b"host", b"x"), *((b"content-length", length) for length in lengths)]}

    assert announced(scope(), 5) == 5
    assert announced(scope(b"5"), 5) == 5
    assert announced(scope(b"many"), 5) == 5
    with pytest.raises(Problem, match="at most 5 bytes"):
        announced(scope(b"6"), 5)
    with pytest.raises(Problem, match="at most 5 bytes"):
        announced(scope(b"9" * 5000), 5)


def test_a_body_that_is_too_long() -> None:
    app = api(json_bytes=50, picture_bytes=100)
    assert "at most 50 bytes" in problem(send(b"[" * 51, JSON, app), 413)["detail"]
    assert "at most 100 bytes" in problem(send(b"[" * 101, "image/png", app), 413)["detail"]

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(6):
            yield b"[" * 10

    async def chunked() -> Any:
        async with asking(app) as client:
            return await client.post(PREDICT, content=parts(), headers={"Content-Type": JSON})

    problem(run(chunked()), 413)


def test_room() -> None:
    room = Room(10)
    with room.taken(6), pytest.raises(Problem), room.taken(5):
        pass
    with pytest.raises(ZeroDivisionError), room.taken(10):
        raise ZeroDivisionError
    assert room.free == 10


def test_bodies_together_are_bounded() -> None:
    app = api(all_bytes=60, json_bytes=50)
    come = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        come.set()
        await asyncio.sleep(0.2)
        yield b"}"

    async def two() -> list[Any]:
        async with asking(app) as client:
            first = asyncio.create_task(client.post(PREDICT, content=slowly(), headers={"Content-Type": JSON}))
            await come.wait()
            second = await client.post(PREDICT, content=b"{" * 20, headers={"Content-Type": JSON})
            third = await client.post(PREDICT, content=b"{", headers={"Content-Type": JSON})
            return [await first, second, third]

    first, second, third = run(two())
    problem(first, 422)
    problem(second, 429)
    problem(third, 422)


class Held:
    """A recogniser that answers when it is let."""

    class_names = tuple("0123456789")
    training: dict[str, Any] = {}  # noqa: RUF012 - as a recogniser has it

    def __init__(self) -> None:
        self.begun, self.let = threading.Event(), threading.Event()
        self.sizes: list[int] = []

    def predict(self, pixels: Any) -> Any:
        self.sizes.append(len(pixels))
        self.begun.set()
        assert self.let.wait(20)
        return np.full((len(pixels), 10), 0.1, np.float32)


def ones(count: int) -> bytes:
    return json.dumps({"pixels": np.ones((count, 28, 28), int).tolist()}).encode()


async def posted(client: Any, body: bytes, kind: str = JSON) -> Any:
    return await client.post(PREDICT, content=body, headers={"Content-Type": kind})


async def begun(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 20)


def refused_for_now(response: Any) -> None:
    problem(response, 429)
    assert response.headers["retry-after"] == "1"


def test_pixels_that_wait_are_bounded_and_computed_together() -> None:
    held = Held()
    app = api(Shelf(held=held), waiting=3.5 * GUESS)

    async def clients() -> None:
        async with asking(app) as client:
            first = asyncio.create_task(posted(client, ones(1)))
            await begun(held.begun)
            second, third = (asyncio.create_task(posted(client, ones(count))) for count in (2, 1))
            await asyncio.sleep(0.1)
            refused_for_now(await posted(client, ones(1)))
            refused_for_now(await posted(client, b"not even read"))
            held.let.set()
            sizes = [len((await waiting).json()["digits"]) for waiting in (first, second, third)]
            assert sizes == [1, 2, 1]
            largest = await posted(client, ones(Limits().batch))  # would take too long if others were before it
            assert largest.status_code == 200

    run(clients())
    assert held.sizes == [1, 3, Limits().batch]


def test_pictures_that_wait_are_bounded() -> None:
    held = Held()
    app = api(Shelf(held=held), reading=2)
    body = encoded(sheet([3]))

    async def clients() -> None:
        async with asking(app) as client:
            waiting = [asyncio.create_task(posted(client, body, "image/png")) for _ in range(2)]
            await begun(held.begun)
            await asyncio.sleep(0.1)
            refused_for_now(await posted(client, b"not even read", "image/png"))
            pixels = asyncio.create_task(posted(client, ones(1)))  # these have a line of their own
            await asyncio.sleep(0.1)
            held.let.set()
            assert (await pixels).status_code == 200
            for each in waiting:
                problem(await each, 422)  # a recogniser that is sure of nothing sees no digit
            problem(await posted(client, body, "image/png"), 422)

    run(clients())


def test_time_is_bounded() -> None:
    held = Held()
    app = api(Shelf(held=held), seconds=0.1, reading=1)

    async def clients() -> None:
        async with asking(app) as client:
            response = await posted(client, ones(1))
            assert response.headers["retry-after"] == "1"
            assert "within 0.1 seconds" in problem(response, 503)["detail"]
            problem(await posted(client, encoded(sheet([3])), "image/png"), 503)
            # A thread cannot be stopped: it keeps its place.
            refused_for_now(await posted(client, encoded(sheet([3])), "image/png"))
            held.let.set()

    run(clients())


def test_readers_give_back_their_places() -> None:
    async def work() -> None:
        readers = Readers(2)
        for _ in range(3):
            readers.check()
            assert await asyncio.gather(readers.run(lambda: 1), readers.run(lambda: 2)) == [1, 2]
            with pytest.raises(ZeroDivisionError):
                await readers.run(lambda: 1 // 0)
        let = threading.Event()
        first, second = readers.run(let.wait), readers.run(let.wait)
        for full in (readers.check, lambda: readers.run(let.wait)):
            with pytest.raises(Problem):
                full()
        let.set()
        await asyncio.gather(first, second)
        readers.check()

    run(work())


def test_in_time() -> None:
    assert run(in_time(asyncio.sleep(0, "done"), 5)) == "done"
    with pytest.raises(Problem, match="no answer was found within"):
        run(in_time(asyncio.sleep(60), 0.01))


def test_batches_are_no_larger_than_they_should_be() -> None:
    sizes = []

    def classify(pixels: Any) -> Any:
        sizes.append(len(pixels))
        return pixels[:, 0, :1].astype(np.float32)

    counts = [1 + number % 3 for number in range(150)]

    async def everyone() -> list[Any]:
        batches = Batches(classify, 1000)
        pixels = [np.full((count, 28, 28), number, np.uint8) for number, count in enumerate(counts)]
        return await asyncio.gather(*map(batches.predict, pixels))

    for number, answer in enumerate(run(everyone())):
        assert answer.tolist() == [[number]] * counts[number]
    assert sum(sizes) == sum(counts)
    assert TOGETHER <= max(sizes) < TOGETHER + max(counts)


def test_how_many_may_wait_depends_on_what_a_picture_takes() -> None:
    seconds = 0.0

    def classify(pixels: Any) -> Any:
        time.sleep(seconds)
        return pixels[:, 0, :1]

    async def both_are_let_in(batches: Batches, pictures: int = 1) -> bool:
        pixels = np.ones((pictures, 28, 28), np.uint8)
        found = await asyncio.gather(*(batches.predict(pixels) for _ in range(2)), return_exceptions=True)
        assert found[0].shape == (pictures, 1)
        return not isinstance(found[1], Problem)

    async def clients() -> None:
        nonlocal seconds
        batches = Batches(classify, 2 * GUESS)
        assert await both_are_let_in(batches)
        seconds = 50 * GUESS
        assert not all([await both_are_let_in(batches) for _ in range(2)])  # one such batch outweighs many short ones
        assert not await both_are_let_in(batches)
        seconds = 0.0
        assert any([await both_are_let_in(batches) for _ in range(1000)])
        seconds = 20 * GUESS
        batches = Batches(classify, 1000 * GUESS)
        assert all([await both_are_let_in(batches, 100) for _ in range(10)])  # it is shared by a hundred or two

    run(clients())


def test_an_error_reaches_all_and_one_who_left_harms_nobody() -> None:
    let = threading.Event()

    def classify(pixels: Any) -> Any:
        let.wait(20)
        if pixels.max() > 1:
            raise ZeroDivisionError
        return pixels[:, 0, :1]

    async def everyone() -> None:
        batches = Batches(classify, 10)
        one, two = (np.full((1, 28, 28), value, np.uint8) for value in (1, 2))
        first = asyncio.create_task(batches.predict(one))
        await asyncio.sleep(0.05)
        rest = [asyncio.create_task(batches.predict(each)) for each in (one, two, one)]
        await asyncio.sleep(0.05)
        rest[0].cancel()
        let.set()
        assert await first == 1
        found = await asyncio.gather(*rest, return_exceptions=True)
        assert [type(each) for each in found] == [asyncio.CancelledError, ZeroDivisionError, ZeroDivisionError]
        assert await batches.predict(one) == 1

    run(everyone())


def test_compiled_predicts_the_same() -> None:
    images, _ = digits()
    for name in ("cnn", "fast99", "best"):
        model = Recogniser.load(name)
        np.testing.assert_allclose(compiled(model)(images), model.predict(images), rtol=1e-5, atol=1e-8)


def test_the_usual_limits_fit_each_other() -> None:
    limits = Limits()
    assert limits.waiting < 0.1  # what is accepted is answered within a tenth of a second
    largest = json.dumps({"pixels": np.full((limits.batch, 28, 28), 255).tolist()})
    assert len(largest) < limits.json_bytes < limits.picture_bytes < limits.all_bytes
