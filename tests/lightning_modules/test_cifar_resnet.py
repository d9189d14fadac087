import torch

from lightning_modules.cifar_resnet import CifarResNetClassifier


def test_takes_colour_bytes_and_gives_logits_of_every_class() -> None:
    model = CifarResNetClassifier(class_names=["a", "b", "c"])
    assert model(torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)).shape == (4, 3)


def test_backbone_has_the_names_that_ship_weights_and_transfer_rely_on() -> None:
    names = CifarResNetClassifier(class_names=["a", "b"]).state_dict()
    assert any(name.startswith("network.1.") for name in names)
    assert {name.split(".")[0] for name in names} == {"network"}
