from torch import nn

from lightning_modules.networks.layers.norms import frozen_norms


def test_norms_with_no_weight_left_to_train_are_found() -> None:
    network = nn.Sequential(nn.BatchNorm1d(2), nn.BatchNorm2d(2, affine=False), nn.Linear(2, 2), nn.BatchNorm2d(2))
    assert frozen_norms(network) == [network[1]]
    network.requires_grad_(False)
    assert frozen_norms(network) == [network[0], network[1], network[3]]
    network[3].weight.requires_grad = True
    assert frozen_norms(network) == [network[0], network[1]]
