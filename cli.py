"""Lightsmith's command line: parse, build, run one command."""

from __future__ import annotations

import importlib
import os
import re
import signal
import sys
import warnings
from argparse import SUPPRESS, ArgumentError, ArgumentParser
from collections.abc import Callable, Sequence
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

from commands.failures import RunFailedError
from commands.hints import hint
from commands.light_imports import import_torchmetrics
from commands.mistakes import explain, nearest, one_line


class Verb(NamedTuple):
    """Where a verb lives, and a line about it. A module of its own holds the function of the same name."""

    module: str
    gloss: str


EXPERIMENT = "commands.experiment"
VERBS = {
    "run": Verb(EXPERIMENT, "train, test the best checkpoint, write the results (what `make exp` calls)"),
    "fit": Verb(EXPERIMENT, "Lightning's own: train only, with the options of run"),
    "validate": Verb(EXPERIMENT, "Lightning's own: evaluate --ckpt_path on the validation split"),
    "test": Verb(EXPERIMENT, "Lightning's own: evaluate --ckpt_path on the test split"),
    "predict": Verb(EXPERIMENT, "Lightning's own: probabilities of --ckpt_path for the test split, in a file"),
    "list": Verb("commands.list_experiments", "the experiments and what they measured"),
    "options": Verb("commands.options", "what can be set in an experiment: values there, types, meanings"),
    "classify": Verb("commands.classify", "class probabilities for new images or texts: what `make predict` calls"),
    "evaluate": Verb("commands.evaluate", "a trained model on labelled data other than its own, all of it"),
    "compress": Verb(
        "commands.compress", "prune, quantize and distil an experiment's model, and compare what comes out"
    ),
    "export": Verb(
        "commands.export", "a run's model as a folder of its own (ONNX or torch.export), proved on the test split"
    ),
    "verify-resume": Verb("commands.verify_resume", "prove that a killed and resumed run ends as an undisturbed one"),
    "ship-weights": Verb("commands.ship_weights", "turn a cifar_resnet run into the backbone that Lightsmith ships"),
}
SETTINGS = ("--model.", "--data.", "--trainer.", "--callbacks.")  # a run records them with ~, and finds the home again
PAGES = ("list", "options")  # verbs that only print
# Lightning's advice that does not apply: the data is in memory, a run folder is written to again on resume, which goes
# on with the very next batch (see callbacks/exact_resume.py), torchmetrics adds up over processes by itself, these
# share the items of an evaluation without repeating any (see datamodules/batching.py), a monitored metric that is not
# there yet waits for a validation (see commands/watched_metrics.py), and a ModelCheckpoint that saves in other
# intervals than before takes over what it knew all the same (see callbacks/keep_best.py).
QUIETED = (
    ".*does not have many workers.*",
    ".*Checkpoint directory .* exists and is not empty.*",
    ".*Experiment logs directory .* exists and is not empty.*",
    ".*number of training batches .* is smaller than the logging interval.*",
    ".*resuming from a checkpoint that ended before the epoch ended.*",
    ".*It is recommended to use `self.log.*sync_dist=True.*",
    ".*Using `DistributedSampler` with the dataloaders.*",
    ".*ModelCheckpoint.* could not find the monitored key.*",
    '.*Please add the following callbacks: \\["ModelCheckpoint[^\\]]*\\]\\.',
    ".*isinstance\\(treespec, LeafSpec\\). is deprecated.*",
)
EXAMPLES = """
  cli.py run -c experiments/_defaults.yaml -c experiments/mnist_mlp.yaml --model.lr=0.01
  cli.py options --name=mnist_mlp    what can be set in an experiment
  cli.py run --help    the options of run; those of a model and its data are in the page above
  cli.py run --model.help lightning_modules.cifar_cnn.CifarCNN    those of any model; --data.help likewise
  cli.py run -c experiments/_defaults.yaml -c experiments/mnist_mlp.yaml --explain=model.lr    where a value comes from
  --allow_package=mine        let a YAML name classes of your package "mine"; for each package once
  --debug shows the traceback behind a mistake"""


