"""The start of a run: a checkpoint that it goes on from, another run's weights, or nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonargparse import Namespace
from lightning.pytorch.callbacks import WeightAveraging
from lightning.pytorch.utilities import rank_zero_only

from datamodules.sources.labels.classes import class_list
from datamodules.sources.labels.known_classes import same_classes
from lightning_modules.training.task import Task, class_path
from lightsmith.checkpoints.newest_checkpoint import newest_checkpoint
from lightsmith.checkpoints.rebuild import check_fits, check_task, read_checkpoint, repeat_operations, restore_data
from lightsmith.checkpoints.starting_weights import shared_part, start_from, weights_file
from lightsmith.launch.torchrun import restarted_run
from lightsmith.run_folder import BEST_CHECKPOINT, check_free, check_writable, interrupted_run
from lightsmith.settings.experiments import experiment_name, run_name
from lightsmith.settings.parse_errors import imported
from lightsmith.settings.yaml_files import read_settings
from lightsmith.terminal import one_line, print_once, shown

if TYPE_CHECKING:
    from datamodules.split_data import SplitData
    from lightsmith.runs.trainer import ExperimentTrainer

# Options of data that say what a network is given of an item; and those of a new tokenizer, when one is restored.
PREPROCESSING = ("image_size_px", "resize_px", "max_tokens", "head_fraction")
PATHS = ("runs", "folder", "resume", "init_from", "ckpt_path")
OF_TOKENIZER = ("max_vocabulary", "tokenizer_of")


def experiment_of(options: Namespace) -> str:
    """The name of the experiment that a command runs, from its options.

    Raises:
        ValueError: no folder can have that name.
    """
    if options.resume is not None:
        return run_name(interrupted_run(options.resume))
    name: str = options.experiment or experiment_name([Path(str(file)) for file in options.config or []])
    if Path(name).name != name or name == "..":
        raise ValueError(f"experiment={name!r} must be a plain name: a folder in {options.runs} carries it")
    return name


def find_home(options: Namespace) -> None:
    """Write out ``~/`` in the paths of a command's options, which is changed in place."""
    for name in PATHS:
        if options.get(name) is not None:
            options[name] = type(options[name])(os.path.expanduser(options[name]))  # noqa: PTH111  # none without a home


def find_start(options: Namespace, experiment: str) -> Path | None:
    """Settle which checkpoint or weights a recorded run starts from, and write it into its options.

    Args:
        options: the parsed options of the command; ``resume``, ``ckpt_path`` and ``init_from`` are changed in place.
        experiment: the name that the run's folder carries.

    Returns:
        The folder of the run to continue, or None for a new run.

    Raises:
        ValueError: nothing can be written there, or there is nothing to start from.
    """
    check_writable(options.runs)
    _check_folder(options.folder, options.resume)
    options.resume = options.resume or restarted_run(options.runs / experiment)
    if options.resume is not None:
        folder = interrupted_run(options.resume)
        options.ckpt_path = str(newest_checkpoint(folder))
        return folder
    if options.init_from is not None and options.ckpt_path is None:
        options.init_from = weights_file(options.init_from)
    return None


@rank_zero_only  # the other processes of a run begin when it has its folder
def _check_folder(folder: Path | None, resume: Path | None) -> None:
    """Refuse a folder for a new run that is none, or where a run goes on in its own."""
    if folder is not None and resume is not None:
        raise ValueError(f"--folder={folder}: a resumed run goes on in its own folder; leave --folder or --resume out")
    if folder is not None:
        check_free(folder)


def check_trained(options: Namespace, verb: str | None) -> None:
    """Refuse to evaluate without a trained model.

    Raises:
        ValueError: ``ckpt_path`` is not given.
    """
    if options.ckpt_path is None:
        raise ValueError(f"{verb} needs a trained model: --ckpt_path=<run folder>/{BEST_CHECKPOINT}")


def check_continues(checkpoint: dict[str, Any], options: Namespace, trainer: ExperimentTrainer, model: Task) -> None:
    """Refuse settings that a training cannot go on with from a checkpoint; all others count from its next step on.

    Raises:
        ValueError: another optimizer or seed, fewer epochs than are done, or an average of weights is given up.
    """
    other = "start a new run from its weights with --init_from=<run>"
    optimizer = checkpoint["hyper_parameters"].get("optimizer", model.optimizer_name)
    if model.optimizer_name != optimizer:
        raise ValueError(
            f"model.optimizer={model.optimizer_name}: {options.ckpt_path} has the state of {optimizer}, with which "
            f"{model.optimizer_name} cannot go on; keep it, or {other}"
        )
    done = checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"]
    if trainer.max_epochs is not None and 0 <= trainer.max_epochs < done:
        raise ValueError(f"trainer.max_epochs={trainer.max_epochs}: {done} epochs are done already")
    averages = any(isinstance(callback, WeightAveraging) for callback in trainer.callbacks)
    if "current_model_state" in checkpoint and not averages:
        raise ValueError(
            f"trainer.callbacks lacks the weight averaging that {options.ckpt_path} was saved with: keep it, or {other}"
        )
    seed = options.resume and _seed_of(options.resume)
    if seed not in (None, options.seed_everything):
        raise ValueError(
            f"seed_everything={options.seed_everything}: the run began with {seed}, which its data and order follow; "
            "keep it, or start a new run"
        )


