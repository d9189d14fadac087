"""A test of the trained network on disturbed inputs."""

from __future__ import annotations

import random
from itertools import chain
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor
from torchmetrics import MetricCollection

from lightning_modules.networks.probes.attacks import attack_images
from lightning_modules.networks.probes.text_noise import add_typos, drop_words
from lightning_modules.training.task import Task

TEXT_NOISE = {"typos": add_typos, "word_drop": drop_words}


class RobustnessTest(Callback):
    """The headline metric on a part of the test items as they are and disturbed, logged as ``robustness/<how>``.

    On images: ``fgsm`` and ``pgd`` (see lightning_modules/networks/probes/attacks.py) and Gaussian ``noise``. On texts:
    ``typos`` and ``word_drop``. The same items and disturbances in every run, drawn from a seed of their own. See
    docs/results.md.

    Args:
        max_items: how many test items, taken evenly from the whole split; PGD takes as long as ``steps`` training steps
            on them.
        epsilon_px: how far FGSM and PGD move a pixel, in units of 0…255.
        step_px: how far PGD moves it in one step.
        steps: of PGD.
        noise_std_px: standard deviation of the noise.
        typo_share: share of a text's words that get a typo, 0…1.
        drop_share: share of its words that are left out, 0…1.
        seed: of the choice of items and of the disturbances.

    Raises:
        ValueError: an argument outside its range; or inputs that are neither images nor token ids.
    """

    def __init__(
        self,
        max_items: int = 1000,
        epsilon_px: float = 8.0,
        step_px: float = 2.0,
        steps: int = 10,
        noise_std_px: float = 16.0,
        typo_share: float = 0.1,
        drop_share: float = 0.1,
        seed: int = 0,
    ) -> None:
        sizes = {"max_items": max_items, "epsilon_px": epsilon_px, "step_px": step_px, "steps": steps}
        for name, size in {**sizes, "noise_std_px": noise_std_px}.items():
            if not size > 0:
                raise ValueError(f"RobustnessTest's {name}={size} must be above 0")
        self.shares = {"typos": typo_share, "word_drop": drop_share}
        for noise, share in self.shares.items():
            if not 0 <= share <= 1:
                raise ValueError(f"RobustnessTest's share of {noise}={share} must lie in 0…1")
        self.max_items = max_items
        self.attacks: dict[str, dict[str, Any]] = {
            "fgsm": {"epsilon_px": epsilon_px, "step_px": epsilon_px, "steps": 1, "from_random": False},
            "pgd": {"epsilon_px": epsilon_px, "step_px": step_px, "steps": steps, "from_random": False},
        }
        self.noise_std_px = noise_std_px
        self.seed = seed

    def on_test_start(self, trainer: Trainer, pl_module: Task) -> None:  # type: ignore[override]  # ours
        self._metrics: dict[str, MetricCollection] = {}
        self._tested: list[tuple[Tensor, Tensor]] = []  # index and label of a batch
        self._count = 0  # of the items tested
        self._seen = 0
        self._batch_size = 0
        self._choice = torch.Generator().manual_seed(self.seed)
        self._noise = torch.Generator(pl_module.device).manual_seed(self.seed)

    def on_test_batch_end(  # type: ignore[override]  # ours
        self,
        trainer: Trainer,
        pl_module: Task,
        outputs: object,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        chosen = self._chosen(len(batch.index), len(trainer.test_dataloaders.dataset))  # type: ignore[union-attr]  # one
        self._batch_size = max(self._batch_size, len(batch.index))
        if not len(chosen):
            return
        # An attack needs gradients, for which tensors from Lightning's inference mode are of no use.
        with torch.inference_mode(False), trainer.precision_plugin.forward_context():
            batch = type(batch)(*(part[chosen] for part in batch))
            self._tested.append((batch.index.cpu(), batch.label.cpu()))
            self._count += len(chosen)
            self._measure("clean", pl_module, batch)
            if batch.inputs[0].ndim == 4:
                self._disturb_images(pl_module, batch)
            elif batch.inputs[0].dtype != torch.int64:
                shape = tuple(batch.inputs[0].shape)
                raise ValueError(f"RobustnessTest is for images (B, C, H, W) and token ids, not for inputs of {shape}")

    def on_test_epoch_end(self, trainer: Any, pl_module: Task) -> None:  # type: ignore[override]  # ours
        if self._tested and "noise" not in self._metrics:
            for name in TEXT_NOISE:
                self._disturb_texts(name, trainer, pl_module)
        parts: list[Any] = [(self._count, list(self._metrics))]
        if trainer.world_size > 1:
            parts *= trainer.world_size
            torch.distributed.all_gather_object(parts, parts[0])
        for name in dict.fromkeys(chain.from_iterable(names for _, names in parts)):
            (figure,) = self._metrics_of(name, pl_module).compute().values()  # of all processes
            pl_module.log(f"robustness/{name}", figure)
        pl_module.log("robustness/n", float(sum(count for count, _ in parts)))

    def _chosen(self, count: int, total: int) -> Tensor:
        """Positions in a batch, as many as keep up with a split that may come in order of class or length."""
        self._seen += count
        wanted = -(-self._seen * self.max_items // total) - self._count
        return torch.randperm(count, generator=self._choice)[:wanted].sort().values

    def _disturb_images(self, task: Task, batch: Any) -> None:
        images = batch.inputs[0]
        for name, options in self.attacks.items():
            attacked = attack_images(task.network, images, lambda outputs: task.loss(outputs, batch), **options)
            self._measure(name, task, batch._replace(image=attacked))
        noise = torch.randn(images.shape, generator=self._noise, device=images.device) * self.noise_std_px
        self._measure("noise", task, batch._replace(image=(images + noise).clamp(0, 255)))

    def _disturb_texts(self, name: str, trainer: Any, task: Task) -> None:
        generator = random.Random(self.seed)
        data = trainer.datamodule
        index, label = (torch.cat(parts) for parts in zip(*self._tested, strict=True))
        texts = [data.item("test", position) for position in index.tolist()]
        disturbed = [TEXT_NOISE[name](text, self.shares[name], generator) for text in texts]
        cache, data.cache = data.cache, False  # what is read once
        dataset, kept, _ = data.encode(disturbed, label.numpy(), name)
        data.cache = cache
        for positions in torch.arange(len(kept)).split(self._batch_size):
            batch = trainer.strategy.batch_to_device(dataset.__getitems__(positions.tolist()), task.device)
            with trainer.precision_plugin.forward_context():
                self._measure(name, task, batch)

    @torch.no_grad()
    def _measure(self, name: str, task: Task, batch: Any) -> None:
        task.update(self._metrics_of(name, task), task.outputs(batch), batch)

    def _metrics_of(self, name: str, task: Task) -> MetricCollection:
        """The headline metric alone, of what was disturbed in this way."""
        metric = task.headline.metric
        return self._metrics.setdefault(name, MetricCollection({metric: task.test_metrics[metric].clone()}))
