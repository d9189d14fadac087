"""A resumed training that ends bit-identical to one that was never interrupted."""

from __future__ import annotations

import os
import random
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, GradientAccumulationScheduler, ModelCheckpoint
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from lightning_modules.training.editable_module import EditableModule
from lightning_modules.training.stop_reasons import stop_reasons

KEY = "exact_resume"
COUNTS = ("ready", "started", "processed", "completed")
Progress = dict[str, dict[str, int]]
T = TypeVar("T")


class ExactResume(Callback):
    """Completes a checkpoint: random generators, half-accumulated gradients, the decision to stop, a settled position.

    Lightning saves none of these, and describes a position by the hook that it was saved in, of which it repeats or
    leaves out a part. Checkpoints saved at the end of a batch or of an epoch become exact. The batches follow from the
    position, which a data module that has a ``start`` is told before it makes its loader. Restored on as many processes
    as saved it. A training of several processes that restores no generators begins with others on each, after all have
    drawn the same initial weights.
    """

    def __init__(self) -> None:
        self._restored: dict[str, Any] = {}
        self._settings: dict[str, Any] = {}  # of the model, when it was saved

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        own = {
            "generators": generator_states(trainer.strategy.root_device),
            "gradients": _gradients(trainer, pl_module),
        }
        validates = _validates(trainer)
        ended = settle(
            checkpoint["loops"]["fit_loop"], stepped=not trainer.fit_loop._should_accumulate(), validates=validates
        )
        checkpoint[KEY] = {
            "ranks": _from_all_ranks(trainer, own),
            "should_stop": trainer.should_stop,
            "stop_reasons": list(stop_reasons(trainer)),
            "metrics": {name: float(value) for name, value in trainer.callback_metrics.items()},
            "unlogged": _unlogged(trainer) if ended and trainer.training else {},
            "of_epoch": _of_epoch(trainer) if trainer.validating else {},
            "steps_logged": trainer.global_step - (ended == "batch" and validates),
        }

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        self._restored = checkpoint.get(KEY, {})
        for callback in trainer.callbacks:  # type: ignore[attr-defined]  # set by Lightning's connector
            saved = checkpoint["callbacks"].get(callback.state_key, {})
            if isinstance(callback, ModelCheckpoint):  # which saves this and forgets to restore it
                callback.current_score = saved.get("current_score")
            elif isinstance(callback, EarlyStopping) and saved:  # which would forget what it was told now
                saved["patience"] = callback.patience
        data: Any = getattr(trainer, "datamodule", None)
        self._settings = checkpoint["hyper_parameters"]
        if trainer.state.fn == TrainerFn.FITTING and hasattr(data, "start"):
            loop = checkpoint["loops"]["fit_loop"]
            epoch, batch = (loop[name]["current"] for name in ("epoch_progress", "epoch_loop.batch_progress"))
            processes = len(self._restored.get("ranks", [])) or trainer.world_size
            before = checkpoint["datamodule_hyper_parameters"]["batch_size"] * processes
            now = data.batch_size * trainer.world_size
            batch |= {name: count * before // now for name, count in batch.items()}  # as many items are done
            data.start = (epoch["completed"], batch["completed"])

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        restored, self._restored = self._restored, {}
        ranks = restored.get("ranks", [])
        if len(ranks) == trainer.world_size:
            own = ranks[trainer.global_rank]
            set_generator_states(own["generators"], trainer.strategy.root_device)
            for name, gradient in own["gradients"].items():
                parameter = pl_module.get_parameter(name)
                parameter.grad = gradient.to(parameter)
        elif trainer.world_size > 1:
            seed_by_rank(trainer.global_rank, trainer.global_step)
        for callback in trainer.callbacks:  # type: ignore[attr-defined]  # set by Lightning's connector
            if isinstance(callback, GradientAccumulationScheduler):  # which sets this only where an epoch begins
                trainer.accumulate_grad_batches = callback.get_accumulate_grad_batches(trainer.current_epoch)
        metrics = {name: torch.tensor(value) for name, value in restored.get("metrics", {}).items()}
        trainer.callback_metrics.update(metrics)  # for who asks before the next validation
        if restored.get("should_stop"):  # unless the settings are others now, and it would not have been stopped
            trainer.should_stop = not restored.get("stop_reasons") or any(stop_reasons(trainer))
        if restored and isinstance(pl_module, EditableModule):
            pl_module.follow_settings(self._settings)
        for name, value in restored.get("of_epoch", {}).items():
            pl_module.log(name, value, on_step=False, on_epoch=True, batch_size=1)
        if restored.get("unlogged"):
            trainer._logger_connector.log_metrics(restored["unlogged"], step=trainer.global_step - 1)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        total: Any = trainer.fit_loop.epoch_loop.val_loop.batch_progress.total
        total.ready = total.started = total.completed  # not the batch that ``settle`` says has begun


def came_before(row: dict[str, str], checkpoint: dict[str, Any]) -> bool:
    """Return whether a row of metrics.csv was logged before a checkpoint and will not be again from there."""
    steps, own = checkpoint.get("global_step", 0), checkpoint.get(KEY, {})
    logged = {name for name, value in row.items() if value and name not in ("step", "epoch")}
    again = int(row["step"]) == steps - 1 and logged <= own.get("unlogged", {}).keys()
    return int(row["step"]) < own.get("steps_logged", steps) and not again


def generator_states(device: torch.device) -> dict[str, Any]:
    """The states of Python's, NumPy's and torch's global generators, as plain values and tensors."""
    name, keys, *rest = np.random.get_state()
    states: dict[str, Any] = {"python": random.getstate(), "torch": torch.get_rng_state()}
    states["numpy"] = [name, torch.from_numpy(np.asarray(keys, np.int64)), *rest]
    if device.type != "cpu":
        states["device"] = getattr(torch, device.type).get_rng_state()
    return states


def set_generator_states(states: dict[str, Any], device: torch.device) -> None:
    """Put back what ``generator_states`` gave; a device's own is left alone where the device has changed."""
    random.setstate(states["python"])
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(states["torch"])
    if "device" in states and device.type != "cpu":
        getattr(torch, device.type).set_rng_state(states["device"])


def seed_by_rank(rank: int, step: int) -> None:
    """Seed Python's, NumPy's and torch's global generators for one of several processes, from ``seed_everything``.

    Args:
        step: of the optimizer, so that a resumed training does not draw again what it drew at its beginning.
    """
    entropy = (int(os.environ.get("PL_GLOBAL_SEED", "0")), rank, step)
    seed = int(np.random.SeedSequence(entropy).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)  # of every device


def settle(loop: dict[str, Any], stepped: bool, validates: bool) -> Literal["epoch", "batch"] | None:
    """Describe the end of a batch or epoch as a position between two of them, in the state of Lightning's fit loop.

    Args:
        loop: changed in place.
        stepped: whether the batch ended with an optimizer step, which Lightning counts after validation.
        validates: whether a validation follows or is under way. It will be done from its beginning.

    Returns:
        What has just ended, if anything.
    """
    epoch, batch = loop["epoch_progress"], loop["epoch_loop.batch_progress"]
    if epoch["current"]["processed"] == epoch["current"]["started"]:
        if batch["current"]["ready"] > 0 and not batch["is_last_batch"]:  # stopped within it, from where it may go on
            for counts in (epoch["total"], epoch["current"]):
                counts["processed"] = counts["completed"] = counts["processed"] - 1
            _complete(batch)
            return None
        for progress in (epoch, batch):
            _complete(progress)
        batch["current"] = dict.fromkeys(COUNTS, 0)
        batch["is_last_batch"] = False
        return "epoch"
    ended = batch["current"]["processed"] > batch["current"]["completed"]
    _complete(batch)
    if validates:  # an evaluation that has begun, with no batch done: Lightning goes back to it
        begun = {"ready": 1, "started": 1, "processed": 0, "completed": 0}
        loop["epoch_loop.val_loop.batch_progress"] |= {"total": begun, "current": dict.fromkeys(COUNTS, 0)}
    elif ended:
        loop["epoch_loop.state_dict"]["_batches_that_stepped"] += stepped
    return "batch" if ended else None


def _complete(progress: Progress) -> None:
    for counts in (progress["total"], progress["current"]):
        counts["completed"] = counts["ready"]


def _validates(trainer: Trainer) -> bool:
    loop = trainer.fit_loop.epoch_loop
    fetcher = trainer.fit_loop._data_fetcher
    return trainer.validating or (fetcher is not None and loop._should_check_val_fx(fetcher))


def _unlogged(trainer: Trainer) -> dict[str, float]:
    """The metrics that Lightning hands to the loggers only after the hook that a checkpoint is saved in."""
    connector = trainer._logger_connector
    within_epoch = connector._first_loop_iter is not None
    if within_epoch and (trainer.fit_loop._should_accumulate() or not connector.should_update_logs):
        return {}
    metrics = {name: float(value) for name, value in connector.metrics["log"].items()}
    if not metrics:
        return {}
    return {**metrics, "epoch": trainer.current_epoch}


def _of_epoch(trainer: Trainer) -> dict[str, Tensor]:
    """The metrics of an epoch whose last batch is done, which Lightning hands to the loggers after the validation."""
    epoch_loop = trainer.fit_loop.epoch_loop
    if not epoch_loop.batch_progress.is_last_batch:
        return {}
    return {name: value.cpu() for name, value in epoch_loop._results.metrics(on_step=False)["log"].items()}


def _gradients(trainer: Trainer, module: LightningModule) -> dict[str, Tensor]:
    if not trainer.fit_loop._should_accumulate():
        return {}
    return {name: parameter.grad for name, parameter in module.named_parameters() if parameter.grad is not None}


def _from_all_ranks(trainer: Trainer, own: T) -> list[T]:
    """Gather an object of each process, in the order of their ranks."""
    ranks = [own] * trainer.world_size
    if trainer.world_size > 1:
        torch.distributed.all_gather_object(ranks, own)
    return ranks
