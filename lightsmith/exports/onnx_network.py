"""An ONNX file as a network."""

from __future__ import annotations

import torch
from torch import Tensor

from lightsmith.exports.onnx_session import OnnxSession


class OnnxNetwork:
    """An ONNX file that is called as the network it was made of.

    Args:
        content: the file's bytes.

    Attributes:
        width: as of an ``OnnxSession``.

    Raises:
        ValueError: as of an ``OnnxSession``.
    """

    def __init__(self, content: bytes) -> None:
        self.session = OnnxSession(content, torch.get_num_threads())
        self.width = self.session.width

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Outputs float32 (B, …) of what the network takes.

        Raises:
            ValueError: inputs that do not fit.
        """
        return torch.from_numpy(self.session(*(value.numpy() for value in inputs)))
