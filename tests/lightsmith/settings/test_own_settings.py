from typing import Any

from lightsmith.settings.own_settings import own_settings

DEFAULTS: dict[str, Any] = {
    "seed_everything": 1,
    "runs": "runs",
    "trainer": {
        "precision": None,
        "max_epochs": 3,
        "callbacks": [
            {"class_path": "lightning.ModelCheckpoint", "init_args": {"monitor": None, "mode": "min", "save_top_k": 1}},
            {"class_path": "callbacks.save_last.SaveLast", "init_args": {"keep": 2}},
            {"class_path": "callbacks.measure_fit.MeasureFit"},
        ],
    },
    "model": {"class_path": "lightning_modules.mnist_mlp.MnistMLP", "init_args": {"lr": 0.003, "widths": [2, 1]}},
}
FOLLOWED = {"trainer.precision": "bf16-mixed", "callbacks.ModelCheckpoint.monitor": "val/accuracy"}


def settings(
    checkpoint: dict[str, Any], others: list[dict[str, Any]], model: dict[str, Any], **more: Any
) -> dict[str, Any]:
    best = {"class_path": "lightning.ModelCheckpoint", "init_args": {"save_top_k": 1, **checkpoint}}
    trainer = {"precision": "bf16-mixed", "max_epochs": 3, "callbacks": [best, *others]}
    return {**DEFAULTS, "trainer": trainer, "model": {**DEFAULTS["model"], "init_args": model}, **more}


KEPT = DEFAULTS["trainer"]["callbacks"][1:]
SAME = {"monitor": "val/accuracy", "mode": "max"}


def test_what_follows_from_the_machine_or_the_task_or_lies_elsewhere_is_no_difference() -> None:
    now = settings(SAME, KEPT, {"lr": 0.003, "widths": [2, 1]}, runs="/elsewhere")
    assert own_settings(DEFAULTS, now, FOLLOWED) == {}


def test_settings_are_named_as_they_are_typed() -> None:
    now = settings({**SAME, "monitor": "val/f1", "save_top_k": 2}, KEPT, {"lr": 0.01, "widths": []}, seed_everything=2)
    assert own_settings(DEFAULTS, now, FOLLOWED) == {
        "seed_everything": 2,
        "callbacks.ModelCheckpoint.save_top_k": 2,
        "callbacks.ModelCheckpoint.monitor": "val/f1",
        "model.lr": 0.01,
        "model.widths": [],
    }


def test_callbacks_that_were_added_or_left_out_are_there_and_several_of_a_class_have_numbers() -> None:
    others = [KEPT[0], {"class_path": "callbacks.save_last.SaveLast", "init_args": {"keep": 3}}]
    now = settings(SAME, others, {"lr": 0.003, "widths": [2, 1]})
    expected = {"callbacks.SaveLast.2": True, "callbacks.SaveLast.2.keep": 3, "callbacks.MeasureFit": None}
    assert own_settings(DEFAULTS, now, FOLLOWED) == expected
