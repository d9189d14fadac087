import pytest

from lightsmith.records.parts import BEST, ClassFigures, Figures, Headline, LeftOut, made, plain


def test_figures_are_flat_in_json_and_come_back() -> None:
    few = Figures(5, {"loss": 0.25, "rmse": 3.0}, {"rmse": [2.0, 4.0]})
    assert plain([few]) == [{"n": 5, "loss": 0.25, "rmse": 3.0, "interval": {"rmse": [2.0, 4.0]}}]
    assert Figures.of_flat(few.flat) == few
    assert Figures(5, {}).flat == {"n": 5}


def test_a_headline_says_which_figures_are_better() -> None:
    assert (Headline("accuracy", 0.9, "max").better, BEST["max"]([1, 3, 2])) == ("higher", 3)
    assert (Headline("rmse", 4.0, "min").better, BEST["min"]([1, 3, 2])) == ("lower", 1)


def test_a_field_whose_name_python_reserves_has_its_own_in_json() -> None:
    ant = ClassFigures("ant", 3, 1.0, None, 0.5)
    assert plain(ant) == {"class": "ant", "n": 3, "precision": 1.0, "recall": None, "f1": 0.5}
    assert made(ClassFigures, plain(ant)) == ant


def test_a_part_that_lacks_a_key_is_refused_and_one_that_has_more_is_not() -> None:
    assert made(LeftOut, {"item": "a", "reason": "b", "later": 1}) == LeftOut("a", "b")
    with pytest.raises(TypeError, match="reason"):
        made(LeftOut, {"item": "a"})
