"""The steps, losses, optimization and checkpoints that tasks of every kind share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple

from torch import Tensor
from torch.optim import Optimizer
from torchmetrics import Metric, MetricCollection

from lightning_modules.training.answer import Answer, Target
from lightning_modules.training.batch import Batch
from lightning_modules.training.loss_means import MeanOverItems, TrainingLoss, log_epoch, log_step, states_of_all_ranks
from lightning_modules.training.optimized_module import OptimizedModule
from lightning_modules.training.trainer_state import save_average

Direction = Literal["min", "max"]


class Headline(NamedTuple):
    """The metric by which models of a kind are chosen and compared, and whether lower or higher is better."""

    metric: str
    direction: Direction

    @property
    def unit(self) -> str:
        """The unit of ``worse_by``."""
        return f"points of {self.metric}" if self.direction == "max" else f"per cent of {self.metric}"

    def worse_by(self, before: float, after: float) -> float:
        """Compute how much worse a figure is: in points of a share (0…1), or per cent of one that is to be low."""
        if self.direction == "max":
            return 100 * (before - after)
        return 100 * (after - before) / before if before else 100 * after


class Task(OptimizedModule):
    """A network and how it learns.

    A kind of task, such as ``Classifier``, says what the outputs are, what is lost and what is measured; its
    ``__init__`` ends with ``measure``. A concrete task sets ``network``, which maps a batch's inputs to outputs (B, …),
    and its ``__init__`` hands the recipe on.

    Attributes:
        kind: name of the kind, in records.
        headline: what chooses the best checkpoint, and what progress, results and comparisons show.
        target: what has to stand beside an item of the data.
        answer_type: what its answers are.
        pretrained_by: arguments that name weights to begin with: null in every checkpoint, which holds all weights.
        width: how many outputs of an item the network has to make; None if that may be any number.
        shared_part: name of the submodule that a task of another class, with a part of this name, can begin with.
    """

    kind: ClassVar[str]
    headline: ClassVar[Headline]
    target: ClassVar[Target]
    answer_type: ClassVar[type[Answer]]
    pretrained_by: ClassVar[tuple[str, ...]] = ()
    width: int | None = None
    shared_part: ClassVar[str | None] = None

    def __init__(self, **recipe: Any) -> None:
        super().__init__(**recipe)
        self._training_loss = TrainingLoss()
        self.val_loss, self.test_loss = MeanOverItems(), MeanOverItems()

    def measure(self, metrics: Mapping[str, Metric]) -> None:
        """Measure these in validation and test, by name, in the order of records; the headline is among them."""
        assert self.headline.metric in metrics, f"{type(self).__name__} does not measure its headline"
        self.metric_names = list(metrics)
        self.val_metrics = MetricCollection(dict(metrics), prefix="val/")
        self.test_metrics = self.val_metrics.clone(prefix="test/")

    @property
    @abstractmethod
    def answer(self) -> Answer:
        """The answer: the parts of a prediction, and how they are written."""

    @abstractmethod
    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """The plain loss (), a mean over the items; it is what is logged."""

    @abstractmethod
    def predictions(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Compute the prediction of each item: float32 (B, len(answer.columns))."""

    def outputs(self, batch: Batch) -> Tensor:
        """Run the network: outputs float32 (B, …)."""
        outputs: Tensor = self(*batch.inputs)
        return outputs.float()

    def outputs_of(self, teacher: Task, batch: Batch) -> Tensor:
        """Run a trained model of the same kind; its outputs as this one would say them: float32 (B, …)."""
        return teacher.outputs(batch)

    def objective(self, outputs: Tensor, batch: Batch, loss: Tensor) -> Tensor:
        """Compute what training lowers, (): the plain ``loss``, or a kind's own; callbacks may change it further."""
        return loss

    def items(self, batch: Batch) -> int:
        """Count the items that the loss of a batch is a mean over."""
        return len(batch.index)

    def update(self, metrics: MetricCollection, outputs: Tensor, batch: Batch) -> None:
        """Take a batch into account."""
        metrics.update(outputs, batch.label)

    @property
    def measured(self) -> dict[str, Direction | None]:
        """The names that training and validation log, and whether lower or higher is better."""
        losses: dict[str, Direction | None] = dict.fromkeys(("train/loss", "train/loss_step", "val/loss"), "min")
        better: dict[bool | None, Direction | None] = {True: "max", False: "min", None: None}
        metrics = {name: better[metric.higher_is_better] for name, metric in self.val_metrics.items()}
        return {**losses, **metrics, "train/lr": None}

    def forward(self, *inputs: Tensor) -> Tensor:
        """Run the network: outputs (B, …)."""
        outputs: Tensor = self.network(*inputs)
        return outputs

    def on_train_start(self) -> None:
        self._training_loss.skips_nonfinite = self.skips_nonfinite
        # Resumed between an epoch's last batch and its end.
        if self._training_loss.items and self.trainer.is_last_batch:
            self._end_losses()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        for transform in self.batch_transforms.in_order():
            batch = transform(batch)
        outputs = self.outputs(batch)
        plain = self.loss(outputs, batch)
        if batch_idx == 0:
            self._training_loss.reset()  # of an epoch that was ended early, and did not go on
        self._training_loss.add(plain.detach(), self.items(batch))
        loss = self.objective(outputs, batch, plain)
        for change in self.loss_transforms.in_order():
            loss = change(batch, outputs, loss)
        return loss

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]  # set by Lightning's connector
        if every and (self.trainer.global_step + 1) % every == 0:  # the steps that loggers record
            log_step(self, self._training_loss)

    def on_train_batch_end(self, outputs: object, batch: Batch, batch_idx: int) -> None:
        if self.trainer.is_last_batch:
            self._end_losses()

    def on_train_epoch_end(self) -> None:
        if self._training_loss.items:  # a limit of steps or of time ended the epoch early: a resumed run goes on in it
            log_epoch(self, self._training_loss)

    def _end_losses(self) -> None:
        log_epoch(self, self._training_loss)
        self._training_loss.reset()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        outputs = self.outputs(batch)
        self.update(self.val_metrics, outputs, batch)
        self.val_loss.update(self.loss(outputs, batch), self.items(batch))

    def on_validation_epoch_end(self) -> None:
        self._log_and_reset("val/", self.val_loss, self.val_metrics)

    def test_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The ``predictions``, for callbacks."""
        outputs = self.outputs(batch)
        self.update(self.test_metrics, outputs, batch)
        self.test_loss.update(self.loss(outputs, batch), self.items(batch))
        return self.predictions(outputs, batch)

    def on_test_epoch_end(self) -> None:
        self._log_and_reset("test/", self.test_loss, self.test_metrics)

    def predict_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The ``predictions``."""
        return self.predictions(self.outputs(batch), batch)

    def _log_and_reset(self, prefix: str, loss: MeanOverItems, metrics: MetricCollection) -> None:
        """Log the figures, and how many items they are of."""
        shown = (f"{prefix}loss", f"{prefix}{self.headline.metric}")
        for name, value in {f"{prefix}loss": loss.compute(), **metrics.compute()}.items():
            self.log(name, value, prog_bar=name in shown)
        self.log(f"{prefix}n", loss.n.float(), reduce_fx="sum", sync_dist=True)
        loss.reset()
        metrics.reset()

    def restored_hyper_parameters(self) -> dict[str, Any]:
        """Hyper-parameters to change when the model is rebuilt from a checkpoint, which needs no pretrained weights."""
        return dict.fromkeys(self.pretrained_by)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Say what to rebuild the model and its preprocessing with, and of which data it learnt.

        The epoch's losses so far are kept too, so that a resumed run logs the same means.
        """
        save_average(self.trainer, checkpoint)
        checkpoint.setdefault("hyper_parameters", {}).update(self.restored_hyper_parameters())
        data = getattr(self.trainer, "datamodule", None)
        checkpoint["lightsmith"] = {
            "model": class_path(self),
            "data": class_path(data),
            "fingerprint": getattr(data, "fingerprint", None) if self.trainer.is_global_zero else None,
            "training_loss": states_of_all_ranks(self.trainer, self._training_loss),
            "operations": self.operations,
            "edits": self.edits,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Bring the network into the structure that the weights are of.

        Raises:
            ValueError: something else was done to it already.
        """
        own = checkpoint.get("lightsmith", {})
        self.repeat(own.get("operations", []))
        self.edits = own.get("edits", self.edits)
        if losses := own.get("training_loss"):
            self._training_loss.restore(losses[self.global_rank % len(losses)])


def class_path(instance: object) -> str:
    """The dotted name of an object's class, as a checkpoint or a YAML says it."""
    return f"{type(instance).__module__}.{type(instance).__qualname__}"
