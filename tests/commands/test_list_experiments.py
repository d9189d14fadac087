from pathlib import Path

from commands.list_experiments import EXPERIMENTS, experiment_files, experiment_name, header
from tests.conftest import Cli


def test_list_shows_every_experiment_and_how_to_run_it(lightsmith: Cli) -> None:
    outcome = lightsmith("list")
    assert outcome.code == 0
    assert all(name in outcome.out for name in experiment_files())
    assert "_defaults" not in outcome.out
    assert "gradual_unfreezing" not in outcome.out
    assert "make exp NAME=" in outcome.out


def test_header_is_the_leading_comment_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("# A thing: with a colon\n# sample: 97%\n# other: no\nmodel: 1\n# real: too late\n")
    assert header(path) == {"what": "A thing: with a colon", "sample": "97%"}
    path.write_text("model: 1\n")
    assert header(path) == {"what": ""}


def test_a_run_is_named_after_its_last_experiment_and_not_after_a_part() -> None:
    defaults, part = EXPERIMENTS / "_defaults.yaml", EXPERIMENTS / "_finetuning" / "gradual_unfreezing.yaml"
    assert part.is_file()
    assert experiment_name([defaults, EXPERIMENTS / "resnet_transfer.yaml", part]) == "resnet_transfer"
    assert experiment_name([defaults, EXPERIMENTS / "resnet_transfer.yaml", Path("mine.yaml")]) == "mine"
    assert experiment_name([defaults]) == "defaults"
    assert experiment_name([]) == "unnamed"
