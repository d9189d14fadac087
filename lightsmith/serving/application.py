"""The routes of the service."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from aiohttp import web

from lightsmith.exports.reference import answer_traits
from lightsmith.serving.api_keys import ApiKeys, Rate
from lightsmith.serving.backend import Backend
from lightsmith.serving.bodies import (
    JSON_LINES,
    MULTIPART,
    Item,
    item_of,
    items_of_lines,
    items_of_parts,
    largest_body,
    read_body,
)
from lightsmith.serving.description import openapi
from lightsmith.serving.limits import BATCH_BYTES, ByteBudget
from lightsmith.serving.monitoring.drift import WINDOW, Drift
from lightsmith.serving.monitoring.metrics import MEDIA_TYPE, ServiceMetrics
from lightsmith.serving.monitoring.request_log import RequestLog
from lightsmith.serving.page_file import page_and_policy
from lightsmith.serving.problems import MEDIA_TYPE as PROBLEM_TYPE
from lightsmith.serving.problems import ProblemError
from lightsmith.serving.wish import Wish, finite, wish_of

log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
OPEN = ("/", "/healthz", "/readyz", "/openapi.json")  # without a key
HEADERS = {"Server": "Lightsmith", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
EVERYBODY = "everybody"  # whose rate is counted where there are no keys
KEY = web.RequestKey("key", str)  # the name of the one that a request has


class Asked(NamedTuple):
    """A request that was let in: by the key of this name, and to be answered by this moment of the event loop's."""

    backend: Backend
    wish: Wish
    key: str
    deadline: float


