"""Exporting without the libraries' notes about themselves."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Silence log lines below an error, and warnings about the exporters' own code."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", FutureWarning)
            warnings.filterwarnings("ignore", "The tensor attributes .*_flat_weights")  # which nn.LSTM sets as it runs
            warnings.filterwarnings("ignore", "No complete tensor found in the group")  # of weights that views share
            yield
    finally:
        logging.disable(before)
