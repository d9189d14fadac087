"""A frozen backbone is run once per item, not once per item and epoch."""

from __future__ import annotations

from itertools import chain
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from lightning_modules.networks.probes.feature_rows import Run, ShuffledRows, checked_rows
from lightning_modules.training.batch import Batch
from lightning_modules.training.task import Task


class CacheFrozenFeatures(Callback):
    """Keeps what a frozen backbone makes of each training and validation item, and looks it up in later epochs.

    It acts while nothing trains in the backbone and in what the network defines before it, all of that is in evaluation
    mode, and training items come without augmentation (the data module's ``augments``); otherwise, and for inputs that
    are not the batch's own, it leaves the run alone. What it kept is dropped the moment anything of that trains or has
    another value. Results are those without it, to the last bit. A compiled network looks nothing up.

    It holds one row an item in memory, and a copy of the backbone's weights. It is for images: the last bits of a
    text's features depend on the width that its batch is padded to.

    Args:
        backbone: name of the submodule whose output, one row an item, is kept.

    Raises:
        ValueError: there is no such submodule, or what it gives cannot be kept by item.
    """

    def __init__(self, backbone: str = "network.backbone") -> None:
        self.backbone = backbone
        self._run: Run | None = None
        self._hook: Any = None
        self._model: Any = None
        self._batch: Any = None
        self._number: int | None = None  # of a validation batch; None in training
        self._own_inputs = False
        self._items = 0
        self._operations = -1  # on the network, when these were the modules before the features
        self._modules: list[nn.Module] = []
        self._parameters: list[nn.Parameter] = []
        self._weights: Weights | None = None
        self._train: ShuffledRows | None = None
        self._val: dict[int, tuple[Tensor, Tensor]] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, Task)
        backbone = _submodule(pl_module, self.backbone)
        if pl_module.compiles or getattr(getattr(trainer, "datamodule", None), "augments", True):
            return
        self._model, self._run = pl_module, backbone.forward
        self._hook = pl_module.network.register_forward_pre_hook(self._look_at_inputs)
        backbone.forward = self._look_up  # a wrapper would rename the weights

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._operations = -1  # look at the modules again: a parametrization is one more
        if self._weights is not None:
            self._weights.compare()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int) -> None:
        if self._run is not None:
            self._batch, self._number = batch, None
            self._items = self._items or len(trainer.train_dataloader.dataset)  # type: ignore[union-attr]  # a DataLoader

    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        self._batch, self._number = batch, batch_idx

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._give_back(pl_module)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._give_back(pl_module)

    def _give_back(self, pl_module: LightningModule) -> None:
        if self._run is not None:
            _submodule(pl_module, self.backbone).forward = self._run
            self._hook.remove()
        self._run = self._hook = self._model = self._batch = None
        self._operations, self._modules, self._parameters = -1, [], []
        self._drop()

    def _drop(self) -> None:
        self._weights, self._train, self._val = None, None, {}

    def _look_at_inputs(self, network: nn.Module, inputs: tuple[object, ...]) -> None:
        """Other callbacks transform a batch, or run the network on something else."""
        own = self._batch.inputs if self._batch is not None else ()
        self._own_inputs = len(own) == len(inputs) and all(a is b for a, b in zip(own, inputs, strict=True))

    def _look_up(self, *inputs: Any, **options: Any) -> Any:
        """The backbone's output (B, …) for its input (B, …)."""
        assert self._run is not None
        if not self._stands_still():
            self._drop()
        elif self._own_inputs:
            if options or len(inputs) != 1 or len(self._batch.inputs) != 1:
                raise ValueError(
                    f"CacheFrozenFeatures: backbone={self.backbone} takes more than images; a text's features depend "
                    "on the width of its batch: remove the callback"
                )
            with torch.no_grad():
                return self._in_training(*inputs) if self._number is None else self._in_validation(*inputs)
        return self._run(*inputs, **options)

    def _stands_still(self) -> bool:
        """Return whether nothing before the features trains; if it has other values than before, it is begun anew."""
        if self._operations != len(self._model.operations):  # and with them the network's modules
            self._operations = len(self._model.operations)
            self._modules = modules_before(self._model.network, self._model.get_submodule(self.backbone))
            self._parameters = [p for module in self._modules for p in module.parameters(recurse=False)]
        if any(module.training for module in self._modules) or any(p.requires_grad for p in self._parameters):
            self._drop()
            return False
        if self._weights is None or self._weights.modules != self._modules or not self._weights.same():
            self._drop()
            self._weights = Weights(self._modules)
        return True

    def _in_training(self, inputs: Tensor) -> Tensor:
        assert self._run is not None
        self._train = self._train or ShuffledRows(self._items, self._run)
        return self._train.of(self._batch.index, inputs)

    def _in_validation(self, inputs: Tensor) -> Tensor:
        """The same batches come in every epoch."""
        assert self._run is not None
        assert self._number is not None
        index, rows = self._val.get(self._number, (None, None))
        if index is None or rows is None or not torch.equal(index, self._batch.index):
            rows = checked_rows(self._run(inputs), inputs)
            self._val[self._number] = self._batch.index, rows
        return rows


class Weights:
    """The parameters and buffers of modules as they are now, to be compared with later."""

    def __init__(self, modules: list[nn.Module]) -> None:
        self.modules = modules
        self._tensors = self._current()
        self._copies = [tensor.detach().clone() for tensor in self._tensors]
        self._versions = [tensor._version for tensor in self._tensors]

    def same(self) -> bool:
        """Return whether all values are what they were; compared only where something was written."""
        versions = [tensor._version for tensor in self._tensors]
        if versions == self._versions:
            return True
        self._tensors = self._current()
        self._versions = [tensor._version for tensor in self._tensors]
        return all(map(torch.equal, self._tensors, self._copies))

    def compare(self) -> None:
        """Compare all values when next asked: those that were written through ``data`` have the version they had."""
        self._versions = []

    def _current(self) -> list[Tensor]:
        own = (module.parameters(recurse=False) for module in self.modules)
        return [*chain(*own), *chain(*(module.buffers(recurse=False) for module in self.modules))]


def modules_before(network: nn.Module, backbone: nn.Module) -> list[nn.Module]:
    """The backbone's modules, and those that the network defines before it, but for the ones around it."""
    inside = set(backbone.modules())
    before: list[nn.Module] = []
    for module in network.modules():
        if module is backbone:
            return [*before, *backbone.modules()]
        if not inside & set(module.modules()):
            before.append(module)
    return [*before, *backbone.modules()]


def _submodule(pl_module: LightningModule, name: str) -> nn.Module:
    try:
        return pl_module.get_submodule(name)
    except AttributeError as error:
        raise ValueError(f"CacheFrozenFeatures: backbone={name} is no module of the model; name one of it") from error
