"""predictions/test.parquet: what a model says of every item of the test split."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import distributed

from datamodules.sources.source import first_few
from lightning_modules.training.answer import Answer
from lightsmith.replace_file import replacing
from lightsmith.terminal import print_once, shown

if TYPE_CHECKING:
    from datamodules.split_data import SplitData

BATCHES_AT_ONCE = 32  # that a process holds before the first one writes them down
NUMBER_BYTES = 4
NUMBERS_AT_ONCE = 4_000_000  # in a part of the file, so that 1,000 classes need no more memory than 10
LABEL_TYPES = {"class": pa.string(), "value": pa.float32(), "nothing": pa.null()}

Part = tuple[np.ndarray, np.ndarray, np.ndarray]  # index int64 (B,), label (B,), predictions float32 (B, columns)


class KeepTestPredictions(Callback):
    """Writes a row for each test item: index, id by content, name, label and what the model says, in the split's order.

    Predictions wait in a file on the disk, whatever their number, and those of other processes are sent to the first.

    Args:
        output: the file to write, which replaces an earlier one; None on processes that write nothing.
        says_so: whether to print where it is.
    """

    def __init__(self, output: Path | None, says_so: bool = False) -> None:
        self.output = output
        self.says_so = says_so
        self._parts: list[Part] = []
        self._rows: WaitingRows | None = None
        self._error: OSError | None = None  # of the disk; with other processes waiting, it is raised in the end

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.output is not None:
            self.output.unlink(missing_ok=True)  # of an earlier checkpoint

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        label = getattr(batch, "label", batch.index)
        index, labels, predictions = (part.cpu().numpy() for part in (batch.index, label, outputs.float()))
        self._parts.append((index, labels, predictions))
        if len(self._parts) == BATCHES_AT_ONCE:
            self._write_down(trainer)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._write_down(trainer)

    def on_test_end(self, trainer: Trainer, pl_module: Any) -> None:
        rows, self._rows = self._rows, None
        with nullcontext() if rows is None else rows:
            if self._error is not None:
                raise self._error
            if rows is None or self.output is None:
                return
            write_predictions(self.output, rows, pl_module.answer, trainer.datamodule)  # type: ignore[attr-defined]  # set by Lightning's connector
            if self.says_so:
                print_once([f"Wrote {len(rows):,} rows to {shown(self.output)}: {_listed(pl_module.answer)}"])

    on_predict_batch_end = on_test_batch_end
    on_predict_epoch_end = on_test_epoch_end
    on_predict_end = on_test_end

    def _write_down(self, trainer: Trainer) -> None:
        """Put the predictions of all processes, which come here together, into the file that waits."""
        parts, self._parts = _of_all_processes(self._parts, trainer), []
        if self.output is None or self._error is not None:
            return
        try:
            for index, label, predictions in parts:
                if self._rows is None:
                    length = len(trainer.datamodule.datasets["test"])  # type: ignore[attr-defined]  # as above
                    self._rows = WaitingRows(self.output.parent, length, predictions.shape[1])
                self._rows.put(index, label, predictions)
        except OSError as error:
            self._error = error


class WaitingRows:
    """Labels and predictions by index, in a file without a name that goes when it is closed.

    It is written and read, and not mapped into memory: a full disk is an error then, and not the end of the process.

    Args:
        folder: where the file lies; made if it is not there.
        length: items of the split.
        columns: numbers of a prediction.
    """

    def __init__(self, folder: Path, length: int, columns: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed by __exit__
        self._shape = length, columns
        os.ftruncate(self._file.fileno(), length * columns * NUMBER_BYTES)
        self._labels = np.zeros(length)
        self._present = np.zeros(length, bool)

    def __enter__(self) -> WaitingRows:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return int(self._present.sum())

    def put(self, index: np.ndarray, label: np.ndarray, predictions: np.ndarray) -> None:
        """Add rows of a batch.

        Raises:
            OSError: the disk cannot be written.
        """
        row_bytes = self._shape[1] * NUMBER_BYTES
        for place, row in zip(index.tolist(), predictions.astype(np.float32), strict=True):
            os.pwrite(self._file.fileno(), row.tobytes(), place * row_bytes)
        self._labels[index], self._present[index] = label, True

    def parts(self) -> Iterator[Part]:
        """The rows that are there in their order, few enough at once to fit in memory."""
        length, columns = self._shape
        size = max(NUMBERS_AT_ONCE // columns, 1)
        for start in range(0, length, size):
            count = min(size, length - start)
            content = os.pread(self._file.fileno(), count * columns * NUMBER_BYTES, start * columns * NUMBER_BYTES)
            kept = np.flatnonzero(self._present[start : start + count])
            index = start + kept
            yield index, self._labels[index], np.frombuffer(content, np.float32).reshape(count, columns)[kept]


def write_predictions(output: Path, rows: WaitingRows, answer: Answer, data: SplitData) -> None:
    """Write the predictions file, all of it or nothing; it survives a loss of power.

    Raises:
        OSError: the disk cannot be written.
    """
    columns = [("index", pa.int64()), ("id", pa.string()), ("item", pa.string()), ("label", LABEL_TYPES[answer.target])]
    columns += [(name, pa.float32()) for name in answer.columns]
    schema = pa.schema(columns, {"answer": json.dumps(answer.settings)})
    with replacing(output) as file, pq.ParquetWriter(file, schema) as table:
        for index, labels, predictions in rows.parts():
            known = answer.target != "nothing"
            values = [
                index,
                data.item_ids("test", index),
                [data.item_name("test", position) for position in index.tolist()],
                [answer.label(label) for label in labels.tolist()] if known else [None] * len(index),
                *predictions.T,
            ]
            arrays = [pa.array(value, kind) for value, (_, kind) in zip(values, columns, strict=True)]
            table.write_table(pa.table(arrays, schema=schema))


def _listed(answer: Answer) -> str:
    return f"index, id, item, label, {first_few(answer.columns, 3)}"


def _of_all_processes(parts: list[Part], trainer: Trainer) -> list[Part]:
    """The parts of every process, on each; all of them have as many batches."""
    if trainer.world_size == 1:
        return parts
    gathered: list[Any] = [None] * trainer.world_size
    distributed.all_gather_object(gathered, parts)
    return [part for own in gathered for part in own]
