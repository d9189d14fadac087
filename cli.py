"""Lightsmith's command line: parse, build, run one command."""

from __future__ import annotations

import importlib
import os
import re
import signal
import sys
from argparse import SUPPRESS, ArgumentError
from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any, NamedTuple

from lightsmith.process.end import run_process
from lightsmith.process.fast_imports import import_lightning
from lightsmith.runs.failures import RunFailedError
from lightsmith.settings.parse_errors import explain
from lightsmith.terminal import nearest, one_line


class Verb(NamedTuple):
    """The module that holds a verb's function, which has the verb's name, and a line about it."""

    module: str
    gloss: str


VERBS = {
    "run": Verb("commands.run", "train, test the best checkpoint, write the results (what `make exp` calls)"),
    "fit": Verb("commands.run", "Lightning's own: train only, with the options of run"),
    "validate": Verb("commands.run", "Lightning's own: evaluate --ckpt_path on the validation split"),
    "test": Verb("commands.run", "Lightning's own: evaluate --ckpt_path on the test split"),
    "list": Verb("commands.list", "the experiments and what they measured"),
    "runs": Verb("commands.runs", "all runs and studies, newest first: status, headline, time, settings"),
    "report": Verb("commands.report", "one HTML file about a run, several runs, a study or a compression"),
    "dashboard": Verb("commands.dashboard", "a YAML of sections and panels as a page, and at Weights & Biases"),
    "options": Verb("commands.options", "what can be set in an experiment: values there, types, meanings"),
    "predict": Verb("commands.predict", "a trained model's answers for new images or texts; with -c, Lightning's own"),
    "evaluate": Verb("commands.evaluate", "a trained model on labelled data other than its own, all of it"),
    "compress": Verb(
        "commands.compress", "prune, quantize and distil an experiment's model, and compare what comes out"
    ),
    "compare": Verb("commands.compare", "which of several settings is better, by how much, and whether runs can tell"),
    "cross-validate": Verb("commands.cross_validate", "one run for each part of the data that is held out"),
    "export": Verb(
        "commands.export", "a run's model as a folder of its own (ONNX or torch.export), proved on the test split"
    ),
    "serve": Verb("commands.serve", "an exported model as a service over HTTP, without torch"),
    "image": Verb("commands.image", "what a service's container image is built from, and files that run it"),
    "load": Verb("commands.load", "how much a service can do, by requests at rising rates"),
    "sweep": Verb("commands.sweep", "try settings drawn from a space, and compare the best with the default ones"),
    "tune": Verb("commands.tune", "a learning rate and a batch size to begin with, from a few steps of training"),
    "verify-resume": Verb("commands.verify_resume", "prove that a killed and resumed run ends as an undisturbed one"),
    "ship-weights": Verb("commands.ship_weights", "turn a cifar_resnet run into the backbone that Lightsmith ships"),
}
FORMER_NAMES = {"classify": "predict"}  # of verbs: scripts that people wrote keep working
SETTINGS = ("--model.", "--data.", "--trainer.", "--callbacks.")  # a run records them with ~, and finds the home again
PAGES = ("list", "options", "runs")  # verbs that only print
# Verbs that answer before it could be imported.
WITHOUT_TORCH = ("list", "runs", "report", "dashboard", "compare", "cross-validate", "serve", "image", "load")
EXAMPLES = """
  cli.py run -c experiments/_defaults.yaml -c experiments/mnist_mlp.yaml --model.lr=0.01
  cli.py options --name=mnist_mlp    what can be set in an experiment
  cli.py run --help    the options of run; those of a model and its data are in the page above
  cli.py run --model.help lightning_modules.cifar_cnn.CifarCNN    those of any model; --data.help works the same way
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
    rows = "\n".join(f"  {name:<16}{verb.gloss}" for name, verb in VERBS.items())
    return f"usage: cli.py <command> [options]\n\n{rows}\n{EXAMPLES}"


def _run(given: list[str]) -> int:
    given[0] = FORMER_NAMES.get(given[0], given[0])
    command = given[0]
    if command.startswith("-"):
        raise ValueError(f"{command}: a command comes before its options, such as cli.py run -c <experiment> {command}")
    if command not in VERBS:
        raise ValueError(f"unknown command {command!r}{nearest(command, list(VERBS))} (cli.py --help lists them)")
    if VERBS[command].module == "commands.run" or _is_lightnings(given):
        from commands.run import run

        return run(given)
    return _run_function(command, given[1:])


def _is_lightnings(given: Sequence[str]) -> bool:
    """Return whether ``predict`` is Lightning's own: with an experiment, for its test split."""
    return given[0] == "predict" and any(option.startswith(("-c", "--config")) for option in given)


def _run_function(command: str, given: list[str]) -> int:
    from jsonargparse import auto_cli

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # which tidies up, as Ctrl-C does
    options = [option for option in given if option != "--debug"]
    check_values(options)
    function = function_of(command)
    plain: dict[str, Any] = {
        "as_positional": False,
        "exit_on_error": False,
        "print_config": None,
        "allow_abbrev": False,
    }
    try:
        return auto_cli(function, args=options, prog=f"cli.py {command}", config_help=SUPPRESS, **plain) or 0
    except ArgumentError as error:
        if str(error).startswith("Parser key"):
            raise ValueError(explain(error, [])) from error
        raise ValueError(f"{one_line(error)}{_meant(str(error), list(signature(function).parameters))}") from error


def _meant(refusal: str, names: Sequence[str]) -> str:
    """A question or advice about an option that a verb does not have; empty where the refusal is of something else."""
    unknown = re.search(r"unrecognized arguments: (?:--([\w-]+))?", refusal)
    if not unknown:
        return ""
    if not unknown[1]:  # what the shell made of a pattern, or a value with blanks
        return "; put a value of several words in quotes"
    return nearest(f"--{unknown[1]}", [f"--{name}" for name in names])


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
    """Import the function of a verb, and none of the other verbs' modules."""
    if command not in WITHOUT_TORCH:
        import_lightning()
    module = VERBS[command].module
    function: Callable[..., int | None] = getattr(importlib.import_module(module), module.rpartition(".")[2])
    return function


if __name__ == "__main__":
    run_process(main)
