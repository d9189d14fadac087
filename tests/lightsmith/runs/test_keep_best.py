"""A resumed training knows its best models wherever they lie, and says of those that are gone that they are."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from callbacks.save_last import SaveLast
from lightsmith.runs.exact_resume import ExactResume
from lightsmith.runs.keep_best import KeepBest
from tests.tiny_task import TinyData, TinyModel, tiny_trainer

SCORES = [0.5, 0.9, 0.7, 0.8, 0.6, 0.4]  # by epoch: the best is not the last
LAST = "run/checkpoints/last.ckpt"
pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory")


class LogScores(Callback):
    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        pl_module.log("score", SCORES[trainer.current_epoch])


def fit(epochs: int, folder: str = "run", ckpt_path: str | None = None, **options: Any) -> ModelCheckpoint:
    """What a run in a folder knows at its end, which is saved as last.ckpt."""
    options = {"filename": "best", "monitor": "score", "mode": "max", "enable_version_counter": False, **options}
    best = ModelCheckpoint(**options)
    best.dirpath = best.dirpath or f"{folder}/checkpoints"  # as it is typed, which Lightning would resolve
    keep, last = KeepBest(), SaveLast(saving_share=1)
    keep.run_folder, last.dirpath = Path(folder), f"{folder}/checkpoints"
    callbacks = [keep, LogScores(), best, last, ExactResume()]
    trainer = tiny_trainer(*callbacks, enable_checkpointing=True, max_epochs=epochs, num_sanity_val_steps=0)
    trainer.fit(TinyModel(), TinyData(), ckpt_path=ckpt_path, weights_only=True)
    return best


def known(best: ModelCheckpoint) -> dict[str, Any]:
    """By name of its file, the epoch and the score of each model that counts; the first is the best."""
    models = sorted(best.best_k_models.items(), key=lambda pair: -float(pair[1]))
    assert best.best_model_path == (models[0][0] if models else "")
    read = {path: torch.load(path, weights_only=True)["epoch"] for path, _ in models}
    return {Path(path).name: (read[path], round(float(score), 3)) for path, score in models}


def relative(_: Path) -> str:
    return "run"


def absolute(run: Path) -> str:
    return str(run.resolve())


def moved(run: Path) -> str:
    return str(run.rename("elsewhere"))


def copied(run: Path) -> str:
    return str(shutil.copytree(run, "copy"))


@pytest.mark.parametrize("lies", [relative, absolute, moved, copied])
def test_the_best_stays_the_best(lies: Any) -> None:
    fit(2)
    folder = lies(Path("run"))
    best = fit(6, folder, f"{folder}/checkpoints/last.ckpt")
    assert known(best) == {"best.ckpt": (1, 0.9)}
    assert Path(best.best_model_path).parent == Path(folder) / "checkpoints"


# Lightning warns of the earlier key before anybody can rename it; the command line leaves that out.
@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")
@pytest.mark.parametrize("every", [{"every_n_epochs": 2}, {"every_n_epochs": 3}], ids=str)
def test_a_change_of_how_often_is_in_force_and_forgets_no_best(every: dict[str, int]) -> None:
    fit(1)
    best = fit(6, "run", LAST, **every)
    # Scores are 0.5 in the first epoch, and from then on of every second 0.9, 0.8, 0.4, or of every third 0.7, 0.4.
    assert known(best) == {"best.ckpt": (1, 0.9) if every["every_n_epochs"] == 2 else (2, 0.7)}
    later = fit(6, "run", LAST)
    assert known(later) == known(best)


def test_resumed_from_another_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    fit(2)
    Path("below").mkdir()
    monkeypatch.chdir("below")
    assert known(fit(6, "../run", f"../{LAST}")) == {"best.ckpt": (1, 0.9)}


def test_a_checkpoint_names_nothing_but_files_of_its_run() -> None:
    fit(2)
    (state,) = (s for s in torch.load(LAST, weights_only=True)["callbacks"].values() if "dirpath" in s)
    assert (state["dirpath"], state["best_model_path"]) == ("checkpoints", "checkpoints/best.ckpt")
    assert list(state["best_k_models"]) == ["checkpoints/best.ckpt"]


def test_a_checkpoint_of_before_is_understood() -> None:
    fit(2)
    checkpoint = torch.load(LAST, weights_only=True)
    (state,) = (s for s in checkpoint["callbacks"].values() if "dirpath" in s)
    old = "runs/mnist_mlp/20260101-000000/checkpoints"
    state |= {"dirpath": old, "best_model_path": f"{old}/best.ckpt", "kth_best_model_path": f"{old}/best.ckpt"}
    state["best_k_models"] = {f"{old}/best.ckpt": score for score in state["best_k_models"].values()}
    torch.save(checkpoint, LAST)
    assert known(fit(6, ckpt_path=LAST)) == {"best.ckpt": (1, 0.9)}


def test_the_best_three_are_known_with_their_order_and_the_worst_makes_place() -> None:
    three: dict[str, Any] = {"save_top_k": 3, "filename": "{epoch}"}
    fit(3, **three)
    Path("run").rename("elsewhere")
    best = fit(4, "elsewhere", "elsewhere/checkpoints/last.ckpt", **three)
    assert known(best) == {"epoch=1.ckpt": (1, 0.9), "epoch=3.ckpt": (3, 0.8), "epoch=2.ckpt": (2, 0.7)}
    assert not Path("elsewhere/checkpoints/epoch=0.ckpt").exists()
    assert Path(best.kth_best_model_path).name == "epoch=2.ckpt"


def test_fewer_may_be_kept_from_now_on() -> None:
    fit(3, save_top_k=3, filename="{epoch}")
    assert known(fit(6, ckpt_path=LAST, filename="{epoch}")) == {"epoch=1.ckpt": (1, 0.9)}


def test_a_folder_of_ones_own_stays_where_it_was_said_to_be() -> None:
    own = str(Path("mine").absolute())
    fit(2, dirpath=own)
    Path("run").rename("elsewhere")
    best = fit(6, "elsewhere", "elsewhere/checkpoints/last.ckpt", dirpath=own)
    assert (best.dirpath, known(best)) == (own, {"best.ckpt": (1, 0.9)})
    other = fit(6, "elsewhere", "elsewhere/checkpoints/last.ckpt", dirpath=str(Path("other").absolute()))
    assert known(other) == {"best.ckpt": (1, 0.9)}
    assert Path("other/best.ckpt").is_file()


def test_without_a_metric_the_newest_is_known() -> None:
    plain: dict[str, Any] = {"monitor": None, "filename": "{epoch}"}
    fit(2, **plain)
    Path("run").rename("elsewhere")
    best = fit(3, "elsewhere", "elsewhere/checkpoints/last.ckpt", **plain)
    assert Path(best.best_model_path) == Path("elsewhere/checkpoints/epoch=2.ckpt")
    assert not Path("elsewhere/checkpoints/epoch=1.ckpt").exists()


def test_a_new_run_from_another_s_checkpoint_takes_the_best_along() -> None:
    fit(2)
    best = fit(6, "new", LAST)
    assert known(best) == {"best.ckpt": (1, 0.9)}
    assert Path(best.best_model_path) == Path("new/checkpoints/best.ckpt")
    assert Path("run/checkpoints/best.ckpt").is_file()


def remove() -> None:
    Path("run/checkpoints/best.ckpt").unlink()


def damage() -> None:
    Path("run/checkpoints/best.ckpt").write_bytes(b"PK")


def overwrite() -> None:
    """As the same run did later, before its last.ckpt was lost."""
    shutil.copy(LAST, "stale.ckpt")
    SCORES[2] = 0.95
    fit(3, ckpt_path=LAST)
    SCORES[2] = 0.7
    shutil.copy("stale.ckpt", LAST)


@pytest.mark.parametrize("lose", [remove, damage, overwrite])
def test_a_best_that_is_gone_counts_no_longer_and_is_said_to_be(lose: Any, capsys: pytest.CaptureFixture[str]) -> None:
    fit(2)
    lose()
    assert known(fit(6, ckpt_path=LAST)) == {"best.ckpt": (3, 0.8)}
    assert "checkpoints/best.ckpt is not there as it was saved" in capsys.readouterr().out


def test_what_is_evaluated_does_not_change_what_is_best() -> None:
    best = fit(3)
    trainer = tiny_trainer(KeepBest(), best, enable_checkpointing=True)
    Path("run/checkpoints/best.ckpt").rename("moved.ckpt")
    trainer.test(TinyModel(), TinyData(), ckpt_path="moved.ckpt", verbose=False, weights_only=True)
    assert best.best_model_path.endswith("run/checkpoints/best.ckpt")
