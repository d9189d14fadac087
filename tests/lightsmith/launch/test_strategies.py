from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lightning.pytorch.strategies import StrategyRegistry

from lightsmith.launch.strategies import KNOWN, check_shares, check_strategy
from tests.conftest import Cli

STRATEGIES = "lightning.pytorch.strategies."
REASONS = {
    "cuts weights into shards": (
        "fsdp",
        "FSDP_cpu_offload",
        "deepspeed_stage_3",
        "FSDPStrategy",
        "ModelParallelStrategy",
    ),
    "trains in copies of this process": ("ddp_spawn", "ddp_fork", "ddp_notebook_find_unused_parameters_true"),
    "runs on XLA": ("xla", "single_xla", "XLAStrategy"),
    "is not known; did you mean ddp?": ("dpp",),
}


def given(name: str, **init_args: Any) -> Any:
    """A name, or a class as the parser gives it."""
    if not name.endswith(("Strategy", "Accelerator")):
        return name
    package = STRATEGIES if name.endswith("Strategy") else "lightning.pytorch.accelerators."
    parsed = SimpleNamespace(class_path=package + name, init_args=init_args)
    parsed.get = lambda key: getattr(parsed, key)
    return parsed


@pytest.mark.parametrize(("name", "reason"), [(name, reason) for reason, names in REASONS.items() for name in names])
def test_a_strategy_that_would_train_wrongly_or_lose_results_is_refused(name: str, reason: str) -> None:
    with pytest.raises(ValueError, match=rf"^trainer\.strategy={name} .*; use ddp$") as refusal:
        check_strategy(given(name), "auto")
    assert reason in str(refusal.value)


def test_one_that_starts_processes_as_copies_is_refused_whatever_it_is_called() -> None:
    check_strategy(given("DDPStrategy", process_group_backend="gloo"), "cpu")
    with pytest.raises(ValueError, match=r"^trainer\.strategy=DDPStrategy trains in copies of this process"):
        check_strategy(given("DDPStrategy", start_method="spawn"), "cpu")


def test_every_strategy_that_lightning_knows_works_or_is_refused_with_a_reason() -> None:
    for name in StrategyRegistry.available_strategies():
        if name in KNOWN:
            check_strategy(name, "cpu")
        else:
            with pytest.raises(ValueError, match=r"shards|copies|XLA"):
                check_strategy(name, "cpu")


@pytest.mark.parametrize("accelerator", ["tpu", "XLAAccelerator"])
def test_a_tpu_is_refused(accelerator: str) -> None:
    with pytest.raises(ValueError, match=rf"^trainer\.accelerator={accelerator} runs on XLA, .*; use gpu or cpu$"):
        check_strategy("auto", given(accelerator))


def test_a_split_that_is_too_small_for_the_processes_is_named() -> None:
    sizes = {"train": 9, "val": 3, "test": 2}
    check_shares("run", sizes, processes=1, distributed_sampler=False)
    check_shares("fit", sizes, processes=3, distributed_sampler=True)
    with pytest.raises(
        ValueError, match=r"^the test split has 2 items, too few for 3 processes: lower trainer\.devices"
    ):
        check_shares("run", sizes, processes=3, distributed_sampler=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--trainer.strategy=fsdp"], "trainer.strategy=fsdp cuts"),
        (
            [f"--trainer.strategy={STRATEGIES}DDPStrategy", "--trainer.strategy.start_method=fork"],
            "DDPStrategy trains in",
        ),
        (
            ["--trainer.accelerator=cpu", "--trainer.devices=2", "--trainer.use_distributed_sampler=false"],
            "the same items",
        ),
    ],
)
def test_it_is_said_in_one_line_and_nothing_is_written(
    experiment: Cli, tmp_path: Path, options: list[str], said: str
) -> None:
    outcome = experiment("mnist_mlp", *options)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1), outcome
    assert said in outcome.err
    assert not (tmp_path / "runs").exists()
