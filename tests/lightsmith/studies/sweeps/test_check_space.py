from pathlib import Path

import pytest

from lightsmith.settings.experiments import EXPERIMENTS
from lightsmith.studies.sweeps.check_space import Facts, check_space, metric_of
from lightsmith.studies.sweeps.space import Goal, Space, read_space

OPTIONS = [f"--config={EXPERIMENTS / name}.yaml" for name in ("_defaults", "mnist_mlp")]
SMALL = [*OPTIONS, "--data.train_size=100", "--trainer.max_epochs=3", "--loggers=[csv]"]
FACTS = Facts("accuracy", {"train/loss": "min", "val/loss": "min", "val/accuracy": "max", "val/lr": None}, 3, 1)


def space(parameters: str) -> Space:
    Path("space.yaml").write_text(f"method: random\nparameters: {parameters}\n")
    return read_space(Path("space.yaml"))


def judged(metric: str | None, goal: Goal | None) -> tuple[str, str]:
    return metric_of(Space("random", metric, goal, []), FACTS, "space.yaml")


@pytest.mark.slow
def test_an_experiment_that_takes_every_value_says_what_it_measures_and_writes_nothing() -> None:
    before = set(Path.cwd().iterdir())
    facts = check_space(space("{model.lr: {min: 0.1, max: 0.2}}"), SMALL, "space.yaml")
    assert (facts.headline, facts.validations, facts.seed) == ("accuracy", 3, 1)
    assert facts.measured["val/loss"] == "min"
    assert {path.name for path in set(Path.cwd().iterdir()) - before} == {"space.yaml"}


@pytest.mark.slow  # two to four experiments are built for each
@pytest.mark.parametrize(
    ("parameters", "line"),
    [
        ("{model.lrr: {values: [1]}}", r"^space.yaml: unknown key model.lrr; did you mean model.lr\?$"),
        (
            "{model.schedule: {values: [linear, cosin]}}",
            "^space.yaml: model.schedule=cosin is not one of constant",
        ),
        ("{model.lr: {min: -1.0, max: 0.1}}", "^space.yaml: .*lr=-1.0"),
        ("{model.hidden_features: {values: [[8], [8, 0]]}}", "^space.yaml: .*hidden_features"),
    ],
)
def test_a_value_that_the_experiment_does_not_take_is_one_line(parameters: str, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        check_space(space(parameters), SMALL, "space.yaml")


@pytest.mark.slow
def test_what_is_wrong_without_the_space_is_not_blamed_on_it() -> None:
    with pytest.raises(ValueError, match=r"^trainer\.devices=2: a trial runs on one device"):
        check_space(space("{model.lr: {values: [1]}}"), [*SMALL, "--trainer.devices=2"], "space.yaml")
    with pytest.raises(ValueError, match=r"^unknown key data\.sauce"):
        check_space(space("{model.lr: {values: [1]}}"), [*SMALL, "--data.sauce=x"], "space.yaml")


def test_trials_are_judged_by_the_headline_unless_the_space_says_otherwise() -> None:
    assert judged(None, None) == ("val/accuracy", "max")
    assert judged("val/loss", "minimize") == ("val/loss", "min")
    assert judged("val/lr", "maximize") == ("val/lr", "max")


@pytest.mark.parametrize(
    ("metric", "goal", "line"),
    [
        (
            "val/acuracy",
            "maximize",
            r"metric.name=val/acuracy is not measured; did you mean val/accuracy\?",
        ),
        ("accuracy", "maximize", r"metric.name=accuracy is not measured; did you mean val/accuracy\?"),
        ("train/loss", "minimize", "metric.name=train/loss is not measured"),
        ("val/accuracy", "minimize", "goal=minimize takes val/accuracy for its opposite: say goal: maximize"),
    ],
)
def test_a_metric_that_judges_nothing_or_wrongly_is_one_line(metric: str, goal: Goal, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        judged(metric, goal)
