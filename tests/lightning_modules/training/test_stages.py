"""A training step's stages have one order and one occupant each."""

from functools import partial

import pytest

from lightning_modules.training.stages import Stages


class Doubles:
    def change(self, number: int) -> int:
        return 2 * number


class Adds:
    def change(self, number: int) -> int:
        return number + 1


def test_stages_come_in_their_own_order() -> None:
    stages, first, second = Stages(("a", "b", "c")), Doubles().change, Adds().change
    stages["c"], stages["a"] = second, first
    assert stages.in_order() == [first, second]
    del stages["a"]
    assert stages.in_order() == [second]


def test_a_stage_is_one_callbacks_and_has_to_exist() -> None:
    stages, doubles = Stages(("a", "b")), Doubles()
    stages["a"] = doubles.change
    stages["a"] = partial(doubles.change, 1)
    stages["a"] = partial(doubles.change, 2)  # the next fit, where one was interrupted before it could clear up
    with pytest.raises(ValueError, match="Doubles and Adds both take the stage 'a' of a step: keep one of them"):
        stages["a"] = Adds().change
    with pytest.raises(ValueError, match="no stage 'c', only a, b"):
        stages["c"] = doubles.change
