"""A model in this process: threads decode, and one more computes batches."""

from __future__ import annotations

import asyncio
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from datamodules.preprocessing import TextPreprocessing, padded_width
from lightsmith.exports.reference import input_traits, read_reference
from lightsmith.serving.admission import Admission
from lightsmith.serving.backend import BatchObserver, Outcome, Served
from lightsmith.serving.batcher import Batcher
from lightsmith.serving.bodies import Item
from lightsmith.serving.cost_model import CostModel, fit
from lightsmith.serving.description import model_description
from lightsmith.serving.problems import ProblemError, too_late
from lightsmith.serving.served_model import Encoded, ServedModel, load_served

TEXT_WIDTHS = (16, 64, 256)  # columns at which batches are measured, and the widest


class InProcess:
    """Answers items with a model in memory; made within a running event loop.

    Args:
        costs: how long its batches take.
        observer: is told of batches.
        cores: that decode at the same time.
    """

    ready = 1

    def __init__(self, model: ServedModel, costs: CostModel, observer: BatchObserver, cores: int) -> None:
        self.model, self.cores, self.admission = model, cores, Admission(costs)
        description = model_description(model, costs)
        self.served = Served(model.folder, model.answer, model.takes, description, read_reference(model.folder))
        self._network, self._decoders = ThreadPoolExecutor(1, "network"), ThreadPoolExecutor(cores, "decoding")
        self._batcher = Batcher(model.predict, costs, self._network, observer)
        self._answering = asyncio.create_task(self._batcher.run())

    async def predict(self, item: Item, deadline: float) -> Outcome:
        """Decode an item and compute it, in a batch with others."""
        loop = asyncio.get_running_loop()
        encoded, traits, seconds = await loop.run_in_executor(self._decoders, self._decode, item, deadline)
        self.admission.note_item(encoded.width, seconds / self.cores)
        return Outcome(await self._batcher.predict(encoded, deadline), encoded.width, seconds, traits)

    def _decode(self, item: Item, deadline: float) -> tuple[Encoded, dict[str, float], float]:
        """The network's input of an item, its traits, and the seconds that it took; runs in a thread."""
        started, takes = time.monotonic(), self.model.takes
        if started > deadline:
            raise too_late(self.admission.expected_wait_s(self.admission.inside))
        try:
            encoded = self.model.encode(item)
        except ValueError as error:
            raise ProblemError(422, "unreadable", f"the {takes} cannot be read: {error}", f"another {takes}") from error
        columns = input_traits([value[np.newaxis] for value in encoded.inputs], self.model.preprocessing)
        return encoded, {name: float(column[0]) for name, column in columns.items()}, time.monotonic() - started

    async def close(self) -> None:
        """Stop the threads, once they have done what they are at."""
        self._answering.cancel()
        for executor in (self._network, self._decoders):
            await asyncio.to_thread(executor.shutdown)


async def load_in_process(folder: Path, observer: BatchObserver, cores: int) -> InProcess:
    """Load and measure a model beside the event loop.

    Raises:
        ValueError: the folder cannot be used.
    """
    warnings.filterwarnings("ignore", module=r"PIL\.")  # of what is odd in a file that is readable all the same
    model = await asyncio.to_thread(load_served, folder, cores)
    costs = await asyncio.to_thread(measured_costs, model)
    return InProcess(model, costs, observer, cores)


def measured_costs(model: ServedModel) -> CostModel:
    """Measure batches of blank items, and fit how long others take."""

    def measure(width: int, items: int) -> float:
        batch = [model.blank(width)] * items
        return min(_seconds(model, batch) for _ in range(3))

    return fit(measure, widths_of(model))


def _seconds(model: ServedModel, batch: list[Encoded]) -> float:
    started = time.perf_counter()
    model.predict(batch)
    return time.perf_counter() - started


def widths_of(model: ServedModel) -> list[int]:
    """Columns at which batches are measured."""
    if not isinstance(model.preprocessing, TextPreprocessing):
        return [1]
    widest = padded_width(model.preprocessing.max_tokens)
    return [*(width for width in TEXT_WIDTHS if width < widest), widest]
