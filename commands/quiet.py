"""Exporting without the libraries' notes about themselves."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

TALKATIVE = ("torch.onnx", "torch.export", "torch.utils._pytree", "onnxscript", "onnx_ir")


@contextmanager
def quiet() -> Iterator[None]:
    """Without the libraries' notes about themselves."""
    loggers = [logging.getLogger(name) for name in TALKATIVE]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", FutureWarning)
            warnings.filterwarnings(
                "ignore", "The tensor attributes .*_flat_weights"
            )  # nn.LSTM sets them in its forward
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
