"""The service that most people write first: FastAPI and ONNX Runtime, one request at a time.

python -m benchmarks.serving_rivals.fastapi_app <exported folder> --port=8000
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request

from benchmarks.serving_rivals.model import Model


def application(folder: Path) -> FastAPI:
    """One route."""
    model, application = Model(folder), FastAPI()

    async def predict(request: Request) -> dict[str, Any]:
        item = model.decode(await request.body())
        return model.answer(model.predict([item])[0])

    application.add_api_route("/predict", predict, methods=["POST"], response_model=None)
    return application


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    uvicorn.run(application(given.folder), host="127.0.0.1", port=given.port, log_level="warning")
