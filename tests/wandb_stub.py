"""As much of Weights & Biases' server as saving workspaces and reports needs, on this machine."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ENTITY = "somebody"
OPERATION = re.compile(r"\b(?:query|mutation)\s+(\w+)")


class WandbStub:
    """What the server was told.

    Attributes:
        address: of the server.
        projects: the names of those that there are.
        views: the variables of each view that was saved, by its id, in order.
        asked: the operations that were asked for, in order.
        refuses: an answer to every saving of a view; None to take it.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.projects: list[str] = []
        self.views: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.refuses: str | None = None

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """The specs of the views of a type."""
        return [json.loads(view["spec"]) for view in self.views.values() if view["type"] == kind]

    def answer(self, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """What the server says to a question or order."""
        found = OPERATION.search(query)
        name = found[1] if found else ""
        self.asked.append(name)
        answers: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "upsertView": self._save,
            "UpsertView2": self._save,
            "SpecificReport": lambda given: {
                "view": self._view(given["reportId"]) if given["reportId"] in self.views else None
            },
            "View": lambda given: self._views_called(given["viewName"]),
            "CreateProject": self._create,
            "GetProjects": lambda _: self._all_projects(),
            "ProjectInternalId": lambda given: {"project": self._project(given["projectName"])},
        }
        if name in answers:
            return answers[name](variables)
        viewer = {"id": "u1", "entity": ENTITY, "username": ENTITY, "flags": "{}", "teams": {"edges": []}}
        return {"viewer": viewer, "serverInfo": {}}

    def _save(self, given: Mapping[str, Any]) -> dict[str, Any]:
        number = given.get("id") or base64.b64encode(f"View:{len(self.views) + 1}".encode()).decode()
        inserted = number not in self.views
        self.views[number] = dict(given)
        return {"upsertView": {"view": self._view(number), "inserted": inserted}}

    def _view(self, number: str) -> dict[str, Any]:
        saved = self.views[number]
        project = {"id": "p1", "name": saved["projectName"], "entityName": saved["entityName"]}
        names = {"id": number, "name": saved["name"], "displayName": saved["displayName"]}
        return {**names, "type": saved["type"], "description": "", "project": project, "spec": saved["spec"]}

    def _views_called(self, name: str) -> dict[str, Any]:
        found = [{"node": self._view(number)} for number, view in self.views.items() if view["name"] == name]
        return {"project": {"allViews": {"edges": found}}}

    def _create(self, given: Mapping[str, Any]) -> dict[str, Any]:
        name = given["input"]["name"]
        self.projects.append(name)
        project = {"id": "p1", "name": name, "entityName": ENTITY, "description": "", "access": "", "views": "{}"}
        return {"result": {"project": project, "model": project, "inserted": True}}

    def _project(self, name: str) -> dict[str, Any] | None:
        return {"id": "p1", "internalId": "7"} if name in self.projects else None

    def _all_projects(self) -> dict[str, Any]:
        nodes = [
            {"__typename": "Project", "id": "p1", "name": n, "entityName": ENTITY, "createdAt": "2026-01-01T00:00:00Z"}
            for n in self.projects
        ]
        page = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}
        return {
            "models": {"pageInfo": page, "edges": [{"node": {**n, "isBenchmark": False, "user": None}} for n in nodes]}
        }


@contextmanager
def wandb_server() -> Iterator[WandbStub]:
    """A server that remembers what it was told."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    stub = WandbStub(f"http://127.0.0.1:{server.server_port}")
    server.stub = stub  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing: what a server prints is no part of a test."""

    def do_GET(self) -> None:  # the name that the library calls
        self._send(200, {})

    def do_POST(self) -> None:
        stub: WandbStub = self.server.stub  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/graphql":  # the library's own telemetry
            self._send(200, {})
            return
        asked = json.loads(body)
        if stub.refuses is not None and "upsertView" in asked["query"]:
            self._send(403, {"errors": [{"message": stub.refuses}]})
        else:
            self._send(200, {"data": stub.answer(asked["query"], asked.get("variables") or {})})

    def _send(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
