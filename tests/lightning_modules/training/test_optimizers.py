from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from lightning_modules.training.optimizers import (
    SCHEDULES,
    ScheduleName,
    build_optimizer,
    build_schedule,
    parameter_groups,
    regroup,
)

TOTAL, WARMUP = 100, 20


def curve(name: ScheduleName, warmup_steps: int = WARMUP) -> list[float]:
    """The learning rate at each of 100 steps, as the optimizer sees it, with a peak of 1."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = build_schedule(name, optimizer, TOTAL, warmup_steps)["scheduler"]
    rates = []
    for _ in range(TOTAL):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule_rises_through_the_warmup_to_its_peak_and_never_again(name: ScheduleName) -> None:
    rates = curve(name)
    assert 0 < rates[0] < 0.1
    assert rates[: WARMUP + 1] == sorted(rates[: WARMUP + 1])
    assert rates[WARMUP] == max(rates) == 1
    assert rates[WARMUP:] == sorted(rates[WARMUP:], reverse=True)


@pytest.mark.parametrize("name", SCHEDULES)
def test_without_warmup_the_first_step_has_the_full_rate(name: ScheduleName) -> None:
    assert curve(name, warmup_steps=0)[0] == 1


def test_ends_differ() -> None:
    halfway = WARMUP + (TOTAL - WARMUP) // 2
    assert curve("constant")[-1] == 1
    assert curve("linear")[halfway] == curve("cosine")[halfway] == pytest.approx(0.5)
    assert curve("linear")[-1] == pytest.approx(1 / 80)
    assert 0 < curve("cosine")[-1] < 0.001
    assert curve("one-cycle")[0] == pytest.approx(1 / 25)
    assert curve("one-cycle")[WARMUP:] == curve("cosine")[WARMUP:]


@pytest.mark.parametrize("name", SCHEDULES)
def test_steps_beyond_the_end_keep_the_rate_at_its_end(name: ScheduleName) -> None:
    assert SCHEDULES[name](TOTAL + 5, total_steps=TOTAL, warmup_steps=WARMUP) in (0, 1)


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop", "muon"])
def test_weight_decay_spares_norms_and_biases(name: str) -> None:
    net = network()
    optimizer = build_optimizer(name, groups_of(net), 0.1, 0.9, fused_on=None)  # type: ignore[arg-type]
    decayed, spared = optimizer.param_groups
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.5, 0.0)
    assert {id(p) for p in decayed["params"]} == {id(net[0].weight), id(net[3].weight)}  # type: ignore[index]
    assert len(decayed["params"]) + len(spared["params"]) == len(list(net.parameters()))


def test_frozen_parameters_are_left_out_and_an_empty_group_is_dropped() -> None:
    net = network()
    net[0].requires_grad_(False)  # type: ignore[index]
    assert sum(len(group["params"]) for group in groups_of(net)) == 4
    assert [group["weight_decay"] for group in groups_of(nn.BatchNorm2d(3))] == [0.0]


def test_nothing_to_train_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="every parameter of the model is frozen"):
        build_optimizer("adam", groups_of(network().requires_grad_(False)), 0.1, 0.9, fused_on=None)


def test_scales_follow_the_first_pattern_that_matches_and_the_highest_rate_comes_first() -> None:
    groups = parameter_groups(network().named_parameters(), 0.1, 0.5, {"3.*": 2.0, "0.weight": 0.1, "*.weight": 1.0})
    assert [round(group["lr"], 3) for group in groups] == [0.2, 0.2, 0.1, 0.01]
    assert [group["weight_decay"] for group in groups] == [0.5, 0.0, 0.0, 0.5]


def test_regrouped_keeps_the_state_of_what_stays_and_equals_one_built_so() -> None:
    net = network()
    net[0].requires_grad_(False)  # type: ignore[index]
    optimizer, schedule = stepping(net)
    for _ in range(3):
        update(net, optimizer, schedule)
    head = optimizer.state[net[3].weight]["exp_avg"]  # type: ignore[index]
    net.requires_grad_(True)
    net[1].requires_grad_(False)  # type: ignore[index]
    scales = {"0.*": 0.5}
    regroup(optimizer, parameter_groups(net.named_parameters(), 0.1, 0.5, scales), schedule)
    assert optimizer.state[net[3].weight]["exp_avg"] is head  # type: ignore[index]
    assert net[0].weight not in optimizer.state  # type: ignore[index]
    assert net[1].weight not in optimizer.state  # type: ignore[index]
    again, its_schedule = stepping(net, scales)
    again.load_state_dict(optimizer.state_dict())
    its_schedule.load_state_dict(schedule.state_dict())
    for _ in range(2):
        update(net, optimizer, schedule)
        its_schedule.step()
    rates = [[group["lr"] for group in one.param_groups] for one in (optimizer, again)]
    assert rates[0] == rates[1]
    assert rates[0] == [0.1 * 5 / 10, 0.1 * 5 / 10, 0.05 * 5 / 10, 0.05 * 5 / 10]


def groups_of(net: nn.Module) -> list[dict[str, Any]]:
    return parameter_groups(net.named_parameters(), 0.1, 0.5)


def stepping(net: nn.Module, scales: dict[str, float] | None = None) -> tuple[Optimizer, LambdaLR]:
    optimizer = build_optimizer(
        "adamw", parameter_groups(net.named_parameters(), 0.1, 0.5, scales or {}), 0.1, 0.9, "cpu"
    )
    return optimizer, build_schedule("linear", optimizer, total_steps=10, warmup_steps=0)["scheduler"]


def update(net: nn.Module, optimizer: Optimizer, schedule: LambdaLR) -> None:
    net(torch.randn(4, 3, 3, 3)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    schedule.step()


@pytest.mark.parametrize(("device", "fused"), [("cpu", True), ("cuda", True), ("mps", False), (None, False)])
def test_kernels_are_fused_where_torch_has_them(device: str | None, fused: bool) -> None:
    optimizer = build_optimizer("adamw", groups_of(network()), 0.1, 0.9, fused_on=device)
    assert optimizer.defaults["fused"] is fused


def test_sgd_has_nesterov_momentum_unless_momentum_is_zero() -> None:
    for momentum in (0.9, 0.0):
        optimizer = build_optimizer("sgd", groups_of(network()), 0.1, momentum, fused_on="cpu")
        assert (optimizer.defaults["momentum"], optimizer.defaults["nesterov"]) == (momentum, momentum > 0)


def test_what_joins_a_fused_sgd_with_momentum_moves_as_in_a_fresh_one() -> None:
    torch.manual_seed(0)
    net, fresh = network(), network()
    net[3].requires_grad_(False)  # type: ignore[index]
    optimizer = build_optimizer("sgd", groups_of(net), 0.1, 0.9, fused_on="cpu")
    schedule = build_schedule("constant", optimizer, total_steps=10, warmup_steps=0)["scheduler"]
    update(net, optimizer, schedule)
    net[3].requires_grad_(True)  # type: ignore[index]
    regroup(optimizer, groups_of(net), schedule)
    fresh.load_state_dict(net.state_dict())
    other = build_optimizer("sgd", groups_of(fresh), 0.1, 0.9, fused_on="cpu")
    for trained, its in ((net, optimizer), (fresh, other)):
        torch.manual_seed(1)
        update(trained, its, build_schedule("constant", its, total_steps=10, warmup_steps=0)["scheduler"])
    assert torch.equal(net[3].weight, fresh[3].weight)  # type: ignore[index]
