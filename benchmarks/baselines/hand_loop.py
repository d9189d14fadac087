"""An experiment as an expert writes it by hand: its network, data, augmentation and recipe in a bare in-memory loop.

Same arithmetic as Lightsmith's, so what Lightsmith takes longer is the price of the framework: hooks, progress bar,
loggers, checkpoints, metrics.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
import yaml
from jsonargparse import auto_cli

from benchmarks.baselines.recording import Recording
from benchmarks.baselines.tutorial_loop import accuracy
from commands.hardware import fast_precision
from commands.list_experiments import EXPERIMENTS
from datamodules.augmentation import random_crop, random_flip
from lightning_modules.optimization import build_optimizer, build_schedule, parameter_groups


def main(
    experiment: str,
    data: str,
    output: Path,
    batch_size: int | None = None,
    max_samples: int | None = None,
    seed: int = 1,
) -> None:
    """Train experiments/<experiment>.yaml, an image experiment, to its end or for ``max_samples``."""
    torch.manual_seed(seed)
    settings = yaml.safe_load((EXPERIMENTS / f"{experiment}.yaml").read_text(encoding="utf-8"))
    images = _build(settings["data"], source=data, **({"batch_size": batch_size} if batch_size else {}))
    model = _build(settings["model"], class_names=images.class_names)
    train, val, test = (images.loader(split).dataset for split in ("train", "val", "test"))
    epochs, size = settings["trainer"]["max_epochs"], images.batch_size
    total_steps = epochs * -(-len(train) // size)
    groups = parameter_groups(model.named_parameters(), model.lr, model.weight_decay)
    optimizer = build_optimizer(model.optimizer_name, groups, model.lr, model.momentum, "cpu", _dtype())
    warmup_steps = round(model.warmup_fraction * total_steps)
    schedule = build_schedule(model.schedule, optimizer, total_steps, warmup_steps)["scheduler"]
    recording = Recording(output, max_samples=max_samples)
    for _ in range(epochs):
        model.train()
        for index in torch.randperm(len(train)).split(size):
            batch = train.images.index_select(0, index).permute(0, 3, 1, 2)
            if images.horizontal_flip:
                batch = random_flip(batch)
            if images.crop_padding_px:
                batch = random_crop(batch, images.image_size_px, images.crop_padding_px)
            with _autocast():
                logits = model.network(batch)
            loss = F.cross_entropy(logits.float(), train.labels[index], label_smoothing=model.label_smoothing)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            recording.stepped(len(index))
            if recording.full:
                return recording.finish()
        recording.validated(_accuracy(model, val, size))
    return recording.finish(_accuracy(model, test, size))


def _accuracy(model: Any, split: Any, batch_size: int) -> float:
    images = split.images.permute(0, 3, 1, 2)
    with _autocast():
        return accuracy(model.network, zip(images.split(batch_size), split.labels.split(batch_size), strict=True))


def _dtype() -> torch.dtype:
    """Of matrix products, as Lightsmith would choose it on this CPU."""
    return torch.bfloat16 if fast_precision("cpu") == "bf16-mixed" else torch.float32


def _autocast() -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16, enabled=_dtype() == torch.bfloat16)


def _build(settings: dict[str, Any], **given: Any) -> Any:
    module, _, name = settings["class_path"].rpartition(".")
    return getattr(import_module(module), name)(**{**settings["init_args"], **given})


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