class Service:
    """Answers requests.

    Args:
        backend: answers items, until ``serve`` puts another in its place.
        keys: who may ask; everybody when None.
        request_log: is told of answers; None for none.

    Attributes:
        backend: answers items.
        drift: compares them with the test split.
        draining: whether it accepts no more, and only answers what it has accepted.
    """

    def __init__(
        self,
        backend: Backend,
        metrics: ServiceMetrics,
        keys: ApiKeys | None,
        rate: Rate,
        request_log: RequestLog | None = None,
    ) -> None:
        self.metrics, self.keys, self.rate, self.request_log = metrics, keys, rate, request_log
        self.serve(backend)
        self.budget = ByteBudget()
        self.draining = False
        self.page, self.policy = page_and_policy()
        self.application = web.Application(middlewares=[self.answer_problems, self.check_key], client_max_size=0)
        self.application.add_routes(
            [
                web.post("/predict", self.predict),
                web.post("/predict/batch", self.predict_batch),
                web.get("/model", self.describe),
                web.get("/healthz", self.live),
                web.get("/readyz", self.ready),
                web.get("/metrics", self.measures),
                web.get("/openapi.json", self.interface),
                web.get("/", self.show_page),
            ]
        )

    def serve(self, backend: Backend) -> None:
        """Answer with this backend from now on."""
        self.backend, self.drift = backend, Drift(backend.served.reference, WINDOW)

    @property
    def keeps(self) -> bool:
        """True where items are kept in a log."""
        return self.request_log is not None and self.request_log.place.content

    @web.middleware
    async def answer_problems(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn whatever goes wrong into problem+json, and count and time every request."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            response = await handler(request)
        except ProblemError as problem:
            response = self.refusal(problem)
        except web.HTTPException as error:
            response = self.refusal(of_http(error, request))
        except Exception:
            log.exception("a request failed")
            response = self.refusal(ProblemError(500, "internal", "the service failed; its log says where"))
        response.headers.update(HEADERS)
        if self.draining:
            response.force_close()
        self.metrics.requests.add(str(response.status))
        self.metrics.request_s.observe(loop.time() - started)
        return response

    def refusal(self, problem: ProblemError) -> web.Response:
        """A problem as an answer."""
        self.metrics.refused.add(problem.reason)
        content = json.dumps(problem.members, ensure_ascii=False)
        return web.Response(text=content, status=problem.status, content_type=PROBLEM_TYPE, headers=problem.headers)

    @web.middleware
    async def check_key(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let through who has a key, not too often."""
        if request.path not in OPEN:
            name = EVERYBODY if self.keys is None else self.keys.name_of(request.headers.get("Authorization", ""))
            self.rate.check(name)
            request[KEY] = name
        return await handler(request)

    async def predict(self, request: web.Request) -> web.Response:
        """Answer one item."""
        takes = self.backend.served.takes
        most = largest_body(takes, request.content_type)
        with self._admitted(request, most) as asked:
            body = await read_body(request, most)
            item = item_of(body, request.content_type, request.charset, takes)
            line = await self._line(item, asked)
        return web.json_response(line, dumps=dumps)

    async def predict_batch(self, request: web.Request) -> web.Response:
        """Answer several items with a JSON object a line, in order, each with its prediction or its problem."""
        media_type = request.content_type
        if media_type not in (*JSON_LINES, MULTIPART):
            expected = f"{JSON_LINES[0]} with an object a line, or {MULTIPART}"
            raise ProblemError(415, "media_type", f"Content-Type is {media_type}", expected)
        with self._admitted(request, BATCH_BYTES) as asked:
            items = await self._items(request, asked.backend.served.takes)
            self.rate.charge(asked.key, len(items) - 1)
            with asked.backend.admission.admit(len(items) - 1, asked.deadline):
                lines = await asyncio.gather(*(self._line_or_problem(item, asked) for item in items))
        return web.Response(text="".join(f"{dumps(line)}\n" for line in lines), content_type=JSON_LINES[0])

    async def _items(self, request: web.Request, takes: str) -> list[Item | ProblemError]:
        if request.content_type == MULTIPART:
            return await items_of_parts(request, takes)
        return items_of_lines(await read_body(request, BATCH_BYTES), takes)

    @contextmanager
    def _admitted(self, request: web.Request, most_bytes: int) -> Iterator[Asked]:
        """Hold a place in the queue and memory for the body."""
        backend = self.backend
        wish = wish_of(backend.served.answer, request.query, request.headers)
        deadline = asyncio.get_running_loop().time() + wish.within_s
        known = None if "Content-Encoding" in request.headers else request.content_length
        size = most_bytes if known is None else min(known, most_bytes)
        with ExitStack() as held:
            held.enter_context(backend.admission.admit(1, deadline))
            held.enter_context(self.budget.claim(size))
            yield Asked(backend, wish, request[KEY], deadline)

    async def _line_or_problem(self, item: Item | ProblemError, asked: Asked) -> dict[str, Any]:
        try:
            if isinstance(item, ProblemError):
                raise item
            return await self._line(item, asked)
        except ProblemError as problem:
            self.metrics.refused.add(problem.reason)
            return {"error": problem.members}

    async def _line(self, item: Item, asked: Asked) -> dict[str, Any]:
        """Ask the model about an item, and write its answer."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        outcome = await asked.backend.predict(item, asked.deadline)
        traits = answer_traits(asked.backend.served.answer, outcome.prediction)
        line: dict[str, Any] = finite(asked.wish.answer.line(outcome.prediction))
        self.metrics.decoding_s.observe(outcome.decoding_s)
        if "prediction" in line:
            self.metrics.predicted.add(str(line["prediction"]))
            self.metrics.confidence.observe(float(outcome.prediction.max()))
        if asked.backend is self.backend:
            self.drift.note({**outcome.traits, **traits})
        if self.request_log is not None:
            self.request_log.note(item, line, asked.key, loop.time() - started)
        return line

    async def describe(self, request: web.Request) -> web.Response:
        """Say what is served."""
        description = {**self.backend.served.description, "drift": self.drift.description, "kept": self.keeps}
        return web.json_response(description, dumps=dumps)

    async def live(self, request: web.Request) -> web.Response:
        """Say that the process answers."""
        return web.json_response({"status": "alive"})

    async def ready(self, request: web.Request) -> web.Response:
        """Say whether new requests are welcome."""
        if self.draining:
            raise ProblemError(503, "draining", "the service ends", "another instance", 1.0)
        if not self.backend.ready:
            raise ProblemError(503, "no_worker", "no worker process is ready", "another instance", 1.0)
        return web.json_response({"status": "ready"})

    async def measures(self, request: web.Request) -> web.Response:
        """Count for Prometheus."""
        return web.Response(body=self.metrics.text().encode(), headers={"Content-Type": MEDIA_TYPE})

    async def interface(self, request: web.Request) -> web.Response:
        """Describe this interface."""
        return web.json_response(openapi(self.backend.served), dumps=dumps)

    async def show_page(self, request: web.Request) -> web.Response:
        """Show the page on which people ask."""
        return web.Response(text=self.page, content_type="text/html", headers={"Content-Security-Policy": self.policy})


def of_http(error: web.HTTPException, request: web.Request) -> ProblemError:
    """Turn aiohttp's refusal of an unknown path or method into a problem."""
    expected = {404: "a path that /openapi.json lists", 405: f"one of {error.headers.get('Allow', '')}"}
    detail = f"{request.method} {request.path}: {error.reason}"
    return ProblemError(error.status, "http", detail, expected.get(error.status, ""))


def dumps(value: Any) -> str:
    """JSON as people read it."""
    return json.dumps(value, ensure_ascii=False)
