import re
from pathlib import Path

import pytest

from lightsmith.settings.experiments import experiment_files
from lightsmith.studies import variants
from lightsmith.studies.variants import PLANS, Variant, read_plan

MISTAKES = {
    "small: {precision: int8}\n": "cifar_cnn.yaml must begin with the model as it is trained",
    "dense: {}\nsmall: {of: dens}\n": "cifar_cnn.yaml: small.of=dens is no variant before it: dense",
    "dense: {}\nsmall: {of: dense, precison: int8}\n": "small has the unknown key precison; did you mean precision?",
    "dense: {}\nsmall: {of: dense, precision: int4}\n": "small.precision=int4 is not one of fp32, bf16, int8",
    "dense: {}\nsmall: {of: dense, settings: 3}\n": "small.settings=3 must be settings such as",
    "dense: {}\nsmall: {precision: int8}\n": "small is the same as dense",
    "dense: {}\n../x: {of: dense}\n": "../x must be a word",
    "dense: {}\nsmall: int8\n": "small must be a word with settings",
}


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(variants, "PLANS", tmp_path)
    return tmp_path / "cifar_cnn.yaml"


def test_variants_come_in_order_with_what_they_need(plan: Path) -> None:
    plan.write_text("dense: {}\nint8: {of: dense, precision: int8}\nsmall: {teacher: dense, settings: {model: {}}}\n")
    assert read_plan("cifar_cnn") == [
        Variant("dense"),
        Variant("int8", of="dense", precision="int8"),
        Variant("small", teacher="dense", settings={"model": {}}),
    ]


@pytest.mark.parametrize("text", MISTAKES)
def test_a_plan_that_cannot_be_carried_out_is_one_line(plan: Path, text: str) -> None:
    plan.write_text(text)
    with pytest.raises(ValueError, match=re.escape(MISTAKES[text])):
        read_plan("cifar_cnn")


def test_an_experiment_without_a_plan_has_the_one_for_all() -> None:
    assert read_plan("mine") == [
        Variant("dense"),
        Variant("bf16", of="dense", precision="bf16"),
        Variant("ptq_int8", of="dense", precision="int8"),
    ]


@pytest.mark.parametrize("path", sorted(PLANS.glob("[!_]*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_plan_is_of_an_experiment_and_can_be_read(path: Path) -> None:
    assert path.stem in experiment_files()
    assert len(read_plan(path.stem)) >= 5