def _seed_of(run: Path) -> int | None:
    seed: int | None = read_settings(run / "config.yaml").get("seed_everything")
    return seed


def read_start(options: Namespace) -> dict[str, Any]:
    """The checkpoint that ``resume``, ``ckpt_path`` or ``init_from`` names; empty without any.

    Raises:
        ValueError: it cannot be read, or is of another task.
    """
    path = options.ckpt_path or options.init_from
    if path is None:
        return {}
    checkpoint = read_checkpoint(Path(path))
    if options.ckpt_path is not None or shared_part(checkpoint, imported(options.model.class_path)) is None:
        check_task(checkpoint, options.model.class_path, Path(path))
    return checkpoint


def prepare_data(options: Namespace, checkpoint: dict[str, Any], data: Any) -> None:
    """Give data that was not used yet the tokenizer and the order of the classes of a checkpoint's model.

    Where a new run only begins with the weights (``init_from``), it may have other classes, in their own order.

    Raises:
        ValueError: the tokenizer cannot be read; a resumed run's data or tokenizer has changed; or what reading the
            data raises.
    """
    if not checkpoint:
        return
    target = data.labels.target
    try:
        restore_data(data, checkpoint)
    except Exception as error:  # the tokenizers library raises no narrower class
        path = options.ckpt_path or options.init_from
        raise ValueError(f"{path} does not fit data of {class_path(data)}: {one_line(error)}") from error
    if options.ckpt_path is None:
        data.follow(target)  # the model's own, which may be another than the checkpoint's
        data.finds_greys = True  # only images look at it
        if data.known_classes is not None and not same_classes(data.found.class_names, data.known_classes):
            data.known_classes = None
    if options.resume is not None:
        _check_unchanged(options.resume, checkpoint, data)


@rank_zero_only
def _check_unchanged(run: Path, checkpoint: dict[str, Any], data: SplitData) -> None:
    """Refuse to go on with other data: what was done already, and what was kept for the test, would be mixed up."""
    for name, trained, now in _differing(checkpoint, data, OF_TOKENIZER):
        raise ValueError(f"data.{name}={now}: the run began with {trained}, and its tokenizer stays; keep it")
    saved = checkpoint["lightsmith"].get("fingerprint")  # lacking in checkpoints of earlier versions
    if saved not in (None, data.fingerprint):
        raise ValueError(
            f"--resume={run}: its data, or an option that chooses from it, has changed since it was saved "
            f"({saved[:19]}… then, {data.fingerprint[:19]}… now); for a new run on other data give --init_from={run}"
        )


def load_start(options: Namespace, checkpoint: dict[str, Any], model: Task, data: SplitData) -> None:
    """Give a model the structure, and for ``init_from`` the weights, of the checkpoint that it starts from.

    Raises:
        ValueError: they do not fit.
    """
    if not checkpoint:
        return
    if options.ckpt_path is None:
        left_out = start_from(checkpoint, model, options.init_from)
        print_once(list(_weights_lines(left_out, options, checkpoint, data)))
        return
    path = Path(options.ckpt_path)
    repeat_operations(checkpoint, model, path)
    check_fits(checkpoint, model, path)
    if options.resume is None:  # which says all that has changed
        for name, trained, now in _differing(checkpoint, data, PREPROCESSING):
            print_once([f"changed    data.{name}: {now} here, while the model was trained with {trained}"])


def _weights_lines(
    left_out: list[str], options: Namespace, checkpoint: dict[str, Any], data: SplitData
) -> Iterator[str]:
    """Say what a new run takes from another one, and what it does not."""
    yield f"weights    from {shown(options.init_from)}"
    if hasattr(data, "vocabulary_size"):
        yield f"           with its tokenizer ({data.vocabulary_size:,} tokens)"
    known = checkpoint["hyper_parameters"].get("class_names")
    if checkpoint["lightsmith"]["model"] != options.model.class_path:
        part = imported(options.model.class_path).shared_part
        new = dict.fromkeys(name.rpartition(".")[0] for name in left_out)
        yield f"           its {part}, and nothing else; new is {' and '.join(new)}"
    elif left_out:
        yield f"           but for {', '.join(left_out)}, the head of other classes ({class_list(known)})"
    elif known is not None and data.found.class_names != list(known):
        yield f"           with its head, whose order of the classes counts ({class_list(known)})"


def _differing(checkpoint: dict[str, Any], data: SplitData, names: Sequence[str]) -> Iterator[tuple[str, Any, Any]]:
    """(name, in the checkpoint, now) for those of some options of the data that differ."""
    trained, now = checkpoint["datamodule_hyper_parameters"], data.hparams
    for name in names:
        if name in trained and name in now and trained[name] != now[name]:
            yield name, trained[name], now[name]
