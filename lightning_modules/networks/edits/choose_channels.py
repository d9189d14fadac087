"""Choosing the channels of a network to keep, so that it computes less."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lightning_modules.networks.edits.remove_channels import WIDTHS, remove_channels
from lightning_modules.networks.probes.macs import count_macs

BISECTIONS = 8  # of the share that each layer keeps
NEAR = 0.005  # of the share of MACs: not worth another try
TRIES = 3
Choice = dict[str, dict[str, list[int]]]


class Coupled(NamedTuple):
    """Channels of several layers that can only be removed together.

    Attributes:
        root: the layer that they come out of.
        order: int64 (channels,), the most important first.
        graph: torch-pruning's, which knows the other layers.
    """

    root: nn.Module
    order: Tensor
    graph: Any


def channels_to_keep(network: nn.Module, inputs: Sequence[Tensor], share: float, round_to: int = 8) -> Choice:
    """Choose the most important channels, about the same share in each layer, until a share of the MACs is left.

    Importance is the mean square of everything that goes with a channel (Fang et al. 2023, arXiv:2301.12900). Inputs
    and outputs of the network stay whole, and so does what goes with a layer that has fixed parameters.

    Args:
        inputs: the network's inputs, (B, …) each.
        share: of MACs, 0…1; the choice is the nearest of those tried that round_to allows.
        round_to: the channels that stay in a layer are a multiple of this, where it has more.

    Returns:
        What ``remove_channels`` takes.

    Raises:
        ValueError: the network has layers whose channels cannot be removed, or too few that can.
    """
    groups = _coupled(network, inputs)
    empty = copy.deepcopy(network).to("meta")
    sizes = [torch.empty_like(tensor, device="meta") for tensor in inputs]
    macs = count_macs(empty, sizes)

    def left(counts: list[int]) -> float:
        smaller = copy.deepcopy(empty)
        remove_channels(smaller, _choice(groups, counts))
        return count_macs(smaller, sizes) / macs

    most, fewest = _counts(groups, 1.0, round_to), _counts(groups, 0.0, round_to)
    if (least := left(fewest)) > share:
        raise ValueError(
            f"macs={share} cannot be reached: with {round_to} channels a layer {least:.3f} of them are left"
        )
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        counts = _counts(groups, middle, round_to)
        if left(counts) > share:
            high, most = middle, counts
        else:
            low, fewest = middle, counts

    def error(counts: list[int]) -> float:
        return abs(left(counts) - share)

    between = [[*fewest[:position], *most[position:]] for position in range(len(groups) + 1)]
    best = min(between, key=error)
    for _ in range(TRIES):
        if error(best) > NEAR:
            best = min([best, *_neighbours(groups, best, round_to)], key=error)
    return _choice(groups, best)


def _counts(groups: list[Coupled], share: float, round_to: int) -> list[int]:
    return [_rounded(group, share * len(group.order), round_to) for group in groups]


def _neighbours(groups: list[Coupled], counts: list[int], round_to: int) -> list[list[int]]:
    """The counts with a single one raised or lowered by one step."""
    return [
        [*counts[:position], _rounded(group, counts[position] + step, round_to), *counts[position + 1 :]]
        for position, group in enumerate(groups)
        for step in (-round_to, round_to)
    ]


def _rounded(group: Coupled, count: float, round_to: int) -> int:
    return min(len(group.order), max(round_to, round(count / round_to) * round_to))


def _choice(groups: list[Coupled], counts: list[int]) -> Choice:
    choice: Choice = {}
    for group, count in zip(groups, counts, strict=True):
        removed = sorted(group.order[count:].tolist())
        if removed:
            for name, side, width, indices in _members(group, removed):
                gone = set(indices)
                choice.setdefault(name, {})[side] = [index for index in range(width) if index not in gone]
    return choice


def _members(group: Coupled, channels: Sequence[int]) -> list[tuple[str, str, int, list[int]]]:
    """(name, side, width, indices) of every layer that channels of the root go with."""
    names = {module: name for name, module in group.graph.model.named_modules()}
    pruner = group.graph.get_pruner_of_module(group.root)
    members = []
    for dependency, indices in group.graph.get_pruning_group(group.root, pruner.prune_out_channels, list(channels)):
        layer = dependency.target.module
        if layer in names:  # not an operation between layers
            side = "out" if group.graph.is_out_channel_pruning_fn(dependency.handler) else "in"
            members.append((names[layer], side, getattr(layer, WIDTHS[type(layer)][side]), indices))
    return members


def _coupled(network: nn.Module, inputs: Sequence[Tensor]) -> list[Coupled]:
    """The groups of channels of which some can be removed, found by running a copy of the network.

    A network whose outputs come out of several layers names these as ``whole_layers``: torch-pruning loses its way
    where they are joined.
    """
    import torch_pruning  # which no other run should load

    layers = {name: layer for name, layer in network.named_modules() if [*layer.parameters(recurse=False)]}
    for name, layer in layers.items():
        if type(layer) not in WIDTHS or getattr(layer, "groups", 1) != 1:
            raise ValueError(
                f"channels of a network with {type(layer).__name__} ({name}) cannot be removed: only those of plain "
                "convolutions, linear layers and batch norms can; PruneWeights takes others"
            )
    fixed = {name for name, layer in layers.items() if not all(p.requires_grad for p in layer.parameters())}
    traced = copy.deepcopy(network).eval().requires_grad_()
    with torch.enable_grad():
        graph = torch_pruning.DependencyGraph().build_dependency(traced, tuple(inputs), verbose=False)
    importance = torch_pruning.importance.GroupMagnitudeImportance(p=2)
    found = []
    for group in graph.get_all_groups(ignored_layers=list(getattr(traced, "whole_layers", ()))):
        order = importance(group).cpu().argsort(descending=True, stable=True)
        coupled = Coupled(group[0].dep.target.module, order, graph)
        members = _members(coupled, range(len(order)))
        if any(side == "in" for _, side, _, _ in members) and not fixed & {name for name, *_ in members}:
            found.append(coupled)
    if not found:
        raise ValueError("the network has no channels between two layers that train, so none can be removed")
    return found
