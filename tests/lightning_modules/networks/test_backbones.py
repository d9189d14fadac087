from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lightning_modules.networks import backbones
from lightning_modules.networks.backbones import BackboneName, TransferNetwork
from lightning_modules.networks.cifar_resnet import CifarResNet
from lightning_modules.networks.efficientnet_lite import pretrained_state
from lightning_modules.networks.layers.normalize import Normalize


def build_transfer_network(name: BackboneName, weights: str | None, num_classes: int) -> TransferNetwork:
    return backbones.build_transfer_network(name, weights, num_classes, Normalize([0.5] * 3, [0.25] * 3))


def assert_loaded(network: nn.Module, state: dict[str, Tensor]) -> None:
    for name, value in network.get_submodule("1").state_dict().items():
        assert torch.equal(value, state[name]), name


@pytest.mark.parametrize(("name", "size"), [("cifar_resnet", 32), ("efficientnet_lite0", 64), ("resnet18", 64)])
def test_network_maps_images_to_logits_of_the_new_classes(name: BackboneName, size: int) -> None:
    network = build_transfer_network(name, None, num_classes=5)
    assert network(torch.randn(2, 3, size, size)).shape == (2, 5)


def test_embedded_weights_are_loaded_without_their_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = CifarResNet(num_classes=10).state_dict()
    save_file({name: value.contiguous() for name, value in source.items()}, tmp_path / "x.safetensors")
    monkeypatch.setattr(backbones, "EMBEDDED_WEIGHTS", tmp_path / "x.safetensors")
    assert_loaded(build_transfer_network("cifar_resnet", "embedded", 3).backbone, source)


def test_weights_that_have_seen_photographs_are_embedded_too() -> None:
    network = build_transfer_network("efficientnet_lite0", "embedded", 3)
    state = pretrained_state()
    assert_loaded(network.backbone, state)
    assert network.head.in_features == state["head.weight"].shape[1]


@pytest.mark.parametrize("prefix", ["network.1.", "network.backbone.1."])
def test_a_lightsmith_checkpoint_gives_its_backbone(tmp_path: Path, prefix: str) -> None:
    source = CifarResNet(num_classes=10).state_dict()
    state = {f"{prefix}{name}": value for name, value in source.items()}
    torch.save({"state_dict": state | {"network.1.head.bias": torch.zeros(10)}}, tmp_path / "x.ckpt")
    assert_loaded(build_transfer_network("cifar_resnet", str(tmp_path / "x.ckpt"), 3).backbone, source)


def test_torchvisions_weights_are_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models import ResNet18_Weights, resnet18

    source = resnet18().state_dict()
    monkeypatch.setattr(ResNet18_Weights, "get_state_dict", lambda *_, **__: source)
    assert_loaded(build_transfer_network("resnet18", "IMAGENET1K_V1", 3).backbone, source)


@pytest.mark.parametrize("wrapped", ["", "state_dict", "model"])
def test_torchvisions_state_dict_in_a_file_is_loaded(tmp_path: Path, wrapped: str) -> None:
    from torchvision.models import resnet18

    source = resnet18().state_dict()
    parallel = {f"module.{name}": value for name, value in source.items()}  # as of DataParallel
    torch.save({"epoch": 3, wrapped: parallel} if wrapped else source, tmp_path / "x.pth")
    assert_loaded(build_transfer_network("resnet18", str(tmp_path / "x.pth"), 3).backbone, source)


def test_a_state_dict_of_before_there_were_counters_is_loaded(tmp_path: Path) -> None:
    from torchvision.models import resnet18

    source = resnet18().state_dict()
    torch.save({name: value for name, value in source.items() if "num_batches" not in name}, tmp_path / "x.pth")
    assert_loaded(build_transfer_network("resnet18", str(tmp_path / "x.pth"), 3).backbone, source)


def test_a_file_that_is_no_state_dict_of_this_network_is_named(tmp_path: Path) -> None:
    refused("resnet18", "nope.pth", "'nope.pth' does not exist")
    (tmp_path / "noise.pth").write_bytes(b"noise")
    refused("resnet18", str(tmp_path / "noise.pth"), "is not a file of torch.save, or one in its format before 1.6")
    torch.save([1, 2], tmp_path / "list.pth")
    refused("resnet18", str(tmp_path / "list.pth"), "is not a state_dict")
    torch.save(nn.Linear(2, 2), tmp_path / "module.pth")
    refused("resnet18", str(tmp_path / "module.pth"), "torch.nn.modules.linear.Linear, which is neither a tensor")
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "other.pth")
    refused("resnet18", str(tmp_path / "other.pth"), "belong to another network")


def refused(name: Any, weights: str, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        build_transfer_network(name, weights, 3)


def test_weights_that_do_not_exist_or_fit_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused("resnet18", "embedded", "fits model.backbone=cifar_resnet or efficientnet_lite0, not resnet18")
    refused("resnet18", "IMAGENET1K_V9", "IMAGENET1K_V1")
    refused("cifar_resnet", "IMAGENET1K_V1", "cifar_resnet has embedded weights")
    refused("efficientnet_lite0", "IMAGENET1K_V1", "efficientnet_lite0 has embedded weights")
    refused("cifar_resnet", "nope.ckpt", "does not exist")
    (tmp_path / "noise.ckpt").write_bytes(b"noise")
    refused("cifar_resnet", str(tmp_path / "noise.ckpt"), "cannot be read as a checkpoint")
    torch.save({"state_dict": {"network.1.x": torch.zeros(1)}}, tmp_path / "other.ckpt")
    refused("cifar_resnet", str(tmp_path / "other.ckpt"), "belong to another network")


def test_a_download_that_fails_says_what_works_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models import ResNet18_Weights

    def unreachable(*_: Any, **__: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(ResNet18_Weights, "get_state_dict", unreachable)
    refused("resnet18", "IMAGENET1K_V1", "could not be downloaded")
