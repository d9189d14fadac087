"""What Lightning's own `predict` computes, kept: the probabilities of every test item, beside the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor, distributed

from lightsmith.predictions.file import FOLDER, free_path, predictions_file, writable_home
from lightsmith.terminal import print_once, shown

Part = tuple[Tensor, Tensor, Tensor]  # index int64 (B,), label (B,), predictions float32 (B, columns)


class KeepTestPredictions(Callback):
    """Writes a row for each test item that was predicted, in the order of the split, of all processes.

    Args:
        checkpoint: the model's; the file is made in the folder of its run.

    Raises:
        ValueError: nothing can be written there.
    """

    def __init__(self, checkpoint: Path) -> None:
        advice = ", where the predictions would go: copy the run elsewhere"
        self.folder = writable_home(checkpoint, advice) / FOLDER
        self.parts: list[Part] = []

    def on_predict_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        self.parts.append((batch.index.cpu(), batch.label.cpu(), outputs.float().cpu()))

    def on_predict_end(self, trainer: Trainer, pl_module: Any) -> None:
        parts = _of_all_processes(self.parts, trainer)
        if not trainer.is_global_zero:
            return
        index, label, predictions = (torch.cat(pieces) for pieces in zip(*parts, strict=True))
        answer, data = pl_module.answer.limited(None), trainer.datamodule  # type: ignore[attr-defined]  # set by Lightning's connector
        output = free_path(self.folder, "test", ".jsonl")
        with predictions_file(output, answer) as file:
            for place in index.argsort().tolist():
                item = data.item_name("test", int(index[place]))
                file.write(item, predictions[place].numpy(), label=answer.label(label[place].item()))
        print_once([f"Wrote {len(index):,} rows to {shown(output)}: item, label, {answer.words}"])


def _of_all_processes(parts: list[Part], trainer: Trainer) -> list[Part]:
    """The parts of every process, on the first one."""
    if trainer.world_size == 1:
        return parts
    gathered: list[Any] = [None] * trainer.world_size
    distributed.all_gather_object(gathered, parts)
    return [part for own in gathered for part in own]
