"""`run`, and Lightning's own `fit`, `validate`, `test` and `predict`: an experiment from its YAML."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from lightsmith.launch.wandb_agent import from_agent
from lightsmith.process.fast_imports import import_lightning, nothing_collected
from lightsmith.settings.experiments import experiment_files
from lightsmith.settings.yaml_files import read_settings, refuse_url
from lightsmith.studies.go_on import continues_study, finish, go_on
from lightsmith.studies.seeds import create_seeds
from lightsmith.studies.study_options import read_options
from lightsmith.terminal import nearest


def run(given: list[str]) -> int:
    """Run `run`, `fit`, `validate`, `test` or Lightning's own `predict` of an experiment.

    Args:
        given: the verb and its options, as on the command line.

    Returns:
        Exit code 0.

    Raises:
        ValueError: a mistake in the settings.
        RunFailedError: the run failed in itself.
    """
    given = from_agent(given)
    options = read_options(given[1:])
    if continues_study(options):
        go_on(options)
        return 0
    check_config_files(given)
    if options.seeds is not None:
        finish(create_seeds(given[0], options, given[1:]), options.workers or 1)
        return 0
    if options.workers is not None:
        raise ValueError(f"--workers={options.workers} is for several runs: give --seeds=1..5 too")
    import_lightning()
    # Imported here: each command loads only what it needs, and a mistyped name is answered at once.
    with nothing_collected():
        from lightsmith.runs.experiment import ExperimentCLI
        from lightsmith.runs.lightning_messages import plain_messages

    with plain_messages():
        ExperimentCLI(given)
    return 0


def check_config_files(given: Sequence[str]) -> None:
    """Refuse a missing or broken YAML before anything slow is imported.

    Raises:
        ValueError: naming the nearest experiment, or the line that cannot be read.
    """
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
