"""Pretrained image backbones with a new head."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Literal

from safetensors.torch import load_file
from torch import Tensor, nn

from lightning_modules.networks.cifar_resnet import CifarResNet
from lightning_modules.networks.efficientnet_lite import EfficientNetLite0, pretrained_state
from lightning_modules.networks.layers.normalize import Normalize
from lightning_modules.networks.weights.read_tensors import read_tensors

BackboneName = Literal["cifar_resnet", "efficientnet_lite0", "resnet18", "resnet34", "resnet50"]
WITH_EMBEDDED_WEIGHTS = ("cifar_resnet", "efficientnet_lite0")  # the others are torchvision's
EMBEDDED_WEIGHTS = Path(__file__).parent / "weights" / "cifar_resnet.safetensors"
STATE_DICTS = (".pth", ".pt")
HEADS = ("head.", "fc.")
BACKBONE_PREFIX = "network.backbone.1."  # of the backbone's names in a checkpoint of resnet_transfer


class TransferNetwork(nn.Module):
    """A backbone that gives features (B, D) of images as they are, and a linear head over the new classes."""

    def __init__(self, backbone: nn.Module, num_features: int, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(num_features, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, 3, H, W), uint8 or float32 in 0…255."""
        logits: Tensor = self.head(self.dropout(self.backbone(images)))
        return logits


def build_transfer_network(
    name: BackboneName, weights: str | None, num_classes: int, normalize: Normalize, dropout: float = 0.0
) -> TransferNetwork:
    """A backbone, pretrained or from scratch, and a new head.

    Args:
        name: ``cifar_resnet`` for small images, ``efficientnet_lite0`` for photographs, or torchvision's ResNet-18, 34
            or 50 (He et al. 2015).
        weights: ``embedded`` (cifar_resnet's were trained on CIFAR-10, efficientnet_lite0's on ImageNet), a name of
            torchvision's such as IMAGENET1K_V1 (downloaded), the path of a Lightsmith checkpoint of the same backbone,
            that of a .pth file with the ``state_dict`` of torchvision's network, or None.
        normalize: what the backbone's images went through in its pretraining.

    Raises:
        ValueError: unknown weights, or a checkpoint of another network.
    """
    backbone, num_features = _build_backbone(name)
    if weights is not None:
        _load(backbone, _pretrained_state(name, weights), weights)
    return TransferNetwork(nn.Sequential(normalize, backbone), num_features, num_classes, dropout)


def _build_backbone(name: BackboneName) -> tuple[nn.Module, int]:
    if name in WITH_EMBEDDED_WEIGHTS:
        network = CifarResNet(num_classes=1) if name == "cifar_resnet" else EfficientNetLite0(num_classes=1)
        num_features = network.num_features
        network.head = nn.Identity()  # type: ignore[assignment]  # the transfer network brings its own
        return network, num_features
    from torchvision.models import get_model

    resnet = get_model(name, weights=None)
    num_features = resnet.fc.in_features
    resnet.fc = nn.Identity()
    return resnet, num_features


def _pretrained_state(name: BackboneName, weights: str) -> dict[str, Tensor]:
    if weights == "embedded":
        if name not in WITH_EMBEDDED_WEIGHTS:
            fitting = " or ".join(WITH_EMBEDDED_WEIGHTS)
            raise ValueError(f"model.weights=embedded fits model.backbone={fitting}, not {name}; try IMAGENET1K_V1")
        return load_file(EMBEDDED_WEIGHTS) if name == "cifar_resnet" else pretrained_state()
    if weights.endswith(".ckpt"):
        return _checkpoint_state(Path(weights).expanduser())
    if weights.endswith(STATE_DICTS):
        return _saved_state(Path(weights).expanduser())
    return _torchvision_state(name, weights)


def _torchvision_state(name: BackboneName, weights: str) -> dict[str, Tensor]:
    from torchvision.models import get_model_weights

    if name in WITH_EMBEDDED_WEIGHTS:
        raise ValueError(
            f"model.weights={weights!r}: {name} has embedded weights, a .ckpt or .pth path, or null for none"
        )
    known = get_model_weights(name)
    if weights not in known.__members__:
        raise ValueError(
            f"model.weights={weights!r}: {name} has {', '.join(known.__members__)}, or give a .ckpt or .pth path"
        )
    try:
        return dict(known[weights].get_state_dict(progress=True, check_hash=True))
    except OSError as error:
        raise ValueError(
            f"model.weights={weights} could not be downloaded ({error}); a .ckpt or .pth path works offline"
        ) from error


def _saved_state(path: Path) -> dict[str, Tensor]:
    """A network's ``state_dict`` as torch.save wrote it, alone or under the names that training scripts give it.

    Raises:
        ValueError: it is not there, is not torch's, or is no state_dict.
    """
    if not path.is_file():
        raise ValueError(f"model.weights={str(path)!r} does not exist")
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"model.weights={str(path)!r} is not a file of torch.save, or one in its format before 1.6: save it again "
            "with torch.save(torch.load(path, weights_only=True), path)"
        )
    content = read_tensors(path)
    state = next((content[name] for name in ("state_dict", "model") if name in content), content)
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(
            f"model.weights={str(path)!r} is not a state_dict: save it with torch.save(m.state_dict(), path)"
        )
    return {str(key).removeprefix("module."): value for key, value in state.items()}  # a prefix of DataParallel


def _checkpoint_state(path: Path) -> dict[str, Tensor]:
    """The backbone's part of a Lightsmith checkpoint of cifar_resnet or resnet_transfer."""
    if not path.is_file():
        raise ValueError(f"model.weights={str(path)!r} does not exist")
    try:
        state = read_tensors(path)["state_dict"]
        named = all(isinstance(key, str) and isinstance(value, Tensor) for key, value in state.items())
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"model.weights={str(path)!r} cannot be read as a checkpoint") from error
    if not named:
        raise ValueError(f"model.weights={str(path)!r} cannot be read as a checkpoint")
    prefix = BACKBONE_PREFIX if any(key.startswith("network.backbone.") for key in state) else "network.1."
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def _load(backbone: nn.Module, state: dict[str, Tensor], weights: str) -> None:
    """Load everything but the old head.

    Raises:
        ValueError: the weights belong to another network.
    """
    state = {key: value for key, value in state.items() if not key.startswith(HEADS)}
    expected = backbone.state_dict()
    # What torchvision saved before torch 0.4.1 lacks these counters, which nothing here reads.
    state = {key: value for key, value in expected.items() if key.endswith("num_batches_tracked")} | state
    wrong = [key for key in expected if key not in state or state[key].shape != expected[key].shape]
    if wrong or len(state) != len(expected):
        raise ValueError(
            f"model.weights={weights} belong to another network (they differ at {wrong[:1] or 'extra keys'})"
        )
    backbone.load_state_dict(state)
