"""The picture that a run of an autoencoder leaves of its test."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from lightning.pytorch import Callback
from PIL import Image

from callbacks.log_reconstructions import LogReconstructions
from lightsmith.checkpoints.durable import replace_file
from lightsmith.run_folder import RECONSTRUCTIONS


def write_pictures(callbacks: Sequence[Callback], folder: Path) -> None:
    """Write the pictures that the callbacks of a test have drawn.

    Raises:
        OSError: the disk cannot be written.
    """
    for callback in callbacks:
        if isinstance(callback, LogReconstructions) and callback.picture is not None:
            content = io.BytesIO()
            Image.fromarray(callback.picture.squeeze().numpy()).save(content, "PNG")
            replace_file(folder / RECONSTRUCTIONS, content.getvalue())
