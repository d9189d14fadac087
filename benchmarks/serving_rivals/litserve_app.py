"""LitServe over an exported folder. Its requests are JSON: an image in base64, or a text.

python -m benchmarks.serving_rivals.litserve_app <exported folder> --port=8000 --batch=16 --wait=0.005
"""

from __future__ import annotations

import argparse
import base64
import os
from pathlib import Path
from typing import Any

import litserve
import numpy as np

from benchmarks.serving_rivals.model import Model


class ExportedModel(litserve.LitAPI):  # type: ignore[misc]  # is not installed beside Lightsmith
    """Decodes in the service's processes, predicts batches in those of the devices."""

    folder: Path
    threads: int

    def setup(self, device: str) -> None:
        self.model = Model(self.folder, self.threads)

    # Without an annotation, which LitServe would read as that of a query.
    def decode_request(self, request):  # type: ignore[no-untyped-def]
        body = base64.b64decode(request["image"]) if "image" in request else request["text"].encode()
        return self.model.decode(body)

    def batch(self, inputs: list[np.ndarray]) -> list[np.ndarray]:
        return inputs

    def predict(self, x: Any) -> np.ndarray:
        return self.model.predict(x) if isinstance(x, list) else self.model.predict([x])[0]

    def unbatch(self, output: np.ndarray) -> list[np.ndarray]:
        return list(output)

    def encode_response(self, output: np.ndarray) -> dict[str, Any]:
        return self.model.answer(output)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--wait", type=float, default=0.0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--servers", type=int, default=1)
    given = parser.parse_args()
    api = ExportedModel(max_batch_size=given.batch, batch_timeout=given.wait)
    api.folder, api.threads = given.folder, max(1, len(os.sched_getaffinity(0)) // given.workers)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=given.workers, timeout=60)
    server.run("127.0.0.1", given.port, given.servers, log_level="warning", generate_client_file=False)
