import pytest

from tests.tiny_task import TinyModel


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"lr": 0.0}, "model.lr=0.0 must be above 0"),
        ({"momentum": 1.0}, r"model.momentum=1.0 must lie in \[0, 1\)"),
        ({"warmup_fraction": -0.1}, r"model.warmup_fraction=-0.1 must lie in \[0, 1\)"),
        ({"label_smoothing": 1.5}, r"model.label_smoothing=1.5 must lie in \[0, 1\)"),
    ],
)
def test_a_recipe_out_of_range_is_refused(recipe: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TinyModel(**recipe)
