"""A run folder is a draft until a batch is trained: a command that ends before that leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer

from lightning_modules.training.quick_steps import SKIPPED
from lightsmith.run_folder import create_run_folder, has_checkpoint, point_latest
from lightsmith.terminal import print_once, shown


class RunDraft(Callback):
    """Takes back what a command wrote into a run folder, unless a batch was trained.

    Loggers and checkpoints need the folder before Lightning has asked all callbacks and loaders whether they can work.
    ``latest`` is pointed at a new run only once it has trained a batch.

    Args:
        folder: the run's.
        made: the folders that were made for a new run, innermost first; none for one that is continued.
        named: whether the folder's name was given, so that no ``latest`` beside it is of its kind.
    """

    quick_steps = SKIPPED

    def __init__(self, folder: Path, made: list[Path], named: bool = False) -> None:
        self.folder = folder
        self._made = made
        self._named = named
        self._begun = False
        # A resumed run replaces W&B's links to its newest part, and what lies at the top, such as metrics.csv.
        self._links = {path: path.readlink() for path in folder.rglob("*") if path.is_symlink()}
        self._kept = {path for path in folder.rglob("*") if path not in self._links}
        self._contents = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    @classmethod
    def new(cls, root: Path, experiment: str) -> RunDraft:
        """The draft of a new run.

        Raises:
            ValueError: the disk cannot be written.
        """
        above = [path for path in (root / experiment, root, *root.parents) if not path.exists()]
        folder = create_run_folder(root, experiment)
        return cls(folder, [folder, *above])

    @classmethod
    def at(cls, folder: Path) -> RunDraft:
        """The draft of a new run in a folder that was given.

        Raises:
            OSError: the disk cannot be written.
        """
        above = [path for path in folder.parents if not path.exists()]
        folder.mkdir(parents=True)  # which fails for all but one of several processes
        return cls(folder, [folder, *above], named=True)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._made and trainer.is_global_zero:
            print_once([f"run        writing {shown(self.folder)}/"])

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        if not self._begun and self._made and not self._named and trainer.is_global_zero:
            point_latest(self.folder)
        self._begun = True

    def take_back(self) -> None:
        """Leave the disk as it was before, unless a batch was trained."""
        if self._begun or (self._made and has_checkpoint(self.folder)):  # saved by a process that this one started
            return
        for path in sorted(self.folder.rglob("*"), reverse=True):  # a folder comes after what is in it
            if path not in self._kept:
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        for link, target in self._links.items():
            link.symlink_to(target)
        for file, content in self._contents.items():
            file.write_bytes(content)
        for folder in self._made:
            if any(folder.iterdir()):  # another run has begun there
                return
            folder.rmdir()
