"""An image experiment's network, data, augmentation and optimizer, without the framework around them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import torch
import torch.nn.functional as F
import yaml
from torch import Tensor

from benchmarks.baselines.tutorial_loop import accuracy
from datamodules.batches.augmentation import random_crop, random_flip
from lightning_modules.training.optimizers import build_optimizer, build_schedule
from lightsmith.runs.hardware import fast_precision
from lightsmith.settings.experiments import EXPERIMENTS


class Recipe:
    """The training of experiments/<experiment>.yaml, an image experiment; iterates over an epoch's batches."""

    def __init__(self, experiment: str, data: str, batch_size: int | None) -> None:
        settings = yaml.safe_load((EXPERIMENTS / f"{experiment}.yaml").read_text(encoding="utf-8"))
        if batch_size is not None:
            settings["data"]["init_args"]["batch_size"] = batch_size
        self.images = _build(settings["data"], source=data)
        self.train, self.val, self.test = map(self._own_images, ("train", "val", "test"))
        self.epochs = settings["trainer"]["max_epochs"]
        model = _build(settings["model"], class_names=self.images.class_names)
        self.network = model.network
        self.label_smoothing = model.label_smoothing
        groups = model.parameter_groups()
        self.optimizer = build_optimizer(model.optimizer_name, groups, model.lr, model.momentum, "cpu", _dtype())
        steps = self.epochs * len(self)
        warmup_steps = round(model.warmup_fraction * steps)
        self.schedule = build_schedule(model.schedule, self.optimizer, steps, warmup_steps)

    def _own_images(self, split: str) -> Any:
        """A split's data set with none but its own images, in memory."""
        dataset: Any = self.images.loader(split).dataset
        dataset.to(torch.device("cpu"))
        return dataset

    def __len__(self) -> int:
        return -(-len(self.train) // self.images.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for index in torch.randperm(len(self.train)).split(self.images.batch_size):
            batch = self.train.images.index_select(0, index).permute(0, 3, 1, 2)
            if self.images.horizontal_flip:
                batch = random_flip(batch)
            if self.images.crop_padding_px:
                batch = random_crop(batch, self.images.image_size_px, self.images.crop_padding_px)
            yield batch, self.train.labels[index]

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Compute the mean loss of a batch, ()."""
        with _autocast():
            logits = self.network(images)
        return F.cross_entropy(logits.float(), labels, label_smoothing=self.label_smoothing)

    def accuracy(self, split: Any) -> float:
        """Compute the accuracy on a split, 0…1; the network is left in evaluation mode."""
        images, size = split.images.permute(0, 3, 1, 2), self.images.batch_size
        with _autocast():
            return accuracy(self.network, zip(images.split(size), split.labels.split(size), strict=True))


def _dtype() -> torch.dtype:
    """The dtype of matrix products that Lightsmith would choose on this CPU."""
    return torch.bfloat16 if fast_precision("cpu") == "bf16-mixed" else torch.float32


def _autocast() -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16, enabled=_dtype() == torch.bfloat16)


def _build(settings: dict[str, Any], **given: Any) -> Any:
    module, _, name = settings["class_path"].rpartition(".")
    return getattr(import_module(module), name)(**{**settings["init_args"], **given})
