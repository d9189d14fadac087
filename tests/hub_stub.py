"""As much of the Hugging Face hub as a data set of Parquet files needs, on this machine."""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import datasets

NAME = "someone/reviews"
COMMIT = "a1" * 20


def parquet(count: int) -> bytes:
    """Reviews that a word decides, with named classes."""
    names = datasets.ClassLabel(names=["bad", "good"])
    features = datasets.Features({"text": datasets.Value("string"), "label": names})
    texts = [f"film {i} was {names.int2str(i % 2)} to number {i * i}" for i in range(count)]
    file = io.BytesIO()
    datasets.Dataset.from_dict({"text": texts, "label": [i % 2 for i in range(count)]}, features).to_parquet(file)
    return file.getvalue()


@contextmanager
def hub_of(files: Mapping[str, bytes]) -> Iterator[str]:
    """The address of a hub with one data set of these files, by path."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"files": files}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    files: Mapping[str, bytes]

    def log_message(self, *_: Any) -> None:
        """Nothing: what a server prints is no part of a test."""

    def do_GET(self) -> None:  # the name that the library calls
        path = self.path.partition("?")[0]
        api = f"/api/datasets/{NAME}"
        if path in (api, f"{api}/revision/main", f"{api}/revision/{COMMIT}"):
            siblings = [{"rfilename": name} for name in self.files]
            self._send_json({"id": NAME, "sha": COMMIT, "private": False, "tags": [], "siblings": siblings})
        elif path.startswith(f"{api}/tree/{COMMIT}"):
            self._send_json(self._tree(path.removeprefix(f"{api}/tree/{COMMIT}").strip("/")))
        elif path.startswith(f"{api}/revision/"):
            self._send(404, b"", {"X-Error-Code": "RevisionNotFound"})
        elif (name := path.removeprefix(f"/datasets/{NAME}/resolve/{COMMIT}/")) in self.files:
            digest = hashlib.sha1(self.files[name]).hexdigest()
            self._send(200, self.files[name], {"ETag": f'"{digest}"', "X-Repo-Commit": COMMIT})
        else:
            code = "EntryNotFound" if path.startswith(f"/datasets/{NAME}/") else "RepoNotFound"
            self._send(404, b"", {"X-Error-Code": code})

    do_HEAD = do_GET  # noqa: N815

    def _tree(self, folder: str) -> list[dict[str, Any]]:
        found = [
            {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
            for name, content in self.files.items()
            if name.startswith(folder)
        ]
        return found if folder else [{"type": "directory", "path": "data", "oid": "0" * 40, "size": 0}, *found]

    def _send_json(self, content: Any) -> None:
        self._send(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)
