import pytest

from lightning_modules.training.task import Headline, class_path
from tests.tiny_task import TinyModel


@pytest.mark.parametrize(
    ("headline", "before", "after", "worse_by"),
    [
        (Headline("accuracy", "max"), 0.90, 0.88, 2.0),
        (Headline("accuracy", "max"), 0.88, 0.90, -2.0),
        (Headline("rmse", "min"), 2.0, 2.5, 25.0),
        (Headline("rmse", "min"), 0.0, 0.5, 50.0),
    ],
)
def test_worse_is_points_of_a_share_and_per_cent_of_what_is_to_be_low(
    headline: Headline, before: float, after: float, worse_by: float
) -> None:
    assert headline.worse_by(before, after) == pytest.approx(worse_by)
    assert headline.unit == ("points of accuracy" if headline.direction == "max" else "per cent of rmse")


def test_a_task_says_what_it_measures_and_in_which_direction() -> None:
    measured = TinyModel().measured
    assert measured["val/accuracy"] == "max"
    assert measured["train/loss"] == measured["val/loss"] == "min"
    assert measured["train/lr"] is None


def test_a_task_has_to_measure_its_headline() -> None:
    with pytest.raises(AssertionError, match="TinyModel does not measure its headline"):
        TinyModel().measure({})


def test_a_class_is_said_as_a_yaml_says_it() -> None:
    assert class_path(TinyModel()) == "tests.tiny_task.TinyModel"
