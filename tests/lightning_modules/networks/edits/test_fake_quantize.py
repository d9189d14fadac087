from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from lightning_modules.networks.cifar_resnet import CifarResNet
from lightning_modules.networks.edits.fake_quantize import fake_quantize, freeze_ranges, undo_fake_quantization
from lightning_modules.networks.fast_cnn import FastCNN

IMAGES = torch.rand(8, 3, 12, 12, generator=torch.Generator().manual_seed(0))


def small_cnn() -> FastCNN:
    torch.manual_seed(0)
    return FastCNN(num_classes=3, widths=(8, 8, 8))


def test_no_parameter_gets_another_name_and_every_one_keeps_a_gradient() -> None:
    network = small_cnn()
    before = [name for name, _ in network.named_parameters()]
    fake_quantize(network)
    assert [name for name, _ in network.named_parameters()] == before
    network(IMAGES).square().sum().backward()
    gradients = {name: p.grad for name, p in network.named_parameters() if p.requires_grad}
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients.values())


def test_it_stays_close_to_what_it_was_and_is_not_the_same() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Flatten())
    network.append(nn.Linear(512, 3))
    exact = network(IMAGES)
    fake_quantize(network)
    quantized = network(IMAGES)
    assert not torch.equal(exact, quantized)
    assert (exact - quantized).abs().max() < 0.03 * exact.abs().max()


def test_ranges_are_learnt_in_training_only_and_not_once_frozen() -> None:
    network = small_cnn()
    fake_quantize(network)

    def scales() -> list[torch.Tensor]:
        return [value.clone() for name, value in network.named_buffers() if name.endswith("input_range.scale")]

    network(IMAGES)
    learnt = scales()
    assert len(learnt) == 7
    network.eval()(10 * IMAGES)
    assert scales() == learnt
    freeze_ranges(network)
    network.train()(10 * IMAGES)
    assert scales() == learnt


def test_a_state_fits_a_network_that_was_changed_without_memory() -> None:
    network = small_cnn()
    fake_quantize(network)
    network(IMAGES)
    with torch.device("meta"):
        empty = small_cnn()
        fake_quantize(empty)
    shapes = {name: value.shape for name, value in empty.state_dict().items()}
    assert shapes == {name: value.shape for name, value in network.state_dict().items()}
    restored = small_cnn()
    fake_quantize(restored)
    restored.load_state_dict(network.state_dict())
    assert torch.equal(restored.eval()(IMAGES), network.eval()(IMAGES))


def test_undone_it_is_the_plain_network_and_the_learnt_ranges_are_told() -> None:
    network = small_cnn()
    plain = copy.deepcopy(network).eval()
    fake_quantize(network.eval())
    network.train(False)
    ranges = undo_fake_quantization(network)
    assert torch.equal(network(IMAGES), plain(IMAGES))
    assert list(network.state_dict()) == list(plain.state_dict())
    weighted = {name for name, m in plain.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    assert set(ranges) == {f"{name}.input_range" for name in weighted}


def test_both_branches_of_a_sum_and_what_a_mean_is_of_are_rounded() -> None:
    torch.manual_seed(0)
    network = CifarResNet(3, widths=(8, 16), blocks=(1, 1)).eval()
    plain = copy.deepcopy(network)
    fake_quantize(network.train())
    network(torch.rand(8, 3, 16, 16))
    seen: list[torch.Tensor] = []
    for block in (network.stages[0][0], network.stages[1][0]):  # type: ignore[index]
        for name in ("branch_range", "shortcut_range"):
            block.get_submodule(name).register_forward_hook(lambda _, __, output: seen.append(output))
    network.get_submodule("pool_range").register_forward_hook(lambda _, __, output: seen.append(output))
    network.eval()(torch.rand(8, 3, 16, 16))
    assert [len(values.unique()) <= 256 for values in seen] == [True] * 5
    ranges = undo_fake_quantization(network)
    summed = {f"stages.{stage}.0.{side}_range" for stage in (0, 1) for side in ("branch", "shortcut")}
    assert {name for name in ranges if not name.endswith("input_range")} == {*summed, "pool_range"}
    assert [type(module) for module in network.modules()] == [type(module) for module in plain.modules()]


def test_it_cannot_be_done_twice_or_to_nothing() -> None:
    network = small_cnn()
    fake_quantize(network)
    with pytest.raises(ValueError, match="fake-quantized already"):
        fake_quantize(network)
    with pytest.raises(ValueError, match="no convolution, linear, embedding or recurrent layer"):
        fake_quantize(nn.ReLU())
    with pytest.raises(ValueError, match="let one read each direction, as LSTMClassifier does"):
        fake_quantize(nn.LSTM(3, 4, batch_first=True, bidirectional=True))
