"""Steps of a training made in a row, of which Lightning sees the last: ``model.steps_per_call``.

Lightning asks hundreds of questions at each batch, which take longer than the step of a small network. Most of their
answers can change only where something is due: a validation, a line in the logs, the end of an epoch or of the run. In
between, steps are made here with the same operations in the same order, and every batch is counted as Lightning does.
So a position, and with it a checkpoint, is the same whatever the number of steps, and weights are to the bit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from lightning.pytorch import Callback, LightningModule
from lightning.pytorch.callbacks import GradientAccumulationScheduler, ModelCheckpoint
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import Tensor

from lightning_modules.training.quick_steps import HEARD
from lightning_modules.training.task import Task
from lightsmith.runs.empty_hooks import IN_A_STEP, fills

LONGEST_SECONDS = 0.05  # that a call may take where its steps were not given: so long a signal may have to wait
MOST_STEPS = 32  # of such a call
PRECISIONS = ("32-true", "bf16-mixed")
# Of a module: what a step made here does not call.
UNUSED = (
    *("on_before_batch_transfer", "transfer_batch_to_device", "on_after_batch_transfer", "on_train_batch_end"),
    *("on_before_zero_grad", "on_before_backward", "on_after_backward", "backward"),
    *("optimizer_step", "optimizer_zero_grad", "lr_scheduler_step", "configure_optimizers"),
)


def obstacle(trainer: Any, module: LightningModule) -> str | None:
    """Name the setting with which steps cannot be made in a row; None if there is no such."""
    if trainer.accumulate_grad_batches > 1 or _has(trainer, GradientAccumulationScheduler):
        return f"trainer.accumulate_grad_batches={trainer.accumulate_grad_batches}"
    if type(trainer.strategy) is not SingleDeviceStrategy:
        return f"{trainer.world_size} processes" if trainer.world_size > 1 else type(trainer.strategy).__name__
    if trainer.precision not in PRECISIONS:
        return f"trainer.precision={trainer.precision}"
    if not getattr(trainer.profiler, "measures_nothing", False):
        return f"trainer.profiler={type(trainer.profiler).__name__}, which measures every call of Lightning's"
    for callback in trainer.callbacks:
        if _acts_at_each_batch(callback):
            return f"{type(callback).__name__}, which acts at every batch"
    own = [name for name in UNUSED if getattr(type(module), name) is not getattr(Task, name)]
    return f"{type(module).__name__}.{own[0]}, which acts at every batch" if own else None


def check_steps_per_call(trainer: Any, module: Any) -> None:
    """Refuse a given number of steps that cannot be made in a row.

    Raises:
        ValueError: naming the setting that stands against it.
    """
    steps = getattr(module, "steps_per_call", None)
    if steps is not None and steps > 1 and (against := obstacle(trainer, module)):
        raise ValueError(f"model.steps_per_call={steps} does not go with {against}: leave one of the two out")


def _has(trainer: Any, kind: type[Callback]) -> bool:
    return any(isinstance(callback, kind) for callback in trainer.callbacks)


def _acts_at_each_batch(callback: Callback) -> bool:
    if isinstance(callback, ModelCheckpoint):
        return callback._every_n_train_steps > 0
    says_nothing = not hasattr(callback, "quick_steps")
    return says_nothing and any(fills(callback, name) for name in IN_A_STEP)


class QuickSteps:
    """Makes the steps of a call but for its last, which is Lightning's.

    Args:
        loop: Lightning's, of the batches of an epoch.
    """

    def __init__(self, loop: Any) -> None:
        self.loop = loop
        self.trainer: Any = loop.trainer
        self._steps: int | None = None  # of a call; None for as many as there is time for
        self._seconds = math.inf  # of a step, in the last call
        self._hooks: dict[str, list[Callable[..., Any]]] = {}
        self._before = 0.0  # when the call began

    def begin_epoch(self) -> None:
        """Find out who is to hear of every step; callbacks may have changed."""
        module, callbacks = self.trainer.lightning_module, self.trainer.callbacks
        self._steps = getattr(module, "steps_per_call", 1)
        if self._steps != 1 and obstacle(self.trainer, module):
            self._steps = 1
        heard = [callback for callback in callbacks if getattr(callback, "quick_steps", None) == HEARD]
        for name in IN_A_STEP:
            self._hooks[name] = [getattr(callback, name) for callback in heard if fills(callback, name)]

    def make(self, fetcher: Any) -> int:
        """Make the steps that nothing is due at, and return how many."""
        self._before = time.perf_counter()
        one_by_one = self._steps == 1 or self.loop.restarting  # Lightning looks first where it was interrupted
        count = 0 if one_by_one else min(self._steps_of_call() - 1, self._free())
        made = 0
        while made < count and (self._steps or time.perf_counter() - self._before < LONGEST_SECONDS):
            batch, _, _ = next(fetcher)
            self._step(batch, self.loop.batch_progress.current.ready)
            made += 1
        return made

    def called(self, steps: int) -> None:
        """Note how long a call took."""
        self._seconds = (time.perf_counter() - self._before) / steps

    def _steps_of_call(self) -> int:
        if self._steps is not None:
            return self._steps
        return max(1, min(MOST_STEPS, int(LONGEST_SECONDS / self._seconds)))

    def _free(self) -> int:
        """Count the steps until one at which something is due: that one is Lightning's."""
        trainer, done = self.trainer, self.loop.batch_progress.current.ready
        every = trainer.log_every_n_steps or math.inf
        between = trainer.val_check_batch or math.inf
        batches = self.loop.total_batch_idx + 1 if trainer.check_val_every_n_epoch is None else done
        if trainer.should_stop or math.isinf(trainer.num_training_batches):
            return 0
        steps = trainer.max_steps - trainer.global_step if trainer.max_steps > 0 else math.inf
        logged = min(every - counted % every for counted in (trainer.global_step, self.loop._batches_that_stepped))
        due = (trainer.num_training_batches - done, between - batches % between, steps, logged)
        return int(min(due)) - 1

    def _step(self, batch: Any, index: int) -> None:
        trainer, module = self.trainer, self.trainer.lightning_module
        data, progress, device = trainer.datamodule, self.loop.batch_progress, trainer.strategy.root_device
        batch = data.transfer_batch_to_device(data.on_before_batch_transfer(batch, 0), device, 0)
        batch = data.on_after_batch_transfer(batch, 0)
        progress.is_last_batch = False
        progress.increment_ready()
        self._call("on_train_batch_start", batch, index)
        module.on_train_batch_start(batch, index)
        progress.increment_started()
        with trainer.precision_plugin.train_step_context():
            loss = module.training_step(batch, index)
        self._optimize(loss)
        progress.increment_processed()
        self._move_rates()
        self._call("on_train_batch_end", {"loss": loss.detach()}, batch, index)
        progress.increment_completed()
        self.loop._batches_that_stepped += 1

    def _optimize(self, loss: Tensor) -> None:
        trainer, module, optimizer = self.trainer, self.trainer.lightning_module, self.trainer.optimizers[0]
        progress = self.loop.automatic_optimization.optim_progress.optimizer
        self._call("on_before_zero_grad", optimizer)
        progress.zero_grad.increment_ready()
        progress.zero_grad.increment_started()
        optimizer.zero_grad()
        progress.zero_grad.increment_completed()
        self._call("on_before_backward", loss)
        loss.backward()
        self._call("on_after_backward")
        self._call("on_before_optimizer_step", optimizer)
        module.on_before_optimizer_step(optimizer)
        module.configure_gradient_clipping(optimizer, trainer.gradient_clip_val, trainer.gradient_clip_algorithm)
        progress.step.increment_ready()
        optimizer.step()
        progress.step.increment_completed()

    def _move_rates(self) -> None:
        for config in self.trainer.lr_scheduler_configs:
            self.loop.scheduler_progress.increment_ready()
            config.scheduler.step()
            self.loop.scheduler_progress.increment_completed()

    def _call(self, name: str, *arguments: Any) -> None:
        for hook in self._hooks[name]:
            hook(self.trainer, self.trainer.lightning_module, *arguments)
