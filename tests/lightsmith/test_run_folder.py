from pathlib import Path

import pytest

from lightsmith import run_folder
from lightsmith.run_folder import (
    BEST_CHECKPOINT,
    check_writable,
    checkpoint_of,
    create_run_folder,
    home_of,
    interrupted_run,
    point_latest,
)
from tests.conftest import Cli


class Noon:
    """A clock that stands still."""

    @staticmethod
    def now() -> "Noon":
        return Noon()

    def strftime(self, _: str) -> str:
        return "20260102-120000"


def test_two_runs_in_the_same_second_get_two_folders_and_latest_is_the_one_it_is_pointed_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_folder, "datetime", Noon)
    first, second, third = (create_run_folder(tmp_path, "x") for _ in range(3))
    assert [folder.name for folder in (first, second, third)] == [f"20260102-120000{n}" for n in ("", "-2", "-3")]
    assert len(list((tmp_path / "x").iterdir())) == 3
    for folder in (third, second):
        point_latest(folder)
        assert (tmp_path / "x" / "latest").resolve() == folder
    assert len(list((tmp_path / "x").iterdir())) == 4


def test_folder_is_named_after_the_time(tmp_path: Path) -> None:
    folder = create_run_folder(tmp_path, "x")
    day, _, time = folder.name.partition("-")
    assert (len(day), len(time), (day + time).isdigit()) == (8, 6, True)


def test_runs_below_a_file_are_refused_and_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for refuse in (check_writable, lambda root: create_run_folder(root, "x")):
        with pytest.raises(ValueError, match=r"--runs=.*name a folder that can"):
            refuse(tmp_path / "file" / "runs")
    check_writable(tmp_path / "not" / "yet")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_forbids_writing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everywhere, so permissions cannot say it
    with pytest.raises(ValueError, match="cannot be written"):
        check_writable(tmp_path)


def test_only_a_run_with_a_checkpoint_can_be_continued(tmp_path: Path) -> None:
    folder = create_run_folder(tmp_path, "x")
    with pytest.raises(ValueError, match="nothing was saved yet"):
        interrupted_run(folder)
    with pytest.raises(ValueError, match="is not a folder"):
        interrupted_run(tmp_path / "nope")
    point_latest(folder)
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "last.ckpt").write_text("")
    assert interrupted_run(tmp_path / "x" / "latest") == folder


@pytest.mark.parametrize("given", ["runs/mine", "mine"])
def test_an_experiment_in_place_of_a_run_is_answered_with_its_newest_run(
    lightsmith: Cli, experiment: Cli, given: str
) -> None:
    Path("runs/mine/latest").mkdir(parents=True)
    Path("x.txt").touch()
    outcomes = [
        lightsmith("classify", f"--run={given}", "--input=x.txt"),
        lightsmith("evaluate", f"--run={given}", "--data=sample"),
        lightsmith("export", f"--run={given}"),
        *(experiment("mnist_mlp", f"--{option}={given}") for option in ("resume", "init_from")),
        experiment("mnist_mlp", f"--ckpt_path={given}", verb="test"),
    ]
    for outcome in outcomes:
        assert (outcome.code, outcome.err.count("\n")) == (2, 1)
        assert outcome.err.endswith("; did you mean runs/mine/latest?\n")


def test_a_model_belongs_to_the_folder_of_its_run() -> None:
    Path("runs/x/checkpoints").mkdir(parents=True)
    Path("runs/x/checkpoints/best.ckpt").touch()
    Path("alone.ckpt").touch()
    run = Path("runs/x").resolve()
    assert home_of(Path("runs/x")) == home_of(Path("runs/x/checkpoints/best.ckpt")) == run
    assert home_of(Path("alone.ckpt")) == Path.cwd()


def test_a_folder_stands_for_its_best_checkpoint_and_a_file_for_itself(tmp_path: Path) -> None:
    assert checkpoint_of(tmp_path) == tmp_path / BEST_CHECKPOINT
    assert checkpoint_of(tmp_path / "other.ckpt") == tmp_path / "other.ckpt"
