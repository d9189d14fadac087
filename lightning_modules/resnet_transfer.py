"""A pretrained network for images, fine-tuned on few of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from lightning_modules.cifar_cnn import MEAN, STD
from lightning_modules.classifier import Classifier
from lightning_modules.networks import efficientnet_lite
from lightning_modules.networks.backbones import BackboneName, TransferNetwork, build_transfer_network
from lightning_modules.networks.layers.normalize import Normalize

# Mean and standard deviation of each backbone's pretraining; the others are torchvision's, which have seen ImageNet.
STATISTICS: dict[str, tuple[Sequence[float], Sequence[float]]] = {
    "cifar_resnet": (MEAN, STD),
    "efficientnet_lite0": (efficientnet_lite.MEAN, efficientnet_lite.STD),
}
IMAGENET_STATISTICS = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class ResNetTransfer(Classifier):
    """Transfer with a new head, either fine-tuning everything or training the head alone.

    Args:
        backbone: ``cifar_resnet`` for images of 32×32, or for 224×224 ``efficientnet_lite0`` or torchvision's ResNets.
        weights: ``embedded`` (cifar_resnet, efficientnet_lite0), torchvision's such as IMAGENET1K_V1, the path of a
            .ckpt or of a .pth with torchvision's state_dict, or null for none.
        freeze_backbone: train the head only; the backbone stays in evaluation mode.
        dropout: before the head, 0…1.
    """

    network: TransferNetwork
    pretrained_by = ("weights",)

    def __init__(
        self,
        backbone: BackboneName = "cifar_resnet",
        weights: str | None = "embedded",
        freeze_backbone: bool = False,
        dropout: float = 0.0,
        **recipe: Any,
    ) -> None:
        super().__init__(**recipe)
        self.save_hyperparameters()
        normalize = Normalize(*STATISTICS.get(backbone, IMAGENET_STATISTICS))
        network = build_transfer_network(backbone, weights, len(self.class_names), normalize, dropout)
        self.network = network.to(memory_format=torch.channels_last)
        if freeze_backbone:
            self.network.backbone.requires_grad_(False)
            self.rest("freeze_backbone", self.network.backbone.modules())
