"""Batch norms, which change as data goes through them even where nothing trains."""

from __future__ import annotations

from torch import nn

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def frozen_norms(network: nn.Module) -> list[nn.Module]:
    """The batch norms that have no weight left to train, so that their statistics should stay too."""
    norms = [module for module in network.modules() if isinstance(module, BATCH_NORMS)]
    return [norm for norm in norms if not any(weight.requires_grad for weight in norm.parameters())]
