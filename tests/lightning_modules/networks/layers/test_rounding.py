from __future__ import annotations

import torch

from lightning_modules.networks.layers.rounding import RowRange, rounded, rounded_between, rounded_rows_of


def test_a_weight_has_at_most_255_values_a_channel_and_its_zeros_stay() -> None:
    weight = torch.randn(4, 3, 20, 20)
    weight[:, :, ::2] = 0
    quantized = rounded(weight)
    assert all(len(channel.unique()) <= 255 for channel in quantized)
    assert quantized[weight == 0].count_nonzero() == 0
    steps = weight.abs().flatten(1).amax(1) / 127
    assert ((quantized - weight).abs().flatten(1).amax(1) <= steps / 2 * 1.001).all()


def test_scaling_a_channel_scales_its_rounding_so_a_norm_may_be_folded_later() -> None:
    weight, scale = torch.randn(4, 3, 3, 3), torch.tensor([2.0, 0.5, -4.0, 1.0]).view(4, 1, 1, 1)
    assert torch.equal(rounded(weight * scale), rounded(weight) * scale)


def test_a_row_is_rounded_by_itself_and_gradients_pass() -> None:
    quiet, loud = torch.randn(2, 5, 40), 1000 * torch.randn(2, 5, 40)
    assert torch.equal(RowRange()(torch.cat([quiet, loud]))[:2], RowRange()(quiet))
    largest = quiet.abs().amax(-1, keepdim=True)
    assert ((RowRange()(quiet) - quiet).abs() <= largest / 127 / 2 * 1.001).all()
    assert torch.equal(RowRange()(torch.zeros(2, 3)), torch.zeros(2, 3))
    RowRange()(quiet.requires_grad_()).sum().backward()
    assert torch.equal(quiet.grad, torch.ones_like(quiet))  # type: ignore[arg-type]  # mypy knows no gradient


def test_a_table_is_rounded_within_its_range_and_zero_stays_zero() -> None:
    table = 5 + torch.rand(20, 4)
    table[0] = 0
    quantized = rounded_rows_of(table, table)
    assert len(quantized.unique()) <= 256
    assert quantized[0].count_nonzero() == 0
    assert (quantized - table).abs().max() <= table.max() / 255 / 2 * 1.001
    assert torch.equal(rounded_rows_of(table, table[3:5]), quantized[3:5])


def test_values_are_rounded_within_what_they_can_be_at_most() -> None:
    values = torch.linspace(-3, 3, 1001)
    quantized = rounded_between(values, 2.0)
    inside = values.abs() < 1.9
    assert (quantized - values)[inside].abs().max() <= 4 / 255 / 2 * 1.001
    assert quantized.abs().max() <= 2 * 128 / 127.5
