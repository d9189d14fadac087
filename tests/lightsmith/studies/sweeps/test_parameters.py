from typing import Any

import optuna
import pytest

from lightsmith.settings.yaml_files import parse_yaml
from lightsmith.studies.sweeps.parameters import Parameter, read_parameters, told, written


def only(entry: dict[str, Any]) -> Parameter:
    (parameter,) = read_parameters({"model.lr": entry})
    return parameter


def draws(parameter: Parameter, n: int = 50) -> list[Any]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    return [parameter.draw(study.ask()) for _ in range(n)]


def test_a_range_is_drawn_as_its_distribution_says() -> None:
    assert {type(value) for value in draws(only({"min": 1, "max": 4}))} == {int}
    assert set(draws(only({"min": 1, "max": 4}))) == {1, 2, 3, 4}
    assert all(0 <= value <= 1 for value in draws(only({"min": 0.0, "max": 1})))
    steps = only({"distribution": "q_uniform", "min": 0.1, "max": 0.35, "q": 0.1})
    assert {round(value, 6) for value in draws(steps)} == {0.1, 0.2, 0.3}
    rates = draws(only({"distribution": "log_uniform_values", "min": 0.0001, "max": 1.0}), 200)
    assert 70 < sum(rate < 0.01 for rate in rates) < 130  # half of the logarithms
    exponents = only({"distribution": "log_uniform", "min": -2, "max": 0})
    assert (round(exponents.low, 4), exponents.high) == (0.1353, 1.0)


def test_values_of_any_kind_come_back_as_options_that_are_read_as_the_same() -> None:
    values = [None, True, False, 3, 0.5, "adamw", "1", [64, 32], {"a": 1}]
    parameter = only({"values": values})
    options = [parameter.option(told(value)) for value in values]
    assert options[:4] == ["--model.lr=null", "--model.lr=true", "--model.lr=false", "--model.lr=3"]
    assert [parse_yaml(option.partition("=")[2]) for option in options] == values
    assert set(map(written, draws(parameter, 200))) == set(map(written, map(told, values)))


def test_nested_parameters_have_dotted_keys() -> None:
    nested = {"model": {"parameters": {"init_args": {"parameters": {"lr": {"value": 1}}}}}, "seed": {"values": [1, 2]}}
    assert [parameter.key for parameter in read_parameters(nested)] == ["model.lr", "seed"]


def test_a_drawn_value_is_kept_for_the_next_who_asks() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    trial = study.ask()
    first = only({"min": 0.0, "max": 1.0}).draw(trial)
    study.sampler = optuna.samplers.RandomSampler(99)
    assert only({"min": 0.0, "max": 1.0}).draw(optuna.Trial(study, trial._trial_id)) == first


def test_the_points_of_a_grid_are_all_values_or_all_steps() -> None:
    assert only({"values": [3, 1]}).points == [3, 1]
    assert only({"min": 1, "max": 3}).points == [1, 2, 3]
    assert only({"min": 0.0, "max": 1.0, "q": 0.5}).points == [0.0, 0.5, 1.0]
    assert only({"min": 0.0, "max": 1.0}).points is None


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ({"vales": [1]}, "model.lr has the unknown key vales; did you mean values?"),
        ({"min": 1}, "model.lr has neither value, values nor min and max: it has min"),
        ({"min": 2, "max": 1}, "model.lr: min=2 must be below max=1"),
        ({"min": "a", "max": 1}, "model.lr.min=a is not a number"),
        ({"min": 0, "max": float("nan")}, "model.lr.max=nan is not a number"),
        ({"distribution": "log_uniform_values", "min": 0, "max": 1}, "model.lr: min=0 must be above 0, as its log"),
        ({"distribution": "normal", "mu": 0}, "model.lr.mu=0: Optuna draws no such distribution; give values, or min"),
        ({"distribution": "normal"}, "model.lr.distribution=normal: Optuna cannot draw it; give uniform with min"),
        ({"distribution": "unifrom", "min": 0, "max": 1}, "distribution=unifrom is not known; did you mean uniform?"),
        ({"distribution": "uniform", "min": 0}, "model.lr: distribution uniform needs max"),
        ({"distribution": "int_uniform", "min": 0.5, "max": 2}, "min=0.5 and max=2 of int_uniform must be whole"),
        ({"min": 0, "max": 1, "q": 5}, "model.lr.q=5 must be above 0, and at most max - min = 1"),
        ({"values": []}, r"model.lr.values=\[\] must be a list of one or more"),
        ({"values": [1, 2, 1]}, r"model.lr.values=\[1, 2, 1\] has 1 twice"),
        ({"parameters": {}}, "model.lr must name settings"),
        (3, r"model.lr=3 must be a mapping such as \{values: \[1, 2\]\}"),
    ],
)
def test_a_parameter_that_cannot_be_drawn_is_one_line(entry: Any, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        read_parameters({"model.lr": entry})
