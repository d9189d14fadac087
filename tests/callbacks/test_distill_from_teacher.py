import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from callbacks.distill_from_teacher import DistillFromTeacher, soft_loss
from datamodules.mnist import MNIST
from lightning_modules.mnist_mlp import MnistMLP
from lightsmith.runs.trainer import ExperimentTrainer
from tests.conftest import REAL_DATA, Cli
from tests.tiny_task import tiny_trainer


def digits(**options: Any) -> MNIST:
    return MNIST(train_size=200, batch_size=50, image_size_px=28, **options)


def fitted(
    *callbacks: Any, data: MNIST | None = None, width: int = 16, seed: int = 0, **options: Any
) -> tuple[MnistMLP, ExperimentTrainer]:
    data = data or digits()
    torch.manual_seed(seed)
    model = MnistMLP(class_names=data.class_names, hidden_features=(width,), dropout=0.3, lr=0.01)
    quiet = {"accelerator": "cpu", "logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    options = {"max_epochs": 2, "limit_val_batches": 0, "enable_checkpointing": False, **quiet, **options}
    trainer = ExperimentTrainer(callbacks=list(callbacks), default_root_dir=Path.cwd(), **options)
    trainer.fit(model, datamodule=data)
    return model, trainer


@pytest.fixture
def teacher() -> MnistMLP:
    """A run folder with its checkpoint."""
    model, trainer = fitted(width=64, seed=1, max_epochs=8)
    trainer.save_checkpoint("runs/teacher/checkpoints/best.ckpt")
    return model.eval()


def divergence(student: MnistMLP, teacher: MnistMLP) -> float:
    images = digits().source_found.splits["test"].items
    batch = torch.from_numpy(images).permute(0, 3, 1, 2)
    with torch.no_grad():
        return float(soft_loss(student.eval()(batch), teacher(batch), 1.0))


def test_the_student_comes_closer_to_its_teacher(teacher: MnistMLP) -> None:
    alone, _ = fitted()
    student, _ = fitted(DistillFromTeacher("runs/teacher", temperature=2.0, alpha=1.0), max_epochs=4)
    longer, _ = fitted(max_epochs=4)
    assert divergence(student, teacher) < 0.8 * min(divergence(alone, teacher), divergence(longer, teacher))


def test_the_teacher_is_no_part_of_the_student(teacher: MnistMLP) -> None:
    callback = DistillFromTeacher("runs/teacher/checkpoints/best.ckpt")
    seen = {}

    class Look(DistillFromTeacher):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
            assert self._teacher is not None
            seen.update(self._teacher.state_dict())
            assert not any(module.training for module in self._teacher.modules())
            assert not any(parameter.requires_grad for parameter in self._teacher.parameters())
            groups = trainer.optimizers[0].param_groups
            assert sum(len(group["params"]) for group in groups) == len(list(pl_module.parameters()))

    student, trainer = fitted(Look("runs/teacher/checkpoints/best.ckpt"))
    assert all(torch.equal(value, seen[name]) for name, value in teacher.state_dict().items())
    assert not student.loss_transforms
    trainer.save_checkpoint("student.ckpt")
    plain, _ = fitted()
    assert list(torch.load("student.ckpt", weights_only=True)["state_dict"]) == list(plain.state_dict())
    assert callback._teacher is None  # nothing is read before a fit


def test_the_loss_is_that_of_the_paper() -> None:
    logits, taught = torch.tensor([[1.0, 3.0], [0.0, 0.5]]), torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    student, teacher = (logits / 2).softmax(1), (taught / 2).softmax(1)
    expected = 4 * (teacher * (teacher / student).log()).sum(1).mean()
    assert soft_loss(logits, taught, 2.0) == pytest.approx(float(expected))
    assert soft_loss(taught, taught, 2.0) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("alpha", [0.25, 1.0])
def test_alpha_weighs_teacher_against_labels(teacher: MnistMLP, alpha: float) -> None:
    callback = DistillFromTeacher("runs/teacher", temperature=1.0, alpha=alpha)
    callback._teacher = callback._student = teacher
    batch = digits().encoded_splits[0]["train"].__getitems__([0, 1, 2])
    logits = torch.zeros(3, 10)
    with torch.no_grad():
        soft = soft_loss(logits, teacher(*batch.inputs), 1.0)
    loss = callback._distill(batch, logits, torch.tensor(2.0))
    assert loss == pytest.approx((1 - alpha) * 2 + alpha * float(soft), rel=1e-5)


def test_a_teacher_of_something_else_is_refused_before_training(teacher: MnistMLP, tmp_path: Path) -> None:
    checkpoint = torch.load("runs/teacher/checkpoints/best.ckpt", weights_only=True)
    checkpoint["hyper_parameters"]["class_names"][0] = "nought"
    torch.save(checkpoint, "other.ckpt")
    cases: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("other.ckpt", "teacher=other.ckpt knows the classes .'nought', .* the data has", {}),
        ("none.ckpt", "no checkpoint at none.ckpt", {}),
        ("runs/teacher", "other image_size_px than", {"image_size_px": 20}),
    )
    for path, line, options in cases:
        data = MNIST(train_size=200, **{"image_size_px": 28, **options})
        with pytest.raises(ValueError, match=line):
            fitted(DistillFromTeacher(path), data=data)