def main(args: Sequence[str] | None = None) -> int:
    """Run one command; a mistake becomes one line on stderr.

    Returns:
        Exit code: 0, 1 for a run that failed, 2 for a mistake, 130 when interrupted, or what the command returns.
    """
    given = [_at_home(argument) for argument in (sys.argv[1:] if args is None else args)]
    if not given or given[0] in ("-h", "--help"):
        print(overview())
        return 0
    try:
        code = _run(given)
        sys.stdout.flush()  # which may find out that nobody reads any more
    except BrokenPipeError:
        return _end_of_pipe(given)
    except (ValueError, OSError, ArgumentError) as error:
        if "--debug" in given:
            raise
        print(one_line(error), file=sys.stderr)
        return 2
    except RunFailedError as failure:
        if "--debug" in given:
            raise
        print(one_line(failure), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return code


def _at_home(argument: str) -> str:
    """An option with a path in one's home written out, as the shell does only where a path begins a word."""
    option, separator, value = argument.partition("=")
    inner = option.startswith("-") and value.startswith("~/") and not option.startswith(SETTINGS)
    return f"{option}{separator}{os.path.expanduser(value)}" if inner else argument  # noqa: PTH111  # none without a home


def _end_of_pipe(given: Sequence[str]) -> int:
    """The exit code where a reader such as ``head`` has closed the pipe: that of a success for a page to read."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more as it ends
    return 0 if given[0] in PAGES else 128 + signal.SIGPIPE


def overview() -> str:
    """Every command with a line about it."""
    rows = "\n".join(f"  {name:<14}{verb.gloss}" for name, verb in VERBS.items())
    return f"usage: cli.py <command> [options]\n\n{rows}\n{EXAMPLES}"


def _run(given: list[str]) -> int:
    command = given[0]
    if command.startswith("-"):
        raise ValueError(f"{command}: a command comes before its options, such as cli.py run -c <experiment> {command}")
    if command not in VERBS:
        raise ValueError(f"unknown command {command!r}{nearest(command, list(VERBS))} (cli.py --help lists them)")
    return _run_experiment(given) if VERBS[command].module == EXPERIMENT else _run_function(command, given[1:])


def _run_experiment(given: list[str]) -> int:
    check_config_files(given)
    import_torchmetrics()
    # Imported here: each command loads only what it needs, and a mistyped name is answered at once.
    from lightning.pytorch.utilities.exceptions import MisconfigurationException

    from commands.experiment import ExperimentCLI

    try:
        with warnings.catch_warnings():
            for pattern in QUIETED:
                warnings.filterwarnings("ignore", pattern)
            ExperimentCLI(given)
    except MisconfigurationException as error:
        raise ValueError(one_line(error)) from error
    return 0


def _run_function(command: str, given: list[str]) -> int:
    from jsonargparse import auto_cli

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # which tidies up, as Ctrl-C does
    options = [option for option in given if option != "--debug"]
    check_values(options)
    function = function_of(command)
    plain: dict[str, Any] = {"as_positional": False, "exit_on_error": False, "print_config": None}
    try:
        return auto_cli(function, args=options, prog=f"cli.py {command}", config_help=SUPPRESS, **plain) or 0
    except ArgumentError as error:
        if str(error).startswith("Parser key"):
            raise ValueError(explain(error, [])) from error
        unknown = re.search(r"unrecognized arguments: --([\w-]+)", str(error))
        meant = hint(unknown[1], list(signature(function).parameters)) if unknown else ""
        raise ValueError(f"{one_line(error)}{meant}") from error


def check_values(options: Sequence[str]) -> None:
    """Refuse an empty value, which would be taken for an option that is not given.

    Raises:
        ValueError: naming the option.
    """
    for before, option in zip(["", *options], options, strict=False):
        if option.startswith("--") and option.endswith("=") and option.count("=") == 1:
            raise ValueError(f"{option} is empty: give it a value, or leave it out")
        if not option:
            raise ValueError(f"{before} '' is empty: give it a value, or leave it out")


def function_of(command: str) -> Callable[..., int | None]:
    """What does the work of a verb with a module of its own; the others' modules are not imported."""
    if command != "list":  # which answers without torch
        import_torchmetrics()
    module = VERBS[command].module
    function: Callable[..., int | None] = getattr(importlib.import_module(module), module.rpartition(".")[2])
    return function


def check_config_files(given: Sequence[str]) -> None:
    """Refuse a missing or broken YAML before anything slow is imported.

    Raises:
        ValueError: naming the nearest experiment, or the line that cannot be read.
    """
    from commands.list_experiments import experiment_files
    from commands.settings_file import read_settings, refuse_url

    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("-c", "--config", action="append", default=[])
    for file in parser.parse_known_args(given)[0].config:
        refuse_url("--config", file)
        try:
            found = Path(file).is_file()
        except OSError as error:  # a name that no file can have
            raise ValueError(f"--config={file}: {error.strerror}") from error
        if not found:
            name, names = Path(file).stem, list(experiment_files())
            raise ValueError(
                f"no experiment {name!r} ({file} does not exist){nearest(name, names)} (all: {', '.join(names)})"
            )
        read_settings(Path(file))


if __name__ == "__main__":
    sys.exit(main())