def test_a_teacher_teaches_by_the_names_of_its_classes(teacher: MnistMLP) -> None:
    data = digits()
    backwards = MnistMLP(class_names=teacher.class_names[::-1])
    callback = DistillFromTeacher("runs/teacher", temperature=1.0, alpha=1.0)
    callback.setup(SimpleNamespace(load_run=lambda _: (teacher, data), datamodule=data), backwards, "fit")
    batch = data.encoded_splits[0]["train"].__getitems__([0, 1, 2])
    with torch.no_grad():
        agreeing = teacher(*batch.inputs).flip(1)
    assert callback._distill(batch, agreeing, torch.tensor(2.0)) == pytest.approx(0.0, abs=1e-6)


def test_a_teacher_that_reads_other_tokens_is_refused(teacher: MnistMLP) -> None:
    def data(*words: str) -> Any:
        return SimpleNamespace(tokenizer=Tokenizer(WordLevel({word: i for i, word in enumerate(words)})))

    trainer = SimpleNamespace(load_run=lambda _: (teacher, data("good", "film")), datamodule=data("film", "good"))
    with pytest.raises(ValueError, match="trained on inputs with other tokens than this data's"):
        DistillFromTeacher("x").setup(trainer, teacher, "fit")
    trainer.datamodule = data("good", "film")
    DistillFromTeacher("x").setup(trainer, teacher, "fit")


def test_a_home_folder_is_understood(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert DistillFromTeacher("~/runs/x").path == tmp_path / "runs/x"


def test_arguments_outside_their_range_are_refused() -> None:
    with pytest.raises(ValueError, match="temperature=0 must be above 0"):
        DistillFromTeacher("x", temperature=0)
    with pytest.raises(ValueError, match=r"alpha=0.0 must lie in \(0, 1\]"):
        DistillFromTeacher("x", alpha=0.0)


def test_lightnings_own_trainer_is_refused() -> None:
    data = digits()
    with pytest.raises(ValueError, match="needs a trainer that can load a run"):
        tiny_trainer(DistillFromTeacher("x"), max_epochs=1).fit(MnistMLP(class_names=data.class_names), datamodule=data)


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.timeout(900)
@pytest.mark.skipif(not REAL_DATA.is_dir(), reason=f"no real data at {REAL_DATA}")
def test_a_teacher_is_worth_labels(experiment: Cli, tmp_path: Path) -> None:
    def accuracy(*options: str) -> float:
        source = f"--data.source={REAL_DATA / 'mnist'}"
        assert experiment("mnist_mlp", source, "--loggers=[]", *options).code == 0
        results = json.loads((tmp_path / "runs/mnist_mlp/latest/results.json").read_text())
        return float(results["test"]["accuracy"])

    assert accuracy("--trainer.max_epochs=6") > 0.98
    teacher = (tmp_path / "runs/mnist_mlp/latest").resolve()
    few = ("--data.train_size=1000", "--data.batch_size=50", "--trainer.max_epochs=50")
    callback = "--trainer.callbacks+=callbacks.distill_from_teacher.DistillFromTeacher"
    taught = accuracy(*few, callback, f"--trainer.callbacks.teacher={teacher}")
    assert taught > accuracy(*few) + 0.015
